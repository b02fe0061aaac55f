"""Everything that is written to Telegram, each chat at its own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from telegram import (
    Bot,
    ChatMember,
    ForceReply,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, NetworkError, RetryAfter, TelegramError

from bot.answers import Attachment
from bot.delivery import Delivery, DeliverySettings, Pace, Trouble, TroubleKind
from bot.telegram_mapping import Spot
from bot.telegram_menu import Menu
from bot.telegram_requests import Failure, judge
from bot.text_parts import split_text, utf16_length

T = TypeVar("T")
_log = logging.getLogger(__name__)
LONGEST_TEXT, LONGEST_CAPTION, LONGEST_ALERT = 4096, 1024, 200
_PRIVATE_PACE = (Pace(count=5, period_s=5.0),)  # about one a second, with room for a short burst
_GROUP_PACE = (Pace(count=3, period_s=3.0), Pace(count=20, period_s=60.0))
_OVERALL_PACE = Pace(count=30, period_s=1.0)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_QUERY_WAITS = (0.3, 1.5)  # before further tries to answer a press, which lapses soon
Markup = InlineKeyboardMarkup | ForceReply


def diagnose(error: Exception) -> Trouble | None:
    """Say what an error of the library means for a send; None for what no further try mends."""
    if isinstance(error, RetryAfter):
        wait = error.retry_after
        seconds = float(wait) if isinstance(wait, int | float) else wait.total_seconds()
        return Trouble(kind=TroubleKind.HOLD, seconds=seconds)
    if not isinstance(error, TelegramError):
        return None
    kinds = {Failure.TEMPORARY: TroubleKind.UNREACHABLE, Failure.UNKNOWN: TroubleKind.UNCERTAIN}
    kind = kinds.get(judge(error))
    return Trouble(kind=kind) if kind is not None else None


def pace_of(chat: str) -> Sequence[Pace]:
    """Return how fast may be sent to a chat: groups have negative ids."""
    return _GROUP_PACE if chat.startswith("-") else _PRIVATE_PACE


def open_delivery(settings: DeliverySettings | None = None) -> Delivery:
    """Return the delivery of one bot."""
    return Delivery(diagnose, pace_of=pace_of, overall=_OVERALL_PACE, settings=settings)


class TelegramSender:
    """Writes to chats. Texts are sent as they are, without markup: make them harmless before.

    What is sent raises `TelegramError` where Telegram refuses it, `DeliveryError` where it does not get there.
    """

    def __init__(self, bot: Bot, delivery: Delivery) -> None:
        """Send through `delivery`, which keeps each chat's order and pace."""
        self._bot = bot
        self._delivery = delivery
        self._moved: dict[int, int] = {}  # groups that became supergroups, with their new ids

    async def text(
        self, spot: Spot, text: str, *, markup: Markup | None = None, reply_to: int | None = None
    ) -> list[Message]:
        """Send a text, in parts where it is too long: the first replies to `reply_to`, the last has the markup."""
        parts = split_text(text, LONGEST_TEXT, utf16_length)
        sent = []
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            sent.append(await self._part(spot, part, markup if last else None, reply_to if number == 1 else None))
        return sent

    async def photo(
        self,
        spot: Spot,
        photo: bytes | str,
        *,
        caption: str = "",
        markup: InlineKeyboardMarkup | None = None,
        reply_to: int | None = None,
    ) -> Message:
        """Send a PNG, or one that Telegram has already, by its file id."""
        return await self._send(
            spot,
            lambda chat: self._bot.send_photo(
                chat,
                photo if isinstance(photo, str) else InputFile(photo, filename="face.png"),
                caption=caption or None,
                message_thread_id=spot.topic,
                reply_parameters=_reply(reply_to),
                reply_markup=markup,
            ),
        )

    async def document(
        self, spot: Spot, file: Attachment, *, caption: str = "", markup: InlineKeyboardMarkup | None = None
    ) -> Message:
        """Send a file."""
        return await self._send(
            spot,
            lambda chat: self._bot.send_document(
                chat,
                InputFile(file.data, filename=file.name),
                caption=caption or None,
                message_thread_id=spot.topic,
                reply_markup=markup,
            ),
        )

    async def file(self, spot: Spot, file: Attachment) -> Message:
        """Send a file as what it is: a PNG as a picture, anything else as a document."""
        if file.media_type == "image/png":
            return await self.photo(spot, file.data)
        return await self.document(spot, file)

    async def edit_standing(self, spot: Spot, message: int, text: str, markup: InlineKeyboardMarkup | None) -> None:
        """Put a text and its buttons in place of a message that must still stand; `BadRequest` where it does not."""
        try:
            await self._deliver(
                spot,
                lambda chat: self._bot.edit_message_text(
                    text, chat, message, link_preview_options=_NO_PREVIEW, reply_markup=markup
                ),
                is_repeatable=True,
            )
        except BadRequest as error:
            if "not modified" not in error.message.lower():
                raise

    async def edit_text(
        self, spot: Spot, message: int, text: str, *, markup: InlineKeyboardMarkup | None = None
    ) -> None:
        """Put a text, and its buttons, in place of a message."""
        await self._change(
            spot,
            lambda chat: self._bot.edit_message_text(
                text, chat, message, link_preview_options=_NO_PREVIEW, reply_markup=markup
            ),
        )

    async def leave_buttons(self, spot: Spot, message: int, left: InlineKeyboardMarkup | None = None) -> None:
        """Take the buttons of a message away but those that are `left`."""
        await self._change(spot, lambda chat: self._bot.edit_message_reply_markup(chat, message, reply_markup=left))

    async def delete(self, spot: Spot, message: int) -> None:
        """Delete one of her own messages."""
        await self._change(spot, lambda chat: self._bot.delete_message(chat, message))

    async def draft(self, spot: Spot, draft: int, text: str) -> None:
        """Show a text that is still being written, if the chat is free; an empty one shows that she thinks."""
        shown = split_text(text, LONGEST_TEXT, utf16_length)[:1]
        await self._offer(
            spot,
            lambda chat: self._bot.send_message_draft(
                chat, draft, shown[0] if shown else "", message_thread_id=spot.topic
            ),
            is_paced=True,
        )

    async def typing(self, spot: Spot) -> None:
        """Show for five seconds that she writes, if the chat is free."""
        await self._offer(
            spot,
            lambda chat: self._bot.send_chat_action(chat, ChatAction.TYPING, message_thread_id=spot.topic),
            is_paced=False,
        )

    async def answer_press(self, query: str, text: str = "") -> None:
        """Tell a client that its press was taken, with a short text in a box where there is one. Never raises `TelegramError`."""
        for wait in (*_QUERY_WAITS, None):
            try:
                await self._bot.answer_callback_query(
                    query, text=text[:LONGEST_ALERT] or None, show_alert=True if text else None
                )
            except BadRequest:
                return  # too old: nobody waits for it any more
            except (NetworkError, RetryAfter) as error:
                if wait is None:
                    _log.warning("a press could not be answered: %s", type(error).__name__)
                    return
                await asyncio.sleep(wait)
            except TelegramError as error:
                _log.warning("a press could not be answered: %s", type(error).__name__)
                return
            else:
                return

    async def administrators(self, chat: int) -> Sequence[ChatMember]:
        """Ask for a group's administrators; `TelegramError` where Telegram does not tell."""
        return await self._bot.get_chat_administrators(chat)

    async def set_menu(self, menu: Menu) -> None:
        """Register one menu of commands."""
        await self._delivery.send(
            "menu",
            lambda _key: self._bot.set_my_commands(menu.commands, menu.scope, menu.language or None),
            is_paced=False,
        )

    async def _part(self, spot: Spot, text: str, markup: Markup | None, reply_to: int | None) -> Message:
        return await self._send(
            spot,
            lambda chat: self._bot.send_message(
                chat,
                text,
                message_thread_id=spot.topic,
                link_preview_options=_NO_PREVIEW,
                reply_parameters=_reply(reply_to),
                reply_markup=markup,
            ),
        )

    async def _send(self, spot: Spot, call: Callable[[int], Awaitable[T]]) -> T:
        """Send; nothing on Telegram recognises a second try, so one whose answer was lost is not tried again."""
        try:
            return await self._deliver(spot, call, is_repeatable=False)
        except ChatMigrated as error:
            self._moved[spot.chat] = error.new_chat_id
            return await self._deliver(spot, call, is_repeatable=False)

    async def _change(self, spot: Spot, call: Callable[[int], Awaitable[object]]) -> None:
        """Change a message; that it is so already, or is gone, is no failure."""
        try:
            await self._deliver(spot, call, is_repeatable=True)
        except BadRequest as error:
            if not any(words in error.message.lower() for words in ("not modified", "not found")):
                raise

    async def _deliver(self, spot: Spot, call: Callable[[int], Awaitable[T]], *, is_repeatable: bool) -> T:
        chat = self._moved.get(spot.chat, spot.chat)
        return await self._delivery.send(str(chat), lambda _key: call(chat), is_repeatable=is_repeatable)

    async def _offer(self, spot: Spot, call: Callable[[int], Awaitable[object]], *, is_paced: bool) -> None:
        chat = self._moved.get(spot.chat, spot.chat)
        try:
            await self._delivery.offer(str(chat), lambda _key: call(chat), is_paced=is_paced)
        except TelegramError as error:
            _log.debug("a sign that she writes was refused: %s", type(error).__name__)


def _reply(message: int | None) -> ReplyParameters | None:
    return ReplyParameters(message, allow_sending_without_reply=True) if message is not None else None
