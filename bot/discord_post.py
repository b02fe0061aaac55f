"""What she writes on Discord: messages by channel and number, through the delivery, against whichever client is connected."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord

from bot.delivery import Delivery, Pace
from bot.discord_lost import LostSends
from bot.discord_trouble import NotConnected, is_gone

_log = logging.getLogger(__name__)
CHANNEL_PACE = (Pace(count=5, period_s=5.0),)
OVERALL_PACE = Pace(count=45, period_s=1.0)  # Discord allows 50 requests a second


@dataclass(slots=True)
class _Typing:
    """Her typing in one channel, for as many turns as are on their way there; `again` shows it at once."""

    turns: int = 0
    task: asyncio.Task[None] | None = None
    again: asyncio.Event = field(default_factory=asyncio.Event)


class DiscordPost:
    """Sends, edits and deletes messages. A retried send carries its old nonce, so Discord takes it once."""

    def __init__(self, delivery: Delivery, typing_s: float = 8.0) -> None:
        """Send through `delivery`; `use` says by which client. Typing is shown anew every `typing_s`: Discord shows it for 10 s."""
        self._delivery = delivery
        self._typing_s = typing_s
        self._client: discord.Client | None = None
        self._lost = LostSends(delivery.now)
        self._typing: dict[int, _Typing] = {}

    def saw(self, message: int) -> None:
        """Note a message that came in."""
        self._lost.saw(message)

    def use(self, client: discord.Client | None) -> None:
        """Send by `client` from now on; None while there is none."""
        self._client = client

    async def send(
        self,
        channel: int,
        text: str,
        *,
        nonce: str | None = None,
        view: discord.ui.View | None = None,
        files: Sequence[tuple[str, bytes]] = (),
        answers: int | None = None,
        is_optional: bool = False,
    ) -> int | None:
        """Send a message and return its number; `answers` is the message it replies to, `nonce` its name over all tries.

        Returns None where an optional one was left out.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
            discord.HTTPException: the channel takes no message from her.
        """

        async def call(key: str) -> int:
            options: dict[str, Any] = {"nonce": nonce or key}
            if view is not None:
                options["view"] = view
            if files:
                options["files"] = [_file(name, data) for name, data in files]
            if answers is not None:
                options["reference"] = _reference(channel, answers)
            place, name = self._place(channel), str(options["nonce"])
            if (found := await self._lost.find(place, self._me(), name)) is not None:
                return found
            with self._lost.trying(name, text):
                message = await place.send(text or None, **options)
            self._lost.saw(message.id)
            return int(message.id)

        if is_optional:
            return await self._delivery.offer(str(channel), call)
        return await self._delivery.send(str(channel), call)

    async def edit(
        self,
        channel: int,
        number: int,
        text: str,
        *,
        view: discord.ui.View | None = None,
        files: Sequence[tuple[str, bytes]] | None = None,
        is_optional: bool = False,
    ) -> bool:
        """Put a text and buttons in place of a message's; `files` in place of its files, None leaves them.

        Returns False where an optional edit was left out.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
            discord.HTTPException: the message is gone, or no longer hers to change.
        """

        async def call(_: str) -> bool:
            message = self._place(channel).get_partial_message(number)
            options: dict[str, Any] = {}
            if files is not None:
                options["attachments"] = [_file(name, data) for name, data in files]
            await message.edit(content=text, view=view, **options)
            return True

        if is_optional:
            return bool(await self._delivery.offer(str(channel), call))
        return await self._delivery.send(str(channel), call)

    async def delete(self, channel: int, number: int) -> None:
        """Delete one of her messages; nothing happens when it is gone already.

        Raises:
            DeliveryFull, DeliveryGivenUp: see `Delivery.send`.
        """

        async def call(_: str) -> None:
            try:
                await self._place(channel).get_partial_message(number).delete()
            except discord.HTTPException as error:
                if not is_gone(error):
                    raise

        await self._delivery.send(str(channel), call, is_paced=False)

    @asynccontextmanager
    async def typing(self, channel: int) -> AsyncIterator[None]:
        """Show that she types until the context ends; what fails of it is no matter. Turns of one channel share it."""
        typing = self._typing.get(channel)
        if typing is None:
            typing = self._typing[channel] = _Typing()
            typing.task = asyncio.create_task(self._type(channel, typing.again), name=f"typing in {channel}")
        typing.turns += 1
        try:
            yield
        finally:
            typing.turns -= 1
            typing.again.set()  # a message ends what Discord shows
            if not typing.turns:
                del self._typing[channel]
                await _end(typing.task)

    async def _type(self, channel: int, again: asyncio.Event) -> None:
        while True:
            again.clear()
            try:
                await self._place(channel).typing()
            except (discord.DiscordException, OSError, aiohttp.ClientError, RuntimeError, TimeoutError) as error:
                _log.debug("typing was not shown: %s", type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._typing_s):
                    await again.wait()

    def _place(self, channel: int) -> discord.PartialMessageable:
        if self._client is None or self._client.is_closed():
            raise NotConnected("no client is connected to Discord")
        return self._client.get_partial_messageable(channel)

    def _me(self) -> int:
        user = None if self._client is None else self._client.user
        return 0 if user is None else user.id


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


def _file(name: str, data: bytes) -> discord.File:
    return discord.File(io.BytesIO(data), filename=name)


def _reference(channel: int, number: int) -> discord.MessageReference:
    return discord.MessageReference(message_id=number, channel_id=channel, fail_if_not_exists=False)
