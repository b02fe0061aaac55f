"""The messages that one turn writes on Discord: the notice of a long wait, and the parts of the reply, sent once and edited since."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import discord

from bot.discord_post import DiscordPost

Files = Sequence[tuple[str, bytes]]
_NO_HISTORY = 160002  # who may not read what was written may not reply to it


class ReplyMessage:
    """Writes the reply of one turn. Every message has a nonce made of the turn's name, so no retry doubles it."""

    def __init__(
        self, post: DiscordPost, *, name: str, channel: int, answers: int | None = None, shown: Sequence[int] = ()
    ) -> None:
        """Write to `channel`, as a reply to the message `answers`, or in place of the messages `shown`."""
        self._post = post
        self._name = name
        self._channel = channel
        self._answers = answers
        self._shown = list(shown)
        self._notice: int | None = None
        self._was_tried = False
        self._lock = asyncio.Lock()

    @property
    def shown(self) -> tuple[int, ...]:
        """The numbers of the messages that hold the reply, in order."""
        return tuple(self._shown)

    @property
    def has_notice(self) -> bool:
        """Whether a notice of the wait stands in the channel."""
        return self._notice is not None

    def forget_source(self) -> None:
        """Reply to no message any more: the one that was answered is gone."""
        self._answers = None

    async def put(
        self,
        text: str,
        view: discord.ui.View | None = None,
        files: Files | None = None,
        *,
        part: int = 0,
        is_optional: bool = False,
    ) -> None:
        """Write a part of the reply: a new message at first, then by edits; a new one again when somebody deleted it.

        An optional one is left out where the channel is busy. `files` None leaves those that are there.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
            discord.HTTPException: the channel takes no message from her.
        """
        async with self._lock:
            if part < len(self._shown):
                await self._renew(part, text, view, files, is_optional=is_optional)
                return
            was_tried, self._was_tried = self._was_tried and part == 0, True
            number = await self._send(text, str(part), view, files or (), is_reply=part == 0, is_optional=is_optional)
            if number is None:
                return
            self._shown.append(number)
            if was_tried:
                # an earlier try may have arrived after all; then Discord took this one for it and kept the older text
                await self._edit(number, text, view, files, is_optional=is_optional)

    async def add_line(self, text: str, view: discord.ui.View | None = None) -> None:
        """Write a line below the reply that is no part of it.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
            discord.HTTPException: the channel takes no message from her.
        """
        await self._send(text, "e", view, (), is_reply=False)

    async def drop_from(self, part: int) -> None:
        """Delete the messages of the parts from `part` on.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
        """
        async with self._lock:
            gone, self._shown = self._shown[part:], self._shown[:part]
        for number in gone:
            await self._post.delete(self._channel, number)

    async def put_notice(self, text: str, view: discord.ui.View | None) -> None:
        """Say that she will come to it, or change what is said.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
            discord.HTTPException: the channel takes no message from her.
        """
        async with self._lock:
            if self._notice is None:
                self._notice = await self._send(text, "w", view, ())
            else:
                await self._post.edit(self._channel, self._notice, text, view=view)

    async def drop_notice(self) -> None:
        """Delete the notice, if there is one.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
        """
        async with self._lock:
            notice, self._notice = self._notice, None
        if notice is not None:
            await self._post.delete(self._channel, notice)

    async def drop(self) -> None:
        """Delete the notice and whatever is shown of the reply.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
        """
        await self.drop_notice()
        await self.drop_from(0)

    async def _renew(
        self, part: int, text: str, view: discord.ui.View | None, files: Files | None, *, is_optional: bool
    ) -> None:
        try:
            await self._edit(self._shown[part], text, view, files, is_optional=is_optional)
        except discord.NotFound:
            if is_optional:
                return
            number = await self._send(text, f"n{part}", view, files or ())
            assert number is not None, "only optional messages are left out"
            self._shown[part] = number

    async def _edit(
        self, number: int, text: str, view: discord.ui.View | None, files: Files | None, *, is_optional: bool
    ) -> None:
        try:
            await self._post.edit(self._channel, number, text, view=view, files=files, is_optional=is_optional)
        except discord.Forbidden:
            if not files:
                raise
            await self._post.edit(self._channel, number, text, view=view)  # a channel may forbid files alone

    async def _send(
        self,
        text: str,
        mark: str,
        view: discord.ui.View | None,
        files: Files,
        *,
        is_reply: bool = True,
        is_optional: bool = False,
    ) -> int | None:
        nonce = f"{self._name}-{mark}"
        while True:
            answers = self._answers if is_reply else None
            try:
                return await self._post.send(
                    self._channel,
                    text,
                    nonce=nonce,
                    view=view,
                    files=files,
                    answers=answers,
                    is_optional=is_optional,
                )
            except discord.Forbidden as error:  # a channel may forbid files alone, or replying
                if answers is not None and error.code == _NO_HISTORY:
                    self._answers = None
                elif files:
                    files = ()
                else:
                    raise
