"""Give each test of the front ends a console over the real engine and database, with fake models."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from bot.console import Console, ConsoleOptions, read_lines
from bot.handlers.chat import ChatHandler
from bot.handlers.interview_cards import InterviewCards
from bot.handlers.memory import MemoryHandler
from bot.handlers.sanctions import SanctionHandler
from engine.care import load_care
from engine.interview_banks import BankShelf
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.queue import QueuedTurn, TurnQueue, open_queue
from engine.settings import EngineSettings
from models.profile import load_profile
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import ConversationKey, Evidence, Sanction, SanctionKind, UserKey
from storage.sanctions import SanctionStore
from tests.fakes import HATE, LOVE, NORMAL, PAEDRIP, POLITICS, FakeEmbedder, FakeGenerator, make_firewall

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)  # Wednesday 15:30 in Seoul
SEOUL = ZoneInfo("Asia/Seoul")
SCORES = {
    "사랑해": {LOVE: 0.99},
    "대통령 어때?": {POLITICS: 0.97},
    "부모 욕": {PAEDRIP: 0.95},
    "범죄 얘기": {HATE: 0.95},
    "내 일정이 뭐였지?": {"[내일 일정: 카페]": 0.97},
}


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class Gate(asyncio.Event):
    """Holds the fake generator back until it is set, and tells when the generator has come to it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.reached.set()
        return await super().wait()


@dataclass(kw_only=True)
class Desk:
    """A person at a console, and what a test wants to see behind it."""

    database: Database
    queue: TurnQueue
    generator: FakeGenerator
    clock: FixedClock
    folder: Path
    out: io.StringIO = field(default_factory=io.StringIO)

    def console(self, *, user: str = "민지", locale: str = "ko", as_json: bool = False) -> Console:
        return Console(
            chat=ChatHandler(self.queue, self.clock),
            cards=InterviewCards(self.database, BankShelf()),
            memory=MemoryHandler(self.database, self.clock, make_firewall()),
            sanctions=SanctionHandler(self.database),
            clock=self.clock,
            options=ConsoleOptions(user=user, locale=locale, zone=SEOUL, as_json=as_json, card_folder=self.folder),
            out=self.out,
        )

    async def pipe(self, piped: bytes, *, user: str = "민지", locale: str = "ko", as_json: bool = False) -> str:
        """Pipe bytes into a console, as a shell does, and return what it printed."""
        start = self.out.tell()
        stream = io.TextIOWrapper(io.BytesIO(piped))
        await self.console(user=user, locale=locale, as_json=as_json).run_piped(read_lines(stream))
        return self.out.getvalue()[start:]

    async def say(self, *lines: str, user: str = "민지", locale: str = "ko") -> list[str]:
        """Pipe lines in and return the lines that were printed."""
        printed = await self.pipe("".join(f"{line}\n" for line in lines).encode(), user=user, locale=locale)
        return printed.splitlines()

    async def say_json(self, *lines: str, user: str = "민지", locale: str = "ko") -> list[dict[str, Any]]:
        """Pipe lines in and return the JSON objects that were printed."""
        piped = "".join(f"{line}\n" for line in lines).encode()
        printed = await self.pipe(piped, user=user, locale=locale, as_json=True)
        assert printed.endswith("\n")
        return [json.loads(line) for line in printed.removesuffix("\n").split("\n")]

    def submit(self, text: str, *, user: str = "민지") -> QueuedTurn:
        """Submit one message without waiting for its outcome."""
        room = ConversationKey(platform="console", id=user)
        return ChatHandler(self.queue, self.clock).submit(user_key(user), room, text, locale="ko", zone=SEOUL)

    async def memories(self, user: str = "민지") -> list[str]:
        async with self.database.read() as session:
            return [memory.text for memory in await MemoryStore(session).of_user(user_key(user))]

    async def sanctions(self, user: str = "민지") -> list[Sanction]:
        async with self.database.read() as session:
            return await SanctionStore(session).of_user(user_key(user))

    async def remember(self, key: str, value: str, user: str = "민지") -> None:
        async with self.database.begin() as session:
            await MemoryStore(session).remember(user_key(user), key, value, self.clock(), None)

    async def sanction(self, sanction: Sanction) -> None:
        async with self.database.begin() as session:
            await SanctionStore(session).add(sanction)


def user_key(name: str) -> UserKey:
    """Return the key of a user of the console."""
    return UserKey(platform="console", id=name)


MakeSanction = Callable[..., Sanction]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def seoul() -> ZoneInfo:
    return SEOUL


@pytest.fixture
def make_sanction() -> MakeSanction:
    numbers = itertools.count(1)

    def make(
        category: str = POLITICS,
        *,
        user: str = "민지",
        level: int = 1,
        block: timedelta | None = None,
        started_at: datetime = NOW,
    ) -> Sanction:
        return Sanction(
            user=user_key(user),
            category=category,
            level=level,
            kind=SanctionKind.WARNING if block is None else SanctionKind.BLOCK,
            started_at=started_at,
            expires_at=None if block is None else started_at + block,
            evidence=Evidence(
                text="대통령 어때?",
                reply=None,
                scores={NORMAL: 0.1, category: 0.97},
                thresholds={category: 0.95},
                profile="embedded",
                policy_version="1",
                request_id=f"r-{next(numbers)}",
            ),
        )

    return make


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def limits() -> EngineSettings:
    return EngineSettings(max_concurrent_turns=4, turn_timeout_s=10.0, drain_timeout_s=1.0)


@pytest.fixture
async def desk(
    database: Database, clock: FixedClock, generator: FakeGenerator, limits: EngineSettings, tmp_path: Path
) -> AsyncIterator[Desk]:
    pipeline = ChatPipeline(
        profile=load_profile("ohlora-v4"),
        policy=load_policy("default"),
        care=load_care(),
        generator=generator,
        embedder=FakeEmbedder(SCORES),
        database=database,
        clock=clock,
        seed=7,
    )
    async with open_queue(pipeline.run, limits) as queue:
        yield Desk(database=database, queue=queue, generator=generator, clock=clock, folder=tmp_path / "cards")
