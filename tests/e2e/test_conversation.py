"""One conversation of 30 lines on the shipped models: what the product promises, from 안녕 to a block that ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.handlers.chat import ChatHandler
from bot.handlers.memory import MemoryHandler
from bot.handlers.sanctions import SanctionHandler
from engine.pipeline import ChatPipeline
from engine.queue import open_queue
from engine.sanction_policy import load_policy
from engine.settings import EngineSettings
from engine.types import DEFAULT_TIME_ZONE, ChatOutcome, ChatReply
from models.runtime import ModelRuntime
from storage.database import Database, open_database
from storage.records import ConversationKey, UserKey
from storage.settings import StorageSettings

LOVE, POLITICS, PARENTS, HATE = "사랑 고백/만남", "정치", "패드립", "혐오/기타"
SEOUL = ZoneInfo("Asia/Seoul")


class MovableClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 19, 5, 0, tzinfo=UTC)  # Thursday, 14:00 in Seoul

    def __call__(self) -> datetime:
        return self.now

    def set_seoul(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=SEOUL).astimezone(UTC)


@dataclass
class Stage:
    """The product as a front end sees it."""

    clock: MovableClock
    database: Database
    chat: ChatHandler
    memory: MemoryHandler
    sanctions: SanctionHandler

    async def say(self, user: str, text: str) -> ChatOutcome:
        key = UserKey(platform="test", id=user)
        conversation = ConversationKey(platform="test", id=user)
        turn = self.chat.submit(key, conversation, text, locale="ko", zone=DEFAULT_TIME_ZONE)
        return await turn.outcome()

    async def reply(self, user: str, text: str) -> ChatReply:
        outcome = await self.say(user, text)
        assert isinstance(outcome, ChatReply), outcome
        return outcome

    async def memories(self, user: str) -> list[str]:
        return [memory.text for memory in await self.memory.list(UserKey(platform="test", id=user))]


@pytest.fixture
async def stage(tmp_path: Path, embedded_runtime: ModelRuntime) -> AsyncIterator[Stage]:
    clock = MovableClock()
    async with open_database(StorageSettings.for_data_dir(tmp_path)) as database:
        pipeline = ChatPipeline(
            profile=embedded_runtime.profile,
            policy=load_policy("default"),
            generator=embedded_runtime.generator,
            embedder=embedded_runtime.embedder,
            database=database,
            clock=clock,
            seed=7,
        )
        async with open_queue(pipeline.run, EngineSettings()) as queue:
            yield Stage(
                clock=clock,
                database=database,
                chat=ChatHandler(queue, clock),
                memory=MemoryHandler(database, clock),
                sanctions=SanctionHandler(database),
            )
