"""Cards of cases and answers to appeals on Discord."""

from __future__ import annotations

from collections.abc import Callable

import discord

from bot.case_post import Buttons
from bot.discord_components import desk_buttons
from bot.discord_post import DiscordPost
from bot.discord_trouble import NotConnected, is_gone
from bot.errors import PlaceGone
from bot.plain_text import discord_answer
from bot.text_parts import split_text
from storage.records import UserKey

_LIMIT = 2000


class DiscordCases:
    """Writes cards by the post; a card that is sent again has its old nonce, so that Discord takes it once."""

    def __init__(self, post: DiscordPost, client: Callable[[], discord.Client | None]) -> None:
        """Write by `post`; `client` says which one is connected."""
        self._post = post
        self._client = client

    async def post_card(self, channel: str, text: str, buttons: Buttons, name: str) -> str:
        """Write a card and return its message's id."""
        number = await self._send(_number(channel), text, buttons, name)
        return str(number)

    async def edit_card(self, channel: str, message: str, text: str, buttons: Buttons) -> None:
        """Put a card in place of what a message says."""
        view = desk_buttons(buttons)
        try:
            await self._post.edit(_number(channel), _number(message), _fitting(text), view=view)
        except discord.HTTPException as error:
            raise PlaceGone("the card is gone") if is_gone(error) else error from error

    async def tell_user(self, user: UserKey, text: str, name: str) -> None:
        """Write to somebody in private."""
        client = self._client()
        if client is None or client.is_closed():
            raise NotConnected("no client is connected to Discord")
        try:
            private = await client.create_dm(discord.Object(_number(user.id)))
        except discord.HTTPException as error:
            raise PlaceGone("they take no message from her") if is_gone(error) else error from error
        await self._send(private.id, text, (), name)

    async def _send(self, channel: int, text: str, buttons: Buttons, name: str) -> int | None:
        try:
            return await self._post.send(channel, _fitting(text), nonce=name, view=desk_buttons(buttons))
        except discord.HTTPException as error:
            raise PlaceGone("the channel takes nothing from her") if is_gone(error) else error from error


def _fitting(text: str) -> str:
    """Return a text made harmless, and cut where it is longer than a message."""
    parts = split_text(discord_answer(text), _LIMIT)
    return parts[0] if parts else ""


def _number(text: str) -> int:
    """Return an id of Discord.

    Raises:
        PlaceGone: it is none.
    """
    if not (text.isascii() and text.isdigit()):
        raise PlaceGone(f"{text[:32]!r} is no id of Discord")
    return int(text)
