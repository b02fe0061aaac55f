"""Define what is kept, as plain values that any package may hold.

Every datetime here is timezone-aware UTC. Importing this module imports no database code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PSEUDONYM = "forgotten-"  # no platform gives ids that begin so


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKey:
    """Name a user by the platform and the platform's id for them, or a forgotten one by their pseudonym."""

    platform: str
    id: str

    @property
    def is_forgotten(self) -> bool:
        """Whether this is the pseudonym of somebody who was forgotten."""
        return self.id.startswith(PSEUDONYM)


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
    cosine of each of the five categories, `thresholds` those in force at that time. `declined` holds
    the policy's words of declining that the reply had, None where no reply was written; `link` leads
    to the message where the platform has such links. What a moderator gave by hand has
    `policy_version` `MANUAL` and neither text nor scores.
    """

    text: str
    reply: str | None
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    profile: str
    policy_version: str
    request_id: str
    declined: tuple[str, ...] | None = None
    link: str | None = None


class SanctionState(StrEnum):
    """Say where a sanction stands. All but `EXPIRED`, which the clock brings, were decided and are stored.

    A reduced block ends sooner than it was given for; a lifted one ended at once, and its rung stays; an overturned sanction
    was wrong, and gives its rung back.
    """

    ACTIVE = "active"
    EXPIRED = "expired"
    LIFTED = "lifted"
    REDUCED = "reduced"
    OVERTURNED = "overturned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanction:
    """Record one warning or block of a user in one category.

    `id` is None until the sanction is stored; `level` is the rung that it stands on, from 1 in its category, and
    `rung_before` the user's rung until then, 0 for none. `community` is the server or group in which it came about,
    None in private. `ended_at` is when a moderator ended it, or, in the future, the earlier end that a moderator set.
    `decision` is what people made of it: everything of `SanctionState` but `EXPIRED`.

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
    rung_before: int = 0
    decision: SanctionState = SanctionState.ACTIVE

    @property
    def margin(self) -> float | None:
        """By how much the score passed its threshold; None where no score was taken."""
        score, threshold = (part.get(self.category) for part in (self.evidence.scores, self.evidence.thresholds))
        return None if score is None or threshold is None else round(score - threshold, 4)

    @property
    def is_manual(self) -> bool:
        """Whether a moderator gave it: its category is then the reason (`MANUAL` once that was erased), and no ladder counts it."""
        return self.evidence.policy_version == MANUAL

    @property
    def end(self) -> datetime | None:
        """When a block really ends: at its expiry, or when a moderator ended it."""
        return self.expires_at if self.ended_at is None else self.ended_at

    def holds(self, now: datetime) -> bool:
        """Tell whether it is a block that is in force."""
        return self.kind is SanctionKind.BLOCK and self.end is not None and self.end > now

    def state(self, now: datetime) -> SanctionState:
        """Return where it stands at `now`; a warning has no end and never expires."""
        is_final = self.decision in (SanctionState.LIFTED, SanctionState.OVERTURNED)
        is_over = self.end is not None and self.end <= now
        return SanctionState.EXPIRED if is_over and not is_final else self.decision

    def __post_init__(self) -> None:
        if (self.kind is SanctionKind.BLOCK) != (self.expires_at is not None):
            raise ValueError("a block has an expiry and a warning has none")
        if self.level < 1:
            raise ValueError(f"a sanction's level counts from 1, got {self.level}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Tell what one sanction that stands counts on the ladder of its category today.

    `level` is its own unless a sanction that it was climbed from was overturned later. `since` is when
    the time without offence begins to run: the end of a block, the moment of a warning.
    """

    category: str
    level: int
    started_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Keep the scores of a message that came near a threshold and drew no sanction, without its text.

    The fields are those of `Evidence`.
    """

    request_id: str
    user: UserKey
    community: str | None
    observed_at: datetime
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    declined: tuple[str, ...] | None
    profile: str
    policy_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRecord:
    """Keep what a policy version held when it was first used: its canonical content and that content's SHA-256."""

    version: str
    digest: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Keep one thing that the character knows about a user; `last_used_at` is when it last stood in front of a message."""

    id: int
    user: UserKey
    key: str
    value: str
    created_at: datetime
    updated_at: datetime
    is_pinned: bool = False
    last_used_at: datetime | None = None

    @property
    def text(self) -> str:
        """The memory as the models read it: `[key: value]`."""
        return f"[{self.key}: {self.value}]"


class MemoryAction(StrEnum):
    """Say what happened to a memory."""

    CREATED = "created"
    REPLACED = "replaced"
    FORGOTTEN = "forgotten"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryChange:
    """Record one change of a memory; `request_id` is None when no turn caused it, `link` leads to the turn's message.

    What is restored has the request and the link of the change that it goes back to.
    """

    memory_id: int
    action: MemoryAction
    old_value: str | None
    new_value: str | None
    changed_at: datetime
    request_id: str | None
    link: str | None = None


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
    OVERTURNED = "overturned"


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
    """Keep what a user says against a sanction, in which language, what was decided, and when the user was told of it.

    `tries` counts how often that could not be done.
    """

    id: int
    sanction_id: int
    user: UserKey
    text: str
    state: AppealState
    created_at: datetime
    decided_at: datetime | None
    reason: str | None
    language: str | None = None
    told_at: datetime | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCard:
    """Keep where a sanction's card stands in a modlog, and when it is to be written anew; `due_at` None: it is as it should be.

    `posting` counts the messages that were begun for it, so that a retry of one has the same name. `revision` counts the changes
    of the case, and `shown` is the revision that the card last showed.
    """

    sanction_id: int
    channel: str | None
    message_id: str | None
    due_at: datetime | None
    posting: int
    revision: int
    shown: int
    tries: int


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


class AuditAction(StrEnum):
    """Say what a person did that is kept for good."""

    SANCTION_LIFTED = "sanction.lifted"
    SANCTION_REDUCED = "sanction.reduced"
    SANCTION_OVERTURNED = "sanction.overturned"
    USER_WARNED = "user.warned"
    USER_BLOCKED = "user.blocked"
    NOTE_ADDED = "note.added"
    APPEAL_DECIDED = "appeal.decided"
    REPORT_CLOSED = "report.closed"
    SETTINGS_CHANGED = "settings.changed"
    PERSONA_CHANGED = "persona.changed"
    POLICY_CHANGED = "policy.changed"


AuditValue = str | int | float | bool | None | Sequence[str]
AT_TERMINAL = UserKey(platform="terminal", id="owner")  # who acts where nobody has an account: main.py's own commands


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """Name the last row of the audit by number and hash; (0, "") before the first."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Record what a person did: who, what, to which row, and how the chain goes on.

    `subject` names a row, such as `sanction:17`; neither it nor `details` holds what anybody wrote.
    """

    number: int
    at: datetime
    actor: UserKey
    action: str
    subject: str
    details: Mapping[str, AuditValue]
    previous: str
    hash: str


class PassKind(StrEnum):
    """Say what a pass to the dashboard is: a link works once, a session until it expires or is ended."""

    LINK = "link"
    SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPass:
    """Let one account into the dashboard, for what it may see in `community` (None: the whole platform, for owners).

    `locale` is the language of the client that asked. What the account may do is asked of the platform on every use.
    """

    kind: PassKind
    user: UserKey
    community: str | None
    locale: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Say which sanctions a moderator wants to see; None and the empty text leave a thing open.

    `user` is an id; `since` and `until` bound when a sanction was given; `text` holds words that must all have been said.
    """

    user: str | None = None
    category: str | None = None
    kind: SanctionKind | None = None
    state: SanctionState | None = None
    community: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCount:
    """Tell how many sanctions of one category fell into one stretch of time, by its place; what was given by hand is one category."""

    place: int
    category: str
    count: int
