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


MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Keep what a sanction was decided on, so that an appeal can be judged.

    `text` is the message as typed; `reply` is None where none was needed. `scores` holds the
    cosine of each of the five categories, `thresholds` those in force at that time. What a
    moderator gave by hand has `policy_version` `MANUAL` and neither text nor scores.
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

    `id` is None until the sanction is stored; `level` counts from 1 in its category. `community` is
    the server or group in which it came about, None in private. `ended_at` is when a moderator ended
    it, or, in the future, the earlier end that a moderator set.

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
    community: str | None = None
    ended_at: datetime | None = None

    @property
    def is_manual(self) -> bool:
        """Whether a moderator gave it: its category is then the reason, and no ladder counts it."""
        return self.evidence.policy_version == MANUAL

    @property
    def end(self) -> datetime | None:
        """When a block really ends: at its expiry, or when a moderator ended it."""
        return self.expires_at if self.ended_at is None else self.ended_at

    def holds(self, now: datetime) -> bool:
        """Tell whether it is a block that is in force."""
        return self.kind is SanctionKind.BLOCK and self.end is not None and self.end > now

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
    is_pinned: bool = False

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
    community: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """Keep what a user chose; None and False are what everybody begins with."""

    locale: str | None = None
    time_zone: str | None = None
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityKey:
    """Name a server or group by platform and id."""

    platform: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunitySettings:
    """Keep what the admins of a server or group chose; None is the owner's setting or the profile's."""

    talk_channels: tuple[str, ...] = ()
    moderator_roles: tuple[str, ...] = ()
    modlog_channel: str | None = None
    face_mode: str | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Bound what a moderator sees and does: one community, or everything on the platform where `community` is None."""

    platform: str
    community: str | None = None


class SanctionAction(StrEnum):
    """Say what a moderator did with a sanction."""

    LIFTED = "lifted"
    REDUCED = "reduced"


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionChange:
    """Record what a moderator did with a sanction: who, why, when, and the end before and after."""

    sanction_id: int
    action: SanctionAction
    moderator: UserKey
    reason: str
    changed_at: datetime
    old_end: datetime | None
    new_end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Keep a moderators' note on a user, seen where it was written and by owners."""

    user: UserKey
    community: str | None
    author: UserKey
    text: str
    created_at: datetime


class AppealState(StrEnum):
    """Say what came of an appeal."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """Keep what a user says against a sanction, and what was decided."""

    id: int
    sanction_id: int
    user: UserKey
    text: str
    state: AppealState
    created_at: datetime
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Keep a message that somebody reported to the moderators; closed once somebody has looked at it."""

    id: int
    reporter: UserKey
    author: UserKey
    community: str | None
    text: str
    link: str
    created_at: datetime
    closed_at: datetime | None = None
