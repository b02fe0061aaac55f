"""Registers the commands on Discord: when their declarations changed, or on an owner's order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from bot.command_book import CommandBook, name_of
from bot.discord_commands import command_payload
from bot.discord_trouble import diagnose, told

_log = logging.getLogger(__name__)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 30.0, 1800.0


class CommandRegistration:
    """Registers what is declared; the book says what was registered last."""

    def __init__(self, commands: CommandBook, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Note in `commands` what stands; `sleep` is replaced in tests."""
        self._commands = commands
        self._sleep = sleep

    async def keep(self, client: discord.Client) -> None:
        """Register the commands if they changed; what Discord cannot do now is tried again, what it refuses is not."""
        wait_s = _FIRST_WAIT_S
        while self._commands.read() != name_of(client.application_id, command_payload()):
            try:
                await self.register(client)
            except Exception as error:
                trouble = diagnose(error)
                if trouble is None:
                    _log.warning("Discord did not take the commands: %s", told(error))
                    return
                _log.warning("Discord does not take the commands now: %s", told(error))
                await self._sleep(max(wait_s, trouble.seconds))
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def register(self, client: discord.Client) -> int:
        """Register the commands and return how many there are.

        Raises:
            discord.DiscordException, aiohttp.ClientError, OSError: Discord does not take them.
        """
        payload = command_payload()
        application = client.application_id
        assert application is not None, "a client that has logged in knows its application"
        await client.http.bulk_upsert_global_commands(application, payload=payload)
        self._commands.write(name_of(application, payload))
        _log.info("Discord: %d commands registered", len(payload))
        return len(payload)
