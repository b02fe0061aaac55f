"""What crosses the border of the engine: a request comes in, an outcome and events go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from storage.interview_records import InterviewState
from storage.records import ConversationKey, MemoryAction, SanctionKind, UserKey

DEFAULT_TIME_ZONE = ZoneInfo("Asia/Seoul")
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The message was answered before and is answered anew: what stood in front of it then."""

    memory_used: str | None
    last_summary: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """An exchange that somebody wrote, to write a line after: a final input like this one, her answer, and how near they are (mostly 0 … 2)."""

    input: str
    answer: str
    nearness: float


class InterviewAct(StrEnum):
    """What a person does with an interview besides answering."""

    START = "start"
    SKIP = "skip"
    HINT = "hint"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewCommand:
    """A command for the conversation's interview; `bank` is what to start with, empty for the default one.

    A command that was given at `question`, by its button, does nothing when another one stands by then.
    """

    act: InterviewAct
    bank: str = ""
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One message of a user. `received_at` is aware UTC; `locale` is a language code such as ko or en.

    `temperature` overrules the reply adapter's. A message that is answered `again` is read as it was the first time, and
    nothing is remembered of it twice. `community` is the server or group that the message stands in, None in private: blocks that
    its moderators made hold there, and they are the ones who may judge what it leads to. `link` leads to the message, where the
    platform has such links. With `interview` it is a command for the interview of this conversation, and `text` is empty.
    """

    request_id: str
    user: UserKey
    conversation: ConversationKey
    text: str
    received_at: datetime
    locale: str = "ko"
    time_zone: ZoneInfo = DEFAULT_TIME_ZONE
    temperature: float | None = None
    again: Again | None = None
    community: str | None = None
    thread_summary: str | None = None
    interview: InterviewCommand | None = None
    link: str | None = None


class Eyes(StrEnum):
    """How wide her eyes are open."""

    SMALL = "작게"
    NORMAL = "보통"
    WIDE = "크게"
    VERY_WIDE = "아주 크게"


class Mouth(StrEnum):
    """How wide her mouth is open."""

    NORMAL = "보통"
    WIDE = "크게"
    VERY_WIDE = "아주 크게"


class Pose(StrEnum):
    """How far her head is turned."""

    NONE = "없음"
    NORMAL = "보통"
    FAR = "많이"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionWeights:
    """Weights for an image generator: smaller means wider eyes, a wider mouth, the head turned further."""

    eyes: float
    mouth: float
    pose: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """The face of one line."""

    eyes: Eyes
    mouth: Mouth
    pose: Pose
    weights: ExpressionWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a user must be told of sanctions: categories, the highest level, and when the block ends (aware UTC).

    What moderators gave `is_manual`: its category is their reason, and its level means nothing.
    """

    kind: SanctionKind
    categories: tuple[str, ...]
    level: int
    expires_at: datetime | None
    is_manual: bool = False


class RejectionReason(StrEnum):
    """Why a message got no reply."""

    BLOCKED = "blocked"
    TOO_LONG = "too_long"
    EMPTY = "empty"
    QUEUE_FULL = "queue_full"
    CANCELLED = "cancelled"
    ERROR = "error"
    ANSWER_TOO_LONG = "answer_too_long"
    INTERVIEW_NONE = "interview_none"
    INTERVIEW_OPEN = "interview_open"
    INTERVIEW_TAKEN = "interview_taken"
    INTERVIEW_LAPSED = "interview_lapsed"
    INTERVIEW_UNKNOWN_BANK = "interview_unknown_bank"
    INTERVIEW_MOVED_ON = "interview_moved_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDetails:
    """What a turn found on its way: ethics scores by category, memories, summary, times in milliseconds.

    `last_summary` is what stood from the turn before, `summary` what this one leaves. `memory_action` says whether what was
    saved is new or took the place of something.
    """

    ethics: Mapping[str, float] = field(default_factory=dict)
    memory_used: str | None = None
    last_summary: str | None = None
    memories_saved: tuple[str, ...] = ()
    memory_action: MemoryAction | None = None
    summary: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewView:
    """Where an interview stands after a reply of its own: the question that is open, and how many graded ones were asked of how many."""

    id: int
    state: InterviewState
    question: str
    asked: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """Her line with its face, and a warning where one was given; `interview` where the line belongs to one."""

    text: str
    expression: Expression
    notice: Notice | None
    details: TurnDetails
    interview: InterviewView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """No reply, with the reason and, for blocks, what the user must be told.

    `wait_s` is an estimate of when there is room again, where the queue was full.
    """

    reason: RejectionReason
    notice: Notice | None = None
    wait_s: float | None = None
    details: TurnDetails = field(default_factory=TurnDetails)


ChatOutcome = ChatReply | Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShown:
    """New text of the reply that is being written."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWithdrawn:
    """Everything shown of this reply so far is taken back; another try follows, or a refusal."""


ChatEvent = TextShown | TextWithdrawn
EventSink = Callable[[ChatEvent], None]


def ignore_event(_: ChatEvent) -> None:
    """Drop an event, for callers that only want the outcome."""
