"""Hold a pipeline over fake models together with its clock and database, for tests to act on and look into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine.pipeline import ChatPipeline
from engine.types import ChatEvent, ChatOutcome, ChatRequest, InterviewAct, InterviewCommand
from storage.conversations import ConversationStore
from storage.database import Database
from storage.interview_records import Interview
from storage.interviews import InterviewStore
from storage.memories import MemoryStore
from storage.records import (
    MANUAL,
    Conversation,
    ConversationKey,
    Evidence,
    Memory,
    MemoryChange,
    Sanction,
    SanctionKind,
    Turn,
    UserKey,
    UserSettings,
)
from storage.sanctions import SanctionStore
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore
from tests.fakes import FakeEmbedder, FakeGenerator

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)  # Wednesday 15:30 in Seoul
MakeRequest = Callable[..., ChatRequest]


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass(kw_only=True)
class Rig:
    """A pipeline over fake models and a real database, and what a test wants to see of it."""

    pipeline: ChatPipeline
    generator: FakeGenerator
    database: Database
    clock: FixedClock
    make_request: MakeRequest
    embedder: FakeEmbedder
    events: list[ChatEvent] = field(default_factory=list)

    async def say(self, text: str, *, user: str = "1001", conversation: str = "room") -> ChatOutcome:
        """Send one message, received at the clock's time, and return its outcome."""
        request = self.make_request(text, user=user, conversation=conversation, received_at=self.clock())
        return await self.pipeline.run(request, self.events.append)

    async def command(
        self, act: InterviewAct, *, bank: str = "", question: str | None = None, user: str = "1001", room: str = "room"
    ) -> ChatOutcome:
        """Give a command for the interview of a conversation."""
        request = self.make_request("", user=user, conversation=room, received_at=self.clock())
        command = InterviewCommand(act=act, bank=bank, question=question)
        return await self.pipeline.run(replace(request, interview=command))

    async def interviews(self, user: str = "1001") -> list[Interview]:
        """Return the user's interviews, oldest first."""
        async with self.database.read() as session:
            return await InterviewStore(session).of_user(user_key(user))

    async def sanctions(self, user: str = "1001") -> list[Sanction]:
        """Return the user's sanctions, in the order in which they were stored."""
        async with self.database.read() as session:
            rows = await SanctionStore(session).of_user(user_key(user))
        return sorted(rows, key=lambda row: row.id or 0)

    async def memories(self, user: str = "1001") -> list[Memory]:
        async with self.database.read() as session:
            return await MemoryStore(session).of_user(user_key(user))

    async def memory_history(self, user: str = "1001") -> list[MemoryChange]:
        async with self.database.read() as session:
            return await MemoryStore(session).history(user_key(user))

    async def turns(self, user: str = "1001") -> list[Turn]:
        """Return the user's turns, newest first."""
        async with self.database.read() as session:
            return await TurnStore(session).recent(user_key(user), 100)

    async def conversation(self, name: str = "room") -> Conversation | None:
        async with self.database.read() as session:
            return await ConversationStore(session).get(conversation_key(name))

    async def remember(self, key: str, value: str, user: str = "1001") -> None:
        async with self.database.begin() as session:
            await MemoryStore(session).remember(user_key(user), key, value, self.clock(), None)

    async def choose(self, settings: UserSettings, user: str = "1001") -> None:
        async with self.database.begin() as session:
            await UserSettingsStore(session).save(user_key(user), settings)

    async def sanction_by_hand(
        self, reason: str, length: timedelta | None, *, community: str | None, user: str = "1001"
    ) -> None:
        """Block a user for `length` as a moderator does, or warn them."""
        evidence = Evidence(
            text="", reply=None, scores={}, thresholds={}, profile="", policy_version=MANUAL, request_id=""
        )
        block = Sanction(
            user=user_key(user),
            category=reason,
            level=1,
            kind=SanctionKind.WARNING if length is None else SanctionKind.BLOCK,
            started_at=self.clock(),
            expires_at=None if length is None else self.clock() + length,
            evidence=evidence,
            community=community,
        )
        async with self.database.begin() as session:
            await SanctionStore(session).add(block, by=user_key("moderator"))

    async def end(self, sanction: Sanction, end: datetime) -> None:
        """Lift or reduce a block as a moderator does."""
        assert sanction.id is not None
        async with self.database.begin() as session:
            await SanctionStore(session).end(sanction.id, end, user_key("moderator"), "첫 번째라서", self.clock())


MakeRig = Callable[..., Rig]


def user_key(name: str) -> UserKey:
    """Return the key of a user of the test's platform."""
    return UserKey(platform="console", id=name)


def conversation_key(name: str) -> ConversationKey:
    """Return the key of a conversation of the test's platform."""
    return ConversationKey(platform="console", id=name)
