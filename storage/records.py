"""Define what is kept, as plain values that any package may hold.

Every datetime here is timezone-aware UTC. Importing this module imports no database code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKey:
    """Name a user by the platform and the platform's id for them."""

    platform: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationKey:
    """Name a conversation (a channel, a chat, a terminal) by platform and id."""

    platform: str
    id: str


class SanctionKind(StrEnum):
    """Say what a sanction does: a warning is shown once, a block shuts the user out."""

    WARNING = "warning"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Keep what a sanction was decided on, so that an appeal can be judged.

    `text` is the message as typed; `reply` is None where none was needed. `scores` holds the
    cosine of each of the five categories, `thresholds` those in force at that time.
    """

    text: str
    reply: str | None
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    profile: str
    policy_version: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanction:
    """Record one warning or block of a user in one category.

    `id` is None until the sanction is stored; `level` counts from 1 in its category.

    Raises:
        ValueError: a block without an expiry or a warning with one, or a level below 1.
    """

    id: int | None = None
    user: UserKey
    category: str
    level: int
    kind: SanctionKind
    started_at: datetime
    expires_at: datetime | None
    evidence: Evidence

    def __post_init__(self) -> None:
        if (self.kind is SanctionKind.BLOCK) != (self.expires_at is not None):
            raise ValueError("a block has an expiry and a warning has none")
        if self.level < 1:
            raise ValueError(f"a sanction's level counts from 1, got {self.level}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Keep one thing that the character knows about a user."""

    id: int
    user: UserKey
    key: str
    value: str
    created_at: datetime
    updated_at: datetime

    @property
    def text(self) -> str:
        """The memory as the models read it: `[key: value]`."""
        return f"[{self.key}: {self.value}]"


class MemoryAction(StrEnum):
    """Say what happened to a memory."""

    CREATED = "created"
    REPLACED = "replaced"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryChange:
    """Record one change of a memory; `request_id` is None when no turn caused it."""

    memory_id: int
    action: MemoryAction
    old_value: str | None
    new_value: str | None
    changed_at: datetime
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Keep where a conversation stands: the summary of its last turn, and its turns so far."""

    key: ConversationKey
    last_summary: str | None
    turns: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Record how one turn went, without any of its text.

    `outcome` and `reason` are the engine's words (`reply`, `rejection`; `too_long`, …);
    `timings_ms` are milliseconds for each step.
    """

    request_id: str
    user: UserKey
    conversation: ConversationKey
    outcome: str
    reason: str | None
    received_at: datetime
    profile: str
    timings_ms: Mapping[str, float]
