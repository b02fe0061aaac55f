"""The Discord front end: connects, serves, and connects again; see docs/discord.md."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import discord
import yarl

from bot.command_book import CommandBook
from bot.commands import DISCORD
from bot.delivery import Delivery
from bot.desk import Desk
from bot.discord_cases import DiscordCases
from bot.discord_client import DiscordClient, SeenNumbers
from bot.discord_interactions import DiscordInteractions
from bot.discord_post import CHANNEL_PACE, OVERALL_PACE, DiscordPost
from bot.discord_registration import CommandRegistration
from bot.discord_responses import Responder
from bot.discord_rights import GuildRights
from bot.discord_trouble import diagnose, told
from bot.discord_turns import DiscordTurns, TurnTimes
from bot.errors import FrontEndError
from bot.face_pictures import FacePictures
from bot.talk import Talk

_log = logging.getLogger(__name__)
_WRONG_TOKEN = (
    "Discord refuses the token. Set OHLORA_DISCORD_TOKEN to the bot's token: "
    "https://discord.com/developers/applications → your application → Bot → Reset Token"
)
_MISSING_INTENT = (
    "Discord does not grant the Message Content intent. Switch it on at https://discord.com/developers/applications → your "
    "application → Bot → Privileged Gateway Intents, or unset OHLORA_DISCORD_MESSAGE_CONTENT: without it she answers private "
    "messages, mentions and replies"
)
_TOO_MANY_SERVERS = (
    "Discord wants a bot that is in more than 2,500 servers to be sharded, which she is not: let her leave some"
)
_CLOSE_CODES = {4004: _WRONG_TOKEN, 4011: _TOO_MANY_SERVERS, 4013: _MISSING_INTENT, 4014: _MISSING_INTENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    """Where Discord is, who owns the bot, and how long things may take.

    `message_content` asks for the privileged intent that channels need in which she answers everything. `owners` are ids of
    users. A session that cannot be resumed for `resume_within_s` is given up for a new one, and so is a connection that is not
    ready after `connect_within_s`. Waits between tries are doubled up to `longest_wait_s`, after sessions that began and soon ended
    up to `longest_wait_after_session_s`: a bot that begins more than 1,000 sessions a day loses its token.
    """

    token: str = field(repr=False)
    api_url: str = ""
    gateway_url: str = ""
    message_content: bool = False
    owners: frozenset[str] = frozenset()
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_wait_after_session_s: float = 120.0
    steady_after_s: float = 300.0  # a session of this length was a good one: the waits begin anew
    connect_within_s: float = 120.0
    resume_within_s: float = 60.0
    close_within_s: float = 5.0
    guild_ready_timeout_s: float = 2.0
    times: TurnTimes = field(default_factory=TurnTimes)


class DiscordFrontEnd:
    """Serves Discord until it is cancelled or closed."""

    def __init__(
        self,
        settings: DiscordSettings,
        *,
        desk: Desk,
        talk: Talk,
        faces: FacePictures,
        commands: CommandBook,
        delivery: Delivery | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Make everything that outlives one connection; `run` connects. `sleep` is replaced in tests."""
        self._settings = settings
        self._desk = desk
        self._sleep = sleep
        self._registration = CommandRegistration(commands, sleep)
        self._registering: asyncio.Task[None] | None = None
        paced = delivery or Delivery(diagnose, pace_of=lambda _: CHANNEL_PACE, overall=OVERALL_PACE)
        self._post = DiscordPost(paced, settings.times.typing_s)
        self._turns = DiscordTurns(talk, self._post, faces, settings.times)
        responder = Responder(self._post)
        self._interactions = DiscordInteractions(
            desk=desk, talk=talk, turns=self._turns, responder=responder, owners=settings.owners
        )
        self._seen = SeenNumbers()
        self._client: DiscordClient | None = None
        self._is_closing = False
        self._rights = GuildRights(lambda: self._client, settings.owners)
        desk.offer_sync(DISCORD, self._sync_now)
        desk.offer_rights(DISCORD, self._rights.of)
        desk.offer_announcer(DISCORD, responder.announce)
        desk.offer_post(DISCORD, DiscordCases(self._post, lambda: self._client))
        desk.when_forgotten(self._interactions.forget)

    async def run(self) -> None:
        """Connect and serve; after a failure connect again, with longer and longer waits.

        Raises:
            FrontEndError: Discord refuses the token or an intent; another try would be refused too.
        """
        self._set_addresses()
        logging.getLogger("discord.client").addFilter(_without_traceback)  # adding it again changes nothing
        wait_s = self._settings.first_wait_s
        while not self._is_closing:
            client, begun_at = self._new_client(), time.monotonic()
            self._client = client
            try:
                await self._serve(client)
            except discord.LoginFailure as error:
                raise FrontEndError(_WRONG_TOKEN) from error
            except discord.PrivilegedIntentsRequired as error:
                raise FrontEndError(_MISSING_INTENT) from error
            except discord.ConnectionClosed as error:
                if error.code in _CLOSE_CODES:
                    raise FrontEndError(_CLOSE_CODES[error.code]) from error
                _log.warning("Discord closed the connection (code %s)", error.code)
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.warning("Discord cannot be reached: %s", told(error))
            except Exception as error:  # an event that the library cannot read ends the client; the next one may not
                _log.error("the Discord client failed: %s", told(error))
                _log.debug("the Discord client", exc_info=error)
            if self._is_closing:
                return
            if client.was_ready and time.monotonic() - begun_at > self._settings.steady_after_s:
                wait_s = self._settings.first_wait_s
            await self._sleep(wait_s * random.uniform(0.75, 1.0))
            wait_s = min(wait_s * 2, self._longest_wait_s(client))

    async def close(self) -> None:
        """Let replies that are there still be written, then disconnect."""
        self._is_closing = True
        await self._turns.idle(self._settings.close_within_s)
        if self._client is not None:
            await self._client.close()

    async def _serve(self, client: DiscordClient) -> None:
        """Run one client until it ends, fails, or has been away for too long."""
        running = asyncio.create_task(client.start(self._settings.token), name="discord client")
        try:
            while not running.done() and client.lost_for_s < self._patience_s(client):
                await asyncio.wait([running], timeout=self._settings.resume_within_s / 10)
            if running.done():
                await running
            else:
                _log.warning("Discord: no connection for %.0f s; a new session is begun", client.lost_for_s)
        finally:
            self._post.use(None)
            tasks = [task for task in (running, self._registering) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await client.close()

    def _longest_wait_s(self, client: DiscordClient) -> float:
        return self._settings.longest_wait_after_session_s if client.has_identified else self._settings.longest_wait_s

    def _patience_s(self, client: DiscordClient) -> float:
        return self._settings.resume_within_s if client.was_ready else self._settings.connect_within_s

    def _new_client(self) -> DiscordClient:
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)  # what she reads, and no more
        intents.message_content = self._settings.message_content
        return DiscordClient(
            desk=self._desk,
            turns=self._turns,
            interactions=self._interactions,
            seen=self._seen,
            intents=intents,
            on_login=self._logged_in,
            guild_ready_timeout=self._settings.guild_ready_timeout_s,
        )

    def _set_addresses(self) -> None:
        """Point the library at other servers, for the whole process: it knows no other way."""
        if self._settings.api_url:
            discord.http.Route.BASE = self._settings.api_url.rstrip("/")
        if self._settings.gateway_url:
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._settings.gateway_url)

    async def _logged_in(self, client: DiscordClient) -> None:
        """Write by this client from now on, and see to its commands meanwhile."""
        self._post.use(client)
        self._registering = asyncio.create_task(self._registration.keep(client), name="discord commands")

    async def _sync_now(self) -> int:
        """Register the commands, for /sync."""
        if self._client is None:
            raise ConnectionError("Discord is not connected")
        return await self._registration.register(self._client)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Let the library's line of a lost connection pass without its traceback: an operator reads the reason."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()} ({told(record.exc_info[1])})"
        record.args, record.exc_info, record.exc_text = (), None, None
    return True
