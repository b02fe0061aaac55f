"""Cards of cases and answers to appeals on Telegram."""

from __future__ import annotations

from telegram.error import BadRequest, TelegramError

from bot.case_post import Buttons
from bot.errors import PlaceGone
from bot.plain_text import telegram_text
from bot.telegram_buttons import desk_keyboard
from bot.telegram_mapping import Spot, read_spot
from bot.telegram_requests import is_unreachable
from bot.telegram_sender import LONGEST_TEXT, TelegramSender
from bot.text_parts import split_text, utf16_length
from storage.records import UserKey


class TelegramCases:
    """Writes cards by the sender. Nothing on Telegram knows a second try again: one whose answer was lost may leave two cards."""

    def __init__(self, sender: TelegramSender) -> None:
        """Write by `sender`."""
        self._sender = sender

    async def post_card(self, channel: str, text: str, buttons: Buttons, name: str) -> str:
        """Write a card and return its message's id."""
        spot = _spot(channel)
        try:
            sent = await self._sender.text(spot, _fitting(text), markup=desk_keyboard(buttons))
        except TelegramError as error:
            raise PlaceGone("the chat takes nothing from her") if is_unreachable(error) else error from error
        return str(sent[-1].message_id)

    async def edit_card(self, channel: str, message: str, text: str, buttons: Buttons) -> None:
        """Put a card in place of what a message says."""
        try:
            await self._sender.edit_standing(_spot(channel), int(message), _fitting(text), desk_keyboard(buttons))
        except BadRequest as error:
            raise PlaceGone("the card is gone, or too old to be edited") from error
        except TelegramError as error:
            raise PlaceGone("the chat takes nothing from her") if is_unreachable(error) else error from error

    async def tell_user(self, user: UserKey, text: str, name: str) -> None:
        """Write to somebody in private; they must have opened that chat."""
        try:
            await self._sender.text(_spot(user.id), telegram_text(text))
        except TelegramError as error:
            raise PlaceGone("they take no message from her") if is_unreachable(error) else error from error


def _fitting(text: str) -> str:
    """Return a text made harmless, and cut where it is longer than a message."""
    parts = split_text(telegram_text(text), LONGEST_TEXT, utf16_length)
    return parts[0] if parts else ""


def _spot(name: str) -> Spot:
    spot = read_spot(name)
    if spot is None:
        raise PlaceGone(f"{name[:32]!r} is no chat of Telegram")
    return spot
