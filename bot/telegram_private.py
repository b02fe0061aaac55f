"""What only one person may read: on Telegram it goes to their private chat, and a group is told so."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from telegram import Message
from telegram.error import TelegramError

from bot.answers import Actor
from bot.talk import Talk
from bot.telegram_buttons import link_keyboard
from bot.telegram_mapping import Me, Spot
from bot.telegram_requests import is_unreachable
from bot.telegram_sender import TelegramSender

_NOTICE_EVERY_S = 600.0
_MOST_KEPT = 10_000
SendTo = Callable[[Spot], Awaitable[Sequence[Message]]]


class PrivateWay:
    """Brings answers to private chats, and remembers which group an answer came from, so that its buttons still act there."""

    def __init__(
        self, sender: TelegramSender, talk: Talk, me: Me, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Tell a group at most every ten minutes of `clock` that somebody was answered in private."""
        self._sender = sender
        self._talk = talk
        self._me = me
        self._clock = clock
        self._origins: OrderedDict[tuple[int, int], Spot] = OrderedDict()
        self._noticed: OrderedDict[tuple[int, str], float] = OrderedDict()

    def origin(self, chat: int, message: int) -> Spot | None:
        """Return the group that a message in a private chat belongs to."""
        return self._origins.get((chat, message))

    async def bring(self, actor: Actor, spot: Spot, send: SendTo, *, heard: int | None = None) -> None:
        """Let `send` write to the person's private chat; in a group, say that it did, or how to open that chat.

        Raises:
            TelegramError: Telegram refuses the message for another reason than that the chat was never opened.
        """
        private = Spot(chat=int(actor.user.id))
        if not spot.is_group:
            await send(spot)
            return
        try:
            sent = await send(private)
        except TelegramError as error:
            if not is_unreachable(error):
                raise
            await self._tell_group(actor, spot, heard, was_sent=False)
            return
        for message in sent:
            if message.reply_markup is not None:
                self._origins[private.chat, message.message_id] = spot
        _trim(self._origins)
        await self._tell_group(actor, spot, heard, was_sent=True)

    async def _tell_group(self, actor: Actor, spot: Spot, heard: int | None, *, was_sent: bool) -> None:
        key = (spot.chat, actor.user.id)
        if self._clock() - self._noticed.get(key, float("-inf")) < _NOTICE_EVERY_S:
            return
        self._noticed[key] = self._clock()
        self._noticed.move_to_end(key)
        _trim(self._noticed)
        texts = await self._talk.texts(actor)
        text = texts.get("telegram.sent_privately" if was_sent else "telegram.write_first")
        keyboard = link_keyboard(texts.get("telegram.open_chat"), f"https://t.me/{self._me.username}?start=hello")
        await self._sender.text(spot, text, markup=keyboard, reply_to=heard)


def _trim(kept: OrderedDict[tuple[int, int], Spot] | OrderedDict[tuple[int, str], float]) -> None:
    while len(kept) > _MOST_KEPT:
        kept.popitem(last=False)
