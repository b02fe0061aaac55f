"""What a person may do in a Discord server right now, asked of Discord: for the dashboard, where no interaction brings it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

import aiohttp
import discord

from bot.answers import Rights
from bot.discord_mapping import rights_of
from storage.records import UserKey

_log = logging.getLogger(__name__)
KEPT_S = 5.0
_MOST_KEPT = 1000


class GuildRights:
    """Tells the rights of people, from a member as Discord has it and the server's roles as its events told them."""

    def __init__(
        self,
        client: Callable[[], discord.Client | None],
        owners: frozenset[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask by the client that is connected now; `owners` are ids of users."""
        self._client = client
        self._owners = owners
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, Rights]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def of(self, user: UserKey, community: str | None) -> Rights | None:
        """Return the rights of `user` in a server, or with her alone; None while Discord does not tell."""
        is_owner = user.id in self._owners
        if community is None:
            return Rights(is_owner=is_owner)
        async with self._lock:  # a page asks several times at once: one question is enough
            kept = self._kept.get((user.id, community))
            if kept is not None and self._clock() < kept[0] + KEPT_S:
                return kept[1]
            rights = await self._ask(user, community, is_owner=is_owner)
            if rights is not None:
                self._kept[user.id, community] = (self._clock(), rights)
                self._kept.move_to_end((user.id, community))
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            return rights

    async def _ask(self, user: UserKey, community: str, *, is_owner: bool) -> Rights | None:
        client = self._client()
        guild = None if client is None else client.get_guild(int(community))
        if guild is None:  # she is no longer there, or Discord has not said yet where she is
            return Rights(is_owner=is_owner) if client is not None and client.is_ready() else None
        try:
            member = await guild.fetch_member(int(user.id))
        except discord.NotFound:
            return Rights(is_owner=is_owner)
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.warning("a member's rights are unknown: %s", type(error).__name__)
            return None
        return rights_of(member, member.guild_permissions, is_owner=is_owner)
