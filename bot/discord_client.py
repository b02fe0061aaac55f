"""The Discord client: which messages are for her, which were seen before, and what goes where."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import discord

from bot.commands import DISCORD
from bot.desk import Desk
from bot.discord_interactions import DiscordInteractions
from bot.discord_mapping import actor_of_message, is_addressed, is_from_person, is_private, spoken_text
from bot.discord_turns import DiscordTurns
from storage.errors import StorageError
from storage.records import CommunityKey

_log = logging.getLogger(__name__)
_MOST_SEEN = 10_000


class SeenNumbers:
    """Remembers the last numbers, so that what Discord sends twice (after a resume) is taken once."""

    def __init__(self, most: int = _MOST_SEEN) -> None:
        """Remember `most` numbers."""
        self._most = most
        self._numbers: OrderedDict[int, None] = OrderedDict()

    def is_new(self, number: int) -> bool:
        """Note a number; False when it was noted before."""
        if number in self._numbers:
            return False
        self._numbers[number] = None
        if len(self._numbers) > self._most:
            self._numbers.popitem(last=False)
        return True


class DiscordClient(discord.Client):
    """One connection to Discord; what it takes in goes to the turns and the interactions."""

    def __init__(
        self,
        *,
        desk: Desk,
        turns: DiscordTurns,
        interactions: DiscordInteractions,
        seen: SeenNumbers,
        intents: discord.Intents,
        on_login: Callable[[DiscordClient], Awaitable[None]],
        **options: Any,
    ) -> None:
        """Prepare a client; `on_login` runs between the login and the first event."""
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            max_ratelimit_timeout=30.0,
            **options,
        )
        self._desk = desk
        self._turns = turns
        self._interactions = interactions
        self._seen = seen
        self._on_login = on_login
        self._order: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._lost_at: float | None = time.monotonic()
        self.was_ready = False
        self.has_identified = False

    @property
    def lost_for_s(self) -> float:
        """For how long the gateway has been away; 0 while it is there."""
        return 0.0 if self._lost_at is None else time.monotonic() - self._lost_at

    async def setup_hook(self) -> None:
        """Register the commands where they changed."""
        await self._on_login(self)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Note that a session is begun, of which Discord allows 1,000 a day."""
        self.has_identified = True
        await super().before_identify_hook(shard_id, initial=initial)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Hand an event on, until the client closes: then the library has no loop left to run it in."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def on_ready(self) -> None:
        """Note that a new session began; it is told late, so the connection may be gone again."""
        if self.ws.open:
            self._lost_at = None
        self.was_ready = True
        _log.info("Discord: connected, %d servers", len(self.guilds))

    async def on_resumed(self) -> None:
        """Note that the session goes on."""
        self._lost_at = None
        _log.info("Discord: connected again")

    async def on_disconnect(self) -> None:
        """Note since when the gateway is away."""
        if self._lost_at is None:
            self._lost_at = time.monotonic()

    async def on_message(self, message: discord.Message) -> None:
        """Answer a message that is for her; those of a channel in their order."""
        if self.user is None or not is_from_person(message) or not self._seen.is_new(message.id):
            return
        if message.guild is None and not is_private(message):
            return  # of a server that she has left, or does not know yet
        lock = self._order.setdefault(message.channel.id, asyncio.Lock())
        async with lock:
            me = self.user.id
            is_for_her = is_addressed(message, me)
            text = spoken_text(message, me)
            if not is_for_her and not (text and await self._talks_freely(message)):
                return
            if not await self._is_new(message):
                return
            actor = actor_of_message(message, self._interactions.locale_of(str(message.author.id)))
            in_server = message.guild is not None
            self._turns.begin(
                actor,
                text,
                channel=message.channel.id,
                source=message.id,
                answers=message.id if in_server else None,
                replies_to=message.reference.message_id if message.reference is not None else None,
                link=message.jump_url,
            )

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Give up a message that was deleted while it waits."""
        self._turns.source_deleted(event.message_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Give up messages that were deleted while they wait."""
        for number in event.message_ids:
            self._turns.source_deleted(number)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a command, a button, a form or an option that is being typed."""
        if self._seen.is_new(interaction.id):
            await self._interactions.take(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log that an event failed, without what it held."""
        import sys

        error = sys.exception()
        _log.error("Discord: %s failed: %s", event_method, type(error).__name__)
        _log.debug("Discord: %s", event_method, exc_info=error)

    async def _is_new(self, message: discord.Message) -> bool:
        """Note a message that is answered; False when it was noted before a restart. Where that fails, it is answered."""
        try:
            return await self._desk.is_new(DISCORD, str(message.id))
        except StorageError as error:
            _log.error("a message cannot be noted: %s: %s", type(error).__name__, error)
            return True

    async def _talks_freely(self, message: discord.Message) -> bool:
        """Tell whether she answers everything in a channel, or in the channel that a thread belongs to."""
        if message.guild is None:
            return False
        channel = message.channel
        parent = channel.parent_id if isinstance(channel, discord.Thread) else None
        channels = [str(number) for number in (channel.id, parent) if number is not None]
        return await self._desk.talks_freely(CommunityKey(platform=DISCORD, id=str(message.guild.id)), channels)
