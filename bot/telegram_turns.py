"""Talking on Telegram: typing, drafts while she writes, the notice of a long wait, her reply with its face and its buttons."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from telegram import InlineKeyboardMarkup, MaybeInaccessibleMessage, Message
from telegram.error import BadRequest, TelegramError

from bot.answers import Actor
from bot.button_book import ButtonBook, PressRefusal
from bot.errors import DeliveryError
from bot.live_text import LiveText
from bot.plain_text import telegram_text
from bot.spoken import FaceMode, Spoken
from bot.stream_pace import TELEGRAM_DRAFT_CADENCE, Cadence
from bot.talk import Conversing, Talk
from bot.telegram_buttons import (
    CancelTurn,
    SayAgain,
    TalkAct,
    desk_keyboard,
    reply_keyboard,
    talk_keyboard,
    without_talk,
)
from bot.telegram_mapping import Spot
from bot.telegram_private import PrivateWay
from bot.telegram_requests import is_unreachable
from bot.telegram_sender import LONGEST_CAPTION, TelegramSender
from bot.text_parts import utf16_length
from engine.types import Expression

_log = logging.getLogger(__name__)


class Faces(Protocol):
    """Draws her face."""

    def png(self, expression: Expression, /) -> bytes:
        """Return a picture of an expression."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimes:
    """Seconds: typing is renewed, drafts too; after `patience_s` of waiting a person is told, and then looked after."""

    typing_s: float = 4.0
    draft_s: float = 20.0  # Telegram shows a draft for 30
    patience_s: float = 3.0
    look_s: float = 0.5
    cadence: Cadence = TELEGRAM_DRAFT_CADENCE


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One message on its way. `heard` is its id; `previous` the turn before it in the same place.

    `pressed` is the message below which it was asked to be answered again: its button stands until there is a new reply.
    """

    talking: Conversing
    live: LiveText
    spot: Spot
    heard: int | None
    previous: asyncio.Task[None] | None
    pressed: MaybeInaccessibleMessage | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class TelegramTurns:
    """Follows every message from its beginning to her reply; `press` takes the buttons below it."""

    def __init__(
        self,
        talk: Talk,
        sender: TelegramSender,
        faces: Faces,
        private: PrivateWay,
        book: ButtonBook[TalkAct],
        times: TurnTimes,
    ) -> None:
        """Talk by `talk`, write by `sender`; `book` knows what the buttons stand for."""
        self._talk = talk
        self._sender = sender
        self._faces = faces
        self._private = private
        self._book = book
        self._times = times
        self._pictures: dict[Expression, str] = {}  # file ids, so that a face is uploaded once
        self._last: dict[str, asyncio.Task[None]] = {}  # of each place, so that replies keep their order
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self,
        actor: Actor,
        text: str,
        spot: Spot,
        heard: int | None,
        *,
        replies_to: int | None = None,
        link: str | None = None,
    ) -> None:
        """Send a message on its way, at once: the order of these calls is the order of the replies in a place."""
        live = LiveText(self._times.cadence)
        above = None if replies_to is None else str(replies_to)
        self._start(self._talk.begin(actor, text, show=live.show, replies_to=above, link=link), live, spot, heard)

    async def press(self, actor: Actor, token: str, query: str, spot: Spot, message: MaybeInaccessibleMessage) -> None:
        """Do what a button of a conversation stands for, if this person may press it."""
        act = self._book.redeem(token, actor)
        words = await self._talk.words(actor)
        if act is PressRefusal.STRANGER or act is PressRefusal.NOT_ALLOWED:
            await self._sender.answer_press(query, words.not_yours)
            return
        done = False
        if isinstance(act, CancelTurn):
            done = act.talking.cancel()
        elif isinstance(act, SayAgain):
            live = LiveText(self._times.cadence)
            talking = self._talk.regenerate(actor, act.request_id, show=live.show)
            if talking is not None:
                self._start(talking, live, spot, act.heard, pressed=message)
                done = True
        await self._sender.answer_press(query, "" if done else words.too_late)
        if not done:
            await self._take_button(spot, message)

    async def idle(self, timeout_s: float) -> None:
        """Wait until every reply is written, at most `timeout_s`; then give up the rest."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=timeout_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _start(
        self,
        talking: Conversing,
        live: LiveText,
        spot: Spot,
        heard: int | None,
        pressed: MaybeInaccessibleMessage | None = None,
    ) -> None:
        previous = self._last.get(spot.name)
        turn = _Turn(talking=talking, live=live, spot=spot, heard=heard, previous=previous, pressed=pressed)
        task = asyncio.create_task(self._follow(turn), name=f"telegram turn {talking.request_id}")
        self._last[spot.name] = task
        self._tasks.add(task)

        def forget(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            if self._last.get(spot.name) is done:
                del self._last[spot.name]

        task.add_done_callback(forget)

    async def _follow(self, turn: _Turn) -> None:
        number = turn.talking.request_id
        try:
            await self._hold(turn)
        except DeliveryError as error:
            _log.error("request_id=%s a reply did not arrive: %s", number, error)
        except TelegramError as error:
            level = logging.INFO if is_unreachable(error) else logging.ERROR
            _log.log(level, "request_id=%s Telegram took no reply: %s", number, type(error).__name__)
        except Exception as error:  # the edge of a message: the client goes on
            _log.error("request_id=%s a reply failed: %s: %s", number, type(error).__name__, error)
            _log.debug("request_id=%s", number, exc_info=error)

    async def _hold(self, turn: _Turn) -> None:
        number = turn.talking.request_id
        typing = asyncio.create_task(self._show_typing(turn), name=f"telegram typing {number}")
        notice = asyncio.create_task(self._show_wait(turn), name=f"telegram wait {number}")
        shows = asyncio.create_task(self._show_drafts(turn), name=f"telegram drafts {number}")
        try:
            spoken = await turn.talking.outcome()
            turn.live.finish()
            turn.ended.set()
            # A draft on its way is waited for, not cut off: it must not come after the reply.
            await asyncio.gather(shows, notice, return_exceptions=True)
            if turn.previous is not None:
                await asyncio.wait([turn.previous])
            await self._say(turn, spoken, _result(notice))
        finally:
            turn.ended.set()
            for task in (typing, notice, shows):
                task.cancel()
            await asyncio.gather(typing, notice, shows, return_exceptions=True)

    async def _show_typing(self, turn: _Turn) -> None:
        """Show that she writes until the reply is sent, after the turn before it; renew a draft before Telegram drops it."""
        shown_s = 0.0
        if turn.previous is not None:
            await asyncio.wait([turn.previous])
        while True:
            await self._sender.typing(turn.spot)
            await asyncio.sleep(self._times.typing_s)
            shown_s += self._times.typing_s
            if shown_s >= self._times.draft_s and turn.live.text and not turn.spot.is_group and not turn.ended.is_set():
                shown_s = 0.0
                await self._sender.draft(turn.spot, _draft_id(turn), telegram_text(turn.live.text))

    async def _show_drafts(self, turn: _Turn) -> None:
        """Show the reply while it is written, in private chats."""
        if turn.spot.is_group:
            return
        async for text in turn.live.versions():
            await self._sender.draft(turn.spot, _draft_id(turn), telegram_text(text))

    async def _show_wait(self, turn: _Turn) -> Message | None:
        """Tell who waits for long, with a button to give up; take the notice away when the turn begins."""
        talking, notice = turn.talking, None
        if await _within(turn.ended.wait(), self._times.patience_s):
            return None
        while not turn.ended.is_set() and (talking.turn is None or talking.position is not None):
            if notice is None and talking.position:
                notice = await self._send_notice(turn)
            await _within(turn.ended.wait(), self._times.look_s)
        if notice is not None and not (turn.ended.is_set() or talking.is_cancelled):
            await self._sender.delete(turn.spot, notice.message_id)
            return None
        return notice

    async def _send_notice(self, turn: _Turn) -> Message | None:
        text = await turn.talking.waiting_text()
        if text is None:
            return None
        words = await self._talk.words(turn.talking.actor)
        token = self._book.issue(CancelTurn(talking=turn.talking), presser=turn.talking.actor.user)
        keyboard = talk_keyboard(words.cancel, token)
        sent = await self._sender.text(turn.spot, text, markup=keyboard, reply_to=_reply_to(turn))
        return sent[-1]

    async def _say(self, turn: _Turn, spoken: Spoken, notice: Message | None) -> None:
        """Send what she says; a notice that still stands becomes the answer to a cancelled message, or goes."""
        if notice is not None and spoken.is_cancelled:
            await self._sender.edit_text(turn.spot, notice.message_id, telegram_text(spoken.text))
            return
        if notice is not None:
            with suppress(TelegramError, DeliveryError):
                await self._sender.delete(turn.spot, notice.message_id)
        if not spoken.is_reply:
            await self._say_privately(turn, spoken.text)
            return
        text = telegram_text(spoken.text)
        if spoken.face_mode is FaceMode.EMOJI and spoken.face:
            text = f"{spoken.face} {text}"
        if spoken.warning and not turn.spot.is_group:
            text = f"{text}\n\n⚠ {telegram_text(spoken.warning)}"
        keyboard = desk_keyboard(spoken.buttons) or await self._reply_keyboard(turn, spoken)
        if spoken.face_mode is FaceMode.PICTURE and spoken.expression is not None:
            sent = await self._say_with_picture(turn, text, spoken.expression, keyboard)
        else:
            sent = await self._sender.text(turn.spot, text, markup=keyboard, reply_to=_reply_to(turn))
        self._talk.note_sent(turn.talking, *(str(message.message_id) for message in sent))
        if turn.pressed is not None:
            await self._take_button(turn.spot, turn.pressed)
        for file in spoken.files:
            await self._sender.file(turn.spot, file)
        if spoken.warning and turn.spot.is_group:
            await self._say_privately(turn, f"⚠ {spoken.warning}")

    async def _take_button(self, spot: Spot, message: MaybeInaccessibleMessage) -> None:
        """Take a conversation's button away that does nothing any more; one that stays does no harm."""
        left = without_talk(message.reply_markup) if isinstance(message, Message) else None
        with suppress(TelegramError, DeliveryError):
            await self._sender.leave_buttons(spot, message.message_id, left)

    async def _say_privately(self, turn: _Turn, text: str) -> None:
        harmless = telegram_text(text)
        await self._private.bring(
            turn.talking.actor, turn.spot, lambda where: self._sender.text(where, harmless), heard=turn.heard
        )

    async def _reply_keyboard(self, turn: _Turn, spoken: Spoken) -> InlineKeyboardMarkup | None:
        again = None
        if spoken.can_regenerate:
            words = await self._talk.words(turn.talking.actor)
            act = SayAgain(request_id=spoken.request_id, heard=turn.heard)
            again = words.regenerate, self._book.issue(act, presser=turn.talking.actor.user)
        return reply_keyboard(again, spoken.memory)

    async def _say_with_picture(
        self, turn: _Turn, text: str, face: Expression, keyboard: InlineKeyboardMarkup | None
    ) -> list[Message]:
        """Send her face with the reply below it; a long reply goes before it, and where pictures are not allowed, alone."""
        caption, sent = text, list[Message]()
        if utf16_length(text) > LONGEST_CAPTION:
            caption, sent = "", await self._sender.text(turn.spot, text, reply_to=_reply_to(turn))
        try:
            picture = await self._send_picture(turn, face, caption, keyboard)
        except BadRequest as error:
            _log.info("request_id=%s no picture: %s", turn.talking.request_id, type(error).__name__)
            if caption:
                sent = await self._sender.text(turn.spot, caption, markup=keyboard, reply_to=_reply_to(turn))
            return sent
        if picture.photo:
            self._pictures[face] = picture.photo[-1].file_id
        return [*sent, picture]

    async def _send_picture(
        self, turn: _Turn, face: Expression, caption: str, keyboard: InlineKeyboardMarkup | None
    ) -> Message:
        reply_to = _reply_to(turn) if caption else None
        known = self._pictures.pop(face, None)
        if known is not None:
            with suppress(BadRequest):  # Telegram has forgotten the file
                return await self._sender.photo(turn.spot, known, caption=caption, markup=keyboard, reply_to=reply_to)
        png = self._faces.png(face)
        return await self._sender.photo(turn.spot, png, caption=caption, markup=keyboard, reply_to=reply_to)


def _reply_to(turn: _Turn) -> int | None:
    """Return the message that is answered where others write too."""
    return turn.heard if turn.spot.is_group else None


def _draft_id(turn: _Turn) -> int:
    """Return the draft's id: the same for all drafts of a turn, never 0."""
    return int(turn.talking.request_id[:7], 16) + 1


def _result(task: asyncio.Task[Message | None]) -> Message | None:
    return None if task.cancelled() or task.exception() is not None else task.result()


async def _within(waiting: Awaitable[object], seconds: float) -> bool:
    """Tell whether `waiting` ends within `seconds`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(waiting, seconds)
        return True
    return False
