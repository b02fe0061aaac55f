"""The whole program but its models' weights: both front ends with their real libraries, the desk, the talk, one app, two fake servers."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import discord
from pydantic import SecretStr

from bot.app import App
from bot.cli.lifetimes import Engine, storage_settings
from bot.cli.serve import build_app
from bot.plain_text import discord_text, telegram_text
from bot.settings import Settings
from engine.care import load_care
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.queue import TurnQueue, open_queue
from engine.settings import EngineSettings
from engine.types import ChatOutcome, ChatReply, ChatRequest, Clock, EventSink
from models.profile import Profile
from models.types import TextEmbedder, TextGenerator
from storage.database import open_database
from storage.records import UserKey
from tests.e2e.discord_objects import Person
from tests.e2e.discord_server import DiscordServer, open_discord_server
from tests.e2e.discord_world import TOKEN as DISCORD_TOKEN
from tests.e2e.discord_world import Fault as DiscordFault
from tests.e2e.telegram_server import Fault as TelegramFault
from tests.e2e.telegram_server import TelegramServer, open_telegram_server
from tests.e2e.telegram_world import TOKEN as TELEGRAM_TOKEN
from tests.e2e.telegram_world import person

PATIENCE_S = 600.0  # for replies, on a machine that has other work
CONNECT_S = 60.0


def is_notice(text: str) -> bool:
    """Tell whether a message only says how long the wait is; her reply takes its place."""
    return "번째 차례야" in text


@dataclass(kw_only=True)
class DiscordUser:
    """Somebody who writes to her privately on Discord."""

    server: DiscordServer
    person: Person

    @property
    def key(self) -> UserKey:
        return UserKey(platform="discord", id=self.person.id)

    def as_shown(self, text: str) -> str:
        """Return what a text of hers looks like there."""
        return discord_text(text)

    def say(self, text: str) -> None:
        self.server.say(self.person, text)

    def replies(self) -> list[str]:
        """Return what she has written to them and is finished: a reply that may be answered again has its button."""
        world = self.server.world
        shown = world.replies(world.private(self.person))
        return [
            message["content"]
            for message in shown
            if (message["components"] or message is not shown[-1]) and not is_notice(message["content"])
        ]

    async def wait(self, count: int) -> list[str]:
        await self.server.world.until(lambda: len(self.replies()) >= count, limit_s=PATIENCE_S)
        return self.replies()


@dataclass(kw_only=True)
class TelegramUser:
    """Somebody who writes to her privately on Telegram."""

    server: TelegramServer
    person: dict[str, Any]

    @property
    def key(self) -> UserKey:
        return UserKey(platform="telegram", id=str(self.person["id"]))

    def as_shown(self, text: str) -> str:
        """Return what a text of hers looks like there."""
        return telegram_text(text)

    def say(self, text: str) -> None:
        self.server.world.say(self.person, text)

    def replies(self) -> list[str]:
        return [text for text in self.server.world.texts(int(self.person["id"])) if not is_notice(text)]

    async def wait(self, count: int) -> list[str]:
        await self.server.until(lambda: len(self.replies()) >= count, PATIENCE_S)
        return self.replies()


User = DiscordUser | TelegramUser


@dataclass(kw_only=True)
class Town:
    """Both platforms with their people, the app that serves them, and what the engine heard and told."""

    discord: DiscordServer
    telegram: TelegramServer
    app: App
    queue: TurnQueue
    stop: asyncio.Event
    serving: asyncio.Task[None]
    heard: list[ChatRequest] = field(default_factory=list)
    told: list[tuple[ChatRequest, ChatOutcome]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(100))

    def people(self, count: int) -> tuple[list[DiscordUser], list[TelegramUser]]:
        """Return `count` new people on each platform."""
        numbers = list(itertools.islice(self.numbers, count))
        return (
            [DiscordUser(server=self.discord, person=Person(name=f"사람{number}")) for number in numbers],
            [TelegramUser(server=self.telegram, person=person(number, f"사람{number}")) for number in numbers],
        )

    async def connected(self) -> None:
        """Wait until both front ends serve."""
        await self.discord.world.until(lambda: self.discord.gateway.identified, limit_s=CONNECT_S)
        await self.telegram.until(lambda: self.telegram.polls > 0, CONNECT_S)

    async def leave(self) -> None:
        """Stop as a signal does, and wait for the end."""
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.serving

    def told_to(self, user: User) -> list[tuple[str, str]]:
        """Return what somebody said, as the engine heard it, and what it told them, in order."""
        found = [(request, outcome) for request, outcome in self.told if request.user == user.key]
        return [(request.text, outcome.text) for request, outcome in found if isinstance(outcome, ChatReply)]

    @property
    def violations(self) -> list[str]:
        return [*self.discord.world.violations, *self.telegram.violations]


@asynccontextmanager
async def open_town(
    folder: Path,
    profile: Profile,
    generator: TextGenerator,
    embedder: TextEmbedder,
    clock: Clock,
    **chosen: Any,
) -> AsyncIterator[Town]:
    """Open the servers, the database in `folder`, the queue and the app; leave in order at the end."""
    old = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    limits = EngineSettings(turn_timeout_s=PATIENCE_S, drain_timeout_s=1.0)
    async with (
        open_discord_server() as discord_server,
        open_telegram_server() as telegram_server,
        AsyncExitStack() as stack,
    ):
        settings = Settings(
            data_dir=folder,
            profile=profile.name,
            turn_timeout_s=PATIENCE_S,
            drain_timeout_s=5.0,
            dashboard_port=0,
            discord_token=SecretStr(DISCORD_TOKEN),
            discord_api_url=discord_server.api_url,
            discord_gateway_url=discord_server.gateway_url,
            telegram_token=SecretStr(TELEGRAM_TOKEN),
            telegram_api_url=telegram_server.url,
            **chosen,
        )
        database = await stack.enter_async_context(open_database(storage_settings(settings)))
        pipeline = ChatPipeline(
            profile=profile,
            policy=load_policy("default"),
            care=load_care(),
            generator=generator,
            embedder=embedder,
            database=database,
            clock=clock,
        )
        heard: list[ChatRequest] = []
        told: list[tuple[ChatRequest, ChatOutcome]] = []

        async def run(request: ChatRequest, show: EventSink, queued_ms: float) -> ChatOutcome:
            heard.append(request)
            outcome = await pipeline.run(request, show, queued_ms)
            told.append((request, outcome))
            return outcome

        async with open_queue(run, limits) as queue:
            engine = Engine(database=database, queue=queue, firewall=pipeline.firewall, retriever=pipeline.retriever)
            app, stop = build_app(settings, engine, clock), asyncio.Event()
            serving = asyncio.create_task(app.serve(stop), name="app under test")
            town = Town(
                discord=discord_server,
                telegram=telegram_server,
                app=app,
                queue=queue,
                stop=stop,
                serving=serving,
                heard=heard,
                told=told,
            )
            try:
                await town.connected()
                yield town
            finally:
                await town.leave()
                discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = old


def misbehave(town: Town, seed: int, share: float) -> Counter[tuple[str, int]]:
    """Let both servers answer a share of what concerns messages with 429 or 500, drawn from `seed`; return how often they do."""
    rng = random.Random(seed)
    made: Counter[tuple[str, int]] = Counter()

    def discord_fault(_method: str, path: str) -> DiscordFault | None:
        if "/messages" not in path or rng.random() >= share:
            return None
        is_limit = rng.random() < 0.5
        made["discord", 429 if is_limit else 500] += 1
        if is_limit:
            return DiscordFault(status=429, retry_after=0.1)
        return DiscordFault(status=500, after_effect=rng.random() < 0.5)

    def telegram_fault(method: str, _params: dict[str, Any]) -> TelegramFault | None:
        if method not in ("sendMessage", "sendPhoto", "sendMessageDraft", "editMessageText") or rng.random() >= share:
            return None
        is_limit = rng.random() < 0.5
        made["telegram", 429 if is_limit else 500] += 1
        return TelegramFault(status=429, retry_after=1) if is_limit else TelegramFault(status=500)

    town.discord.world.faults = discord_fault
    town.telegram.fault_for = telegram_fault
    return made


async def all_answered(users: Sequence[User], count: int) -> list[list[str]]:
    """Wait until everybody has `count` replies; return them by user."""
    return list(await asyncio.gather(*(user.wait(count) for user in users)))
