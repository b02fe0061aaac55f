"""Talking on Discord: typing, the notice of a long wait, the reply as it is written, its face, and its buttons."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import discord

from bot.answers import Actor, Button, ButtonStyle
from bot.discord_components import DESK, TURN, button_row, desk_buttons
from bot.discord_post import DiscordPost
from bot.discord_reply import Files, ReplyMessage
from bot.discord_trouble import told
from bot.errors import DeliveryError
from bot.face_pictures import FacePictures
from bot.live_text import LiveText
from bot.plain_text import discord_text
from bot.spoken import FaceMode, Spoken
from bot.stream_pace import DISCORD_CADENCE, Cadence
from bot.talk import Conversing, Talk
from bot.text_parts import split_text

_log = logging.getLogger(__name__)
LIMIT = 2000
CANCEL, AGAIN, SHOW = "c", "r", "s"
_MOST_KEPT = 1000  # private lines that wait to be read, and long replies
_PICTURE = "aurora.png"
_WITHDRAWN = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimes:
    """After how many seconds of waiting a person is told, how often that and her typing are renewed, and how often a reply is edited."""

    patience_s: float = 3.0
    renew_s: float = 5.0
    typing_s: float = 8.0
    cadence: Cadence = DISCORD_CADENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replaced:
    """A reply that is tried again: its messages, and the text of the last of them."""

    request_id: str
    messages: tuple[int, ...]
    text: str


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One message on its way. `replaced` is the reply that is tried again."""

    talking: Conversing
    live: LiveText
    reply: ReplyMessage
    channel: int
    replaced: _Replaced | None = None
    previous: asyncio.Task[None] | None = None
    is_deleted: bool = False


class DiscordTurns:
    """Follows every message from its beginning to her reply."""

    def __init__(self, talk: Talk, post: DiscordPost, faces: FacePictures, times: TurnTimes) -> None:
        """Talk by `talk`, write by `post`."""
        self._talk = talk
        self._post = post
        self._faces = faces
        self._times = times
        self._turns: dict[str, _Turn] = {}
        self._by_source: dict[int, _Turn] = {}
        self._last: dict[int, asyncio.Task[None]] = {}  # of each channel, so that replies keep their order
        self._tasks: set[asyncio.Task[None]] = set()
        self._private: OrderedDict[str, str] = OrderedDict()
        self._in_parts: OrderedDict[str, tuple[int, ...]] = OrderedDict()  # the messages of replies that take several

    def begin(
        self,
        actor: Actor,
        text: str,
        *,
        channel: int,
        source: int,
        answers: int | None,
        replies_to: int | None = None,
        link: str | None = None,
    ) -> None:
        """Send a message on its way, at once: the order of these calls is the order of the replies in a channel."""
        self._post.saw(source)
        live = LiveText(self._times.cadence)
        above = None if replies_to is None else str(replies_to)
        talking = self._talk.begin(actor, text, show=live.show, replies_to=above, link=link)
        reply = ReplyMessage(self._post, name=talking.request_id, channel=channel, answers=answers)
        turn = _Turn(talking=talking, live=live, reply=reply, channel=channel, previous=self._last.get(channel))
        self._by_source[source] = turn
        task = self._last[channel] = self._start(turn)

        def forget(_: asyncio.Task[None]) -> None:
            self._by_source.pop(source, None)
            if self._last.get(channel) is task:
                del self._last[channel]

        task.add_done_callback(forget)

    def again(self, actor: Actor, request_id: str, *, channel: int, message: int, text: str) -> bool:
        """Answer the message of a reply again, in the same place; False when that cannot be done any more."""
        live = LiveText(self._times.cadence)
        talking = self._talk.regenerate(actor, request_id, show=live.show)
        if talking is None:
            return False
        replaced = _Replaced(request_id=request_id, messages=self._in_parts.get(request_id, (message,)), text=text)
        reply = ReplyMessage(self._post, name=talking.request_id, channel=channel, shown=replaced.messages)
        self._start(_Turn(talking=talking, live=live, reply=reply, channel=channel, replaced=replaced))
        return True

    def cancel(self, request_id: str) -> bool:
        """Give a message up at its person's wish; False when it has ended."""
        turn = self._turns.get(request_id)
        return turn is not None and turn.talking.cancel()

    def private_text(self, request_id: str) -> str | None:
        """Return what was said to one person alone in a server, if it is still known."""
        return self._private.get(request_id)

    def source_deleted(self, source: int) -> None:
        """Give up a message that its person deleted, while it still waits."""
        turn = self._by_source.get(source)
        if turn is None:
            return
        turn.reply.forget_source()
        if turn.talking.turn is None or turn.talking.position is not None:
            turn.is_deleted = turn.talking.cancel()

    async def idle(self, timeout_s: float) -> None:
        """Wait until every reply is written, at most `timeout_s`; then give up the rest."""
        if not self._tasks:
            return
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
            _log.error("request_id=%s a reply failed: %s", number, told(error))
            _log.debug("request_id=%s", number, exc_info=error)

    async def _show_progress(self, turn: _Turn) -> Spoken:
        """Show the wait and the reply as it is written, until the outcome is there."""
        waiting, streaming = (asyncio.create_task(part(turn)) for part in (self._tell_waiting, self._stream))
        try:
            return await turn.talking.outcome()
        except asyncio.CancelledError:
            streaming.cancel()
            raise
        finally:
            turn.live.finish()
            waiting.cancel()
            if turn.previous is not None and not turn.previous.done():
                streaming.cancel()  # it has not begun to write
            await asyncio.wait([waiting, streaming])
            for task in (waiting, streaming):
                if not task.cancelled() and (error := task.exception()) is not None:
                    _log.info("request_id=%s progress not shown: %s", turn.talking.request_id, told(error))

    async def _tell_waiting(self, turn: _Turn) -> None:
        told = None
        await asyncio.sleep(self._times.patience_s)
        while (text := await turn.talking.waiting_text()) is not None:
            if text != told:
                words = await self._talk.words(turn.talking.actor)
                row = self._row(words.cancel, CANCEL, turn, turn.talking.request_id)
                # shielded, so that the number of a notice that is being sent is not lost with the end of the wait
                await asyncio.shield(turn.reply.put_notice(discord_text(text), row))
                told = text
            await asyncio.sleep(self._times.renew_s)

    async def _stream(self, turn: _Turn) -> None:
        await _ended(turn.previous)
        if turn.replaced is not None and len(turn.replaced.messages) > 1:
            return  # half of an old reply below a new one would make no sense: it is replaced when the new one is whole
        async for text in turn.live.versions():
            parts = split_text(discord_text(text), LIMIT)
            if parts or turn.reply.shown:
                await turn.reply.put(parts[0] if parts else _WITHDRAWN, is_optional=True)

    async def _finish(self, turn: _Turn, spoken: Spoken) -> None:
        if spoken.is_cancelled:
            await self._finish_cancelled(turn, spoken)
            return
        await _ended(turn.previous)
        if turn.replaced is not None and not spoken.is_reply:
            await self._restore(turn, spoken)
            text, view = await self._refusal(turn, spoken)
            await turn.reply.add_line(text, view)
            await turn.reply.drop_notice()
            return
        if not spoken.is_reply:
            text, view = await self._refusal(turn, spoken)
            await turn.reply.put(text, view, ())
            await turn.reply.drop_notice()
            return
        parts = split_text(_final_text(spoken), LIMIT) or [_WITHDRAWN]
        files = (*self._face_files(spoken), *((file.name, file.data) for file in spoken.files))
        again = spoken.request_id if spoken.can_regenerate else None
        view = desk_buttons(spoken.buttons) or await self._reply_row(turn, again, spoken.memory)
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            tail: tuple[discord.ui.View | None, Files] = (view, files) if is_last else (None, ())
            await turn.reply.put(part, *tail, part=number)
        await turn.reply.drop_from(len(parts))
        self._talk.note_sent(turn.talking, *(str(number) for number in turn.reply.shown))
        await turn.reply.drop_notice()
        if len(parts) > 1:
            self._in_parts[spoken.request_id] = turn.reply.shown
            _trim(self._in_parts)

    async def _refusal(self, turn: _Turn, spoken: Spoken) -> tuple[str, discord.ui.View | None]:
        """Return why there is no reply; in a server behind a button, because a message cannot be shown to one person alone."""
        actor = turn.talking.actor
        if actor.place.community is None or not spoken.is_private:
            return discord_text(spoken.text), None
        self._private[spoken.request_id] = spoken.text
        _trim(self._private)
        texts = await self._talk.texts(actor)
        return texts.get("discord.for_you"), self._row(texts.get("discord.show"), SHOW, turn, spoken.request_id)

    async def _finish_cancelled(self, turn: _Turn, spoken: Spoken) -> None:
        if turn.replaced is not None:
            await self._restore(turn, spoken)
            await turn.reply.drop_notice()
        elif turn.is_deleted:
            await turn.reply.drop()
        elif turn.reply.has_notice and not turn.reply.shown:
            await turn.reply.put_notice(discord_text(spoken.text), None)
        else:
            await turn.reply.put(discord_text(spoken.text), None, ())
            await turn.reply.drop_notice()

    async def _restore(self, turn: _Turn, spoken: Spoken) -> None:
        """Put back the reply that was to be replaced; it may be tried again."""
        replaced = turn.replaced
        if replaced is not None and len(replaced.messages) == 1:  # one in parts was not touched
            await turn.reply.put(replaced.text, await self._reply_row(turn, replaced.request_id, spoken.memory))

    def _face_files(self, spoken: Spoken) -> Files:
        if spoken.expression is None or spoken.face_mode is not FaceMode.PICTURE:
            return ()
        return ((_PICTURE, self._faces.png(spoken.expression)),)

    async def _reply_row(self, turn: _Turn, again: str | None, memory: Button | None) -> discord.ui.View | None:
        """Return what stands below a reply: the button to try request `again` anew, and the mark of what was remembered."""
        buttons = []
        if again is not None:
            words = await self._talk.words(turn.talking.actor)
            buttons.append((words.regenerate, _number(AGAIN, turn, again), ButtonStyle.PLAIN))
        if memory is not None:
            buttons.append((memory.label, DESK + memory.token, memory.style))
        return button_row(buttons) if buttons else None

    def _row(self, label: str, kind: str, turn: _Turn, request_id: str) -> discord.ui.View:
        return button_row([(label, _number(kind, turn, request_id), ButtonStyle.PLAIN)])


def _number(kind: str, turn: _Turn, request_id: str) -> str:
    """Return the id of a button of a turn, which says who may press it."""
    return f"{TURN}{kind}:{request_id}:{turn.talking.actor.user.id}"


def _final_text(spoken: Spoken) -> str:
    face = spoken.face if spoken.face_mode is FaceMode.EMOJI else None
    return "\n\n".join(discord_text(part) for part in (spoken.text, face, spoken.warning) if part)


def _trim(kept: OrderedDict[str, Any]) -> None:
    if len(kept) > _MOST_KEPT:
        kept.popitem(last=False)


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Wait for the turn before this one, whatever becomes of it."""
    if task is not None:
        await asyncio.wait([task])
