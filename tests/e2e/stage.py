"""The product as a front end sees it, over the shipped models or others: say a line, see what is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.handlers.chat import ChatHandler
from bot.handlers.memory import MemoryHandler
from bot.handlers.sanctions import SanctionHandler
from engine.care import load_care
from engine.memory_firewall import MemoryFirewall
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.queue import open_queue
from engine.settings import EngineSettings
from engine.types import DEFAULT_TIME_ZONE, ChatOutcome, ChatReply
from models.exemplars import ExemplarIndex
from models.profile import Profile
from models.types import TextEmbedder, TextGenerator
from storage.database import Database, open_database
from storage.records import ConversationKey, UserKey
from storage.settings import StorageSettings

SEOUL = ZoneInfo("Asia/Seoul")


class MovableClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 19, 5, 0, tzinfo=UTC)  # Thursday, 14:00 in Seoul

    def __call__(self) -> datetime:
        return self.now

    def set_seoul(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=SEOUL).astimezone(UTC)


def person(name: str) -> UserKey:
    return UserKey(platform="test", id=name)


@dataclass(kw_only=True)
class Stage:
    """What a front end has, and what lies behind it."""

    clock: MovableClock
    database: Database
    chat: ChatHandler
    memory: MemoryHandler
    sanctions: SanctionHandler
    firewall: MemoryFirewall

    async def say(self, user: str, text: str) -> ChatOutcome:
        conversation = ConversationKey(platform="test", id=user)
        turn = self.chat.submit(person(user), conversation, text, locale="ko", zone=DEFAULT_TIME_ZONE)
        return await turn.outcome()

    async def reply(self, user: str, text: str) -> ChatReply:
        outcome = await self.say(user, text)
        assert isinstance(outcome, ChatReply), outcome
        return outcome

    async def memories(self, user: str) -> list[str]:
        return [memory.text for memory in await self.memory.list(person(user))]


@asynccontextmanager
async def open_stage(
    folder: Path,
    profile: Profile,
    generator: TextGenerator,
    embedder: TextEmbedder,
    exemplars: Mapping[str, ExemplarIndex] | None = None,
) -> AsyncIterator[Stage]:
    """Nest the lifetimes as `main.py` does, over a database in `folder`; what is drawn is the same every time."""
    clock = MovableClock()
    async with open_database(StorageSettings.for_data_dir(folder)) as database:
        pipeline = ChatPipeline(
            profile=profile,
            policy=load_policy("default"),
            care=load_care(),
            generator=generator,
            embedder=embedder,
            exemplars=exemplars,
            database=database,
            clock=clock,
            seed=7,
        )
        async with open_queue(pipeline.run, EngineSettings()) as queue:
            yield Stage(
                clock=clock,
                database=database,
                chat=ChatHandler(queue, clock),
                memory=MemoryHandler(database, clock, pipeline.firewall),
                sanctions=SanctionHandler(database),
                firewall=pipeline.firewall,
            )
