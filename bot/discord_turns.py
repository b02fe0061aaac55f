"""Talking on Discord: typing, the notice of a long wait, the reply as it is written, its face, and its buttons."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import discord

from bot.answers import Actor, ButtonStyle
from bot.discord_components import TURN, button_row
from bot.discord_post import DiscordPost
from bot.errors import DeliveryError
from bot.live_text import LiveText
from bot.plain_text import discord_text
from bot.stream_pace import DISCORD_CADENCE, Cadence
from bot.talk import Conversing, FaceMode, Spoken, Talk
from bot.text_parts import split_text
from engine.types import Expression

_log = logging.getLogger(__name__)
LIMIT = 2000
CANCEL, AGAIN = "c", "r"
_PICTURE = "aurora.png"
_WITHDRAWN = "…"


class Faces(Protocol):
    """Draws her face."""

    def png(self, expression: Expression, /) -> bytes:
        """Return a picture of an expression."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimes:
    """After how many seconds of waiting a person is told, how often that is renewed, and how often a reply is edited."""

    patience_s: float = 3.0
    renew_s: float = 5.0
    cadence: Cadence = DISCORD_CADENCE


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One message on its way: `shown` is the message that holds the reply, `notice` the one that says to wait."""

    talking: Conversing
    live: LiveText
    channel: int
    answers: int | None = None
    shown: int | None = None
    notice: int | None = None
    replaced: tuple[str, str] | None = None  # the reply that is tried again: its request id and its text
    was_tried: bool = False
    is_deleted: bool = False
    previous: asyncio.Task[None] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class DiscordTurns:
    """Follows every message from its beginning to her reply; `press` takes the buttons below it."""

    def __init__(self, talk: Talk, post: DiscordPost, faces: Faces, times: TurnTimes) -> None:
        """Talk by `talk`, write by `post`."""
        self._talk = talk
        self._post = post
        self._faces = faces
        self._times = times
        self._turns: dict[str, _Turn] = {}
        self._by_source: dict[int, _Turn] = {}
        self._last: dict[int, asyncio.Task[None]] = {}  # of each channel, so that replies keep their order
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, actor: Actor, text: str, *, channel: int, source: int, answers: int | None) -> None:
        """Send a message on its way, at once: the order of these calls is the order of the replies in a channel."""
        live = LiveText(self._times.cadence)
        talking = self._talk.begin(actor, text, show=live.show)
        turn = _Turn(talking=talking, live=live, channel=channel, answers=answers, previous=self._last.get(channel))
        self._by_source[source] = turn
        task = self._start(turn)
        self._last[channel] = task

        def forget(_: asyncio.Task[None]) -> None:
            del self._by_source[source]
            if self._last.get(channel) is task:
                del self._last[channel]

        task.add_done_callback(forget)

    def again(self, actor: Actor, request_id: str, *, channel: int, message: int, text: str) -> bool:
        """Answer the message of a reply again, in the same place; False when that cannot be done any more."""
        live = LiveText(self._times.cadence)
        talking = self._talk.regenerate(actor, request_id, show=live.show)
        if talking is None:
            return False
        turn = _Turn(talking=talking, live=live, channel=channel, shown=message, replaced=(request_id, text))
        self._start(turn)
        return True

    def cancel(self, request_id: str) -> bool:
        """Give a message up at its person's wish; False when it has ended."""
        turn = self._turns.get(request_id)
        return turn is not None and turn.talking.cancel()

    def source_deleted(self, source: int) -> None:
        """Give up a message that its person deleted, while it still waits."""
        turn = self._by_source.get(source)
        if turn is None:
            return
        turn.answers = None
        if turn.talking.turn is None or turn.talking.position is not None:
            turn.is_deleted = turn.talking.cancel()

    async def idle(self, timeout_s: float) -> None:
        """Wait until every reply is written, at most `timeout_s`; then give up the rest."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=timeout_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _start(self, turn: _Turn) -> asyncio.Task[None]:
        number = turn.talking.request_id
        self._turns[number] = turn
        task = asyncio.create_task(self._follow(turn), name=f"discord turn {number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._turns.pop(number, None))
        return task

    async def _follow(self, turn: _Turn) -> None:
        number = turn.talking.request_id
        try:
            async with self._post.typing(turn.channel):
                spoken = await self._show_progress(turn)
                await self._finish(turn, spoken)
        except DeliveryError as error:
            _log.error("request_id=%s a reply did not arrive: %s", number, error)
        except discord.HTTPException as error:
            _log.warning("request_id=%s Discord took no reply: %s (code %s)", number, error.status, error.code)
        except Exception as error:  # the edge of a message: the client goes on
            _log.error("request_id=%s a reply failed: %s: %s", number, type(error).__name__, error)
            _log.debug("request_id=%s", number, exc_info=error)

    async def _show_progress(self, turn: _Turn) -> Spoken:
        """Show the wait and the reply as it is written, until the outcome is there."""
        tasks = [asyncio.create_task(part(turn)) for part in (self._tell_waiting, self._stream)]
        try:
            return await turn.talking.outcome()
        finally:
            turn.live.finish()
            tasks[0].cancel()
            if turn.previous is not None and not turn.previous.done():
                tasks[1].cancel()  # it has not begun to write
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled() and task.exception() is not None:
                    _log.debug("request_id=%s progress: %s", turn.talking.request_id, type(task.exception()).__name__)

    async def _tell_waiting(self, turn: _Turn) -> None:
        told = None
        await asyncio.sleep(self._times.patience_s)
        while (text := await turn.talking.waiting_text()) is not None:
            if text != told:
                words = await self._talk.words(turn.talking.actor)
                row = button_row([(words.cancel, self._button(CANCEL, turn), ButtonStyle.PLAIN)])
                # shielded, so that the number of a notice that is being sent is not lost with the end of the wait
                await asyncio.shield(self._put_notice(turn, discord_text(text), row))
                told = text
            await asyncio.sleep(self._times.renew_s)

    async def _put_notice(self, turn: _Turn, text: str, view: discord.ui.View | None) -> None:
        async with turn.lock:
            if turn.notice is not None:
                await self._post.edit(turn.channel, turn.notice, text, view=view)
                return
            nonce = f"{turn.talking.request_id}-w"
            turn.notice = await self._post.send(turn.channel, text, nonce=nonce, view=view, answers=turn.answers)

    async def _stream(self, turn: _Turn) -> None:
        await _ended(turn.previous)
        async for text in turn.live.versions():
            parts = split_text(discord_text(text), LIMIT)
            if parts or turn.shown is not None:
                await self._put(turn, parts[0] if parts else _WITHDRAWN, is_optional=True)

    async def _finish(self, turn: _Turn, spoken: Spoken) -> None:
        if spoken.is_cancelled:
            await self._finish_cancelled(turn, spoken)
            return
        await _ended(turn.previous)
        if turn.replaced is not None and not spoken.is_reply:
            await self._restore(turn, spoken)
            return
        parts = split_text(self._final_text(spoken), LIMIT) or [_WITHDRAWN]
        files = self._face_files(spoken)
        view = await self._again_row(turn, spoken.request_id) if spoken.can_regenerate else None
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            tail = (view, files) if is_last else (None, ())
            if number == 0:
                await self._put(turn, part, *tail)
                continue
            nonce = f"{spoken.request_id}-{number}"
            await self._send(turn.channel, part, nonce, *tail)
        await self._drop_notice(turn)

    async def _finish_cancelled(self, turn: _Turn, spoken: Spoken) -> None:
        if turn.replaced is not None:
            await self._restore(turn, None)
        elif turn.is_deleted:
            await self._drop_notice(turn)
            if turn.shown is not None:
                await self._post.delete(turn.channel, turn.shown)
        elif turn.notice is not None and turn.shown is None:
            await self._put_notice(turn, discord_text(spoken.text), None)
        else:
            await self._put(turn, discord_text(spoken.text), None, ())
            await self._drop_notice(turn)

    async def _restore(self, turn: _Turn, spoken: Spoken | None) -> None:
        """Put back the reply that was to be replaced, which can be tried again, and say below why there is no other."""
        assert turn.replaced is not None
        number, text = turn.replaced
        await self._put(turn, text, await self._again_row(turn, number))
        if spoken is not None:
            await self._send(turn.channel, discord_text(spoken.text), f"{spoken.request_id}-e", None, ())

    async def _drop_notice(self, turn: _Turn) -> None:
        async with turn.lock:
            notice, turn.notice = turn.notice, None
        if notice is not None:
            await self._post.delete(turn.channel, notice)

    async def _put(
        self,
        turn: _Turn,
        text: str,
        view: discord.ui.View | None = None,
        files: Sequence[tuple[str, bytes]] | None = None,
        *,
        is_optional: bool = False,
    ) -> None:
        """Write the reply's message: a new one at first, then by editing it; a new one again when somebody deleted it."""
        async with turn.lock:
            if turn.shown is not None:
                try:
                    await self._edit(turn, turn.shown, text, view, files, is_optional=is_optional)
                    return
                except discord.NotFound:
                    if is_optional:
                        return
                    turn.shown, turn.was_tried = None, False
                    await self._send(turn.channel, text, f"{turn.talking.request_id}-n", view, files or ())
                    return
            was_tried, turn.was_tried = turn.was_tried, True
            nonce = f"{turn.talking.request_id}-0"
            turn.shown = await self._send(
                turn.channel, text, nonce, view, files or (), answers=turn.answers, is_optional=is_optional
            )
            if was_tried and turn.shown is not None:
                # an earlier try may have arrived after all; then this one was taken for it, and its text was not used
                await self._edit(turn, turn.shown, text, view, files, is_optional=is_optional)

    async def _edit(
        self,
        turn: _Turn,
        number: int,
        text: str,
        view: discord.ui.View | None,
        files: Sequence[tuple[str, bytes]] | None,
        *,
        is_optional: bool,
    ) -> None:
        try:
            await self._post.edit(turn.channel, number, text, view=view, files=files, is_optional=is_optional)
        except discord.Forbidden:
            if not files:
                raise
            await self._post.edit(turn.channel, number, text, view=view)

    async def _send(
        self,
        channel: int,
        text: str,
        nonce: str,
        view: discord.ui.View | None,
        files: Sequence[tuple[str, bytes]],
        *,
        answers: int | None = None,
        is_optional: bool = False,
    ) -> int | None:
        options = {"view": view, "answers": answers, "is_optional": is_optional}
        try:
            return await self._post.send(channel, text, nonce=nonce, files=files, **options)  # type: ignore[arg-type]
        except discord.Forbidden:
            if not files:
                raise
            return await self._post.send(channel, text, nonce=nonce, **options)  # type: ignore[arg-type]

    def _final_text(self, spoken: Spoken) -> str:
        face = spoken.face if spoken.face_mode is FaceMode.EMOJI else None
        return "\n\n".join(discord_text(part) for part in (spoken.text, face, spoken.warning) if part)

    def _face_files(self, spoken: Spoken) -> Sequence[tuple[str, bytes]]:
        if spoken.expression is None or spoken.face_mode is not FaceMode.PICTURE:
            return ()
        return ((_PICTURE, self._faces.png(spoken.expression)),)

    async def _again_row(self, turn: _Turn, request_id: str) -> discord.ui.View:
        words = await self._talk.words(turn.talking.actor)
        number = f"{TURN}{AGAIN}:{request_id}:{turn.talking.actor.user.id}"
        return button_row([(words.regenerate, number, ButtonStyle.PLAIN)])

    def _button(self, kind: str, turn: _Turn) -> str:
        return f"{TURN}{kind}:{turn.talking.request_id}:{turn.talking.actor.user.id}"


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Wait for the turn before this one, whatever becomes of it."""
    if task is not None:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
