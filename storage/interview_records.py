"""Define what is kept of interviews, as plain values that any package may hold. Every datetime is aware UTC."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.records import ConversationKey, UserKey


class InterviewState(StrEnum):
    """Say where an interview stands. Running and paused ones are open."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class StepKind(StrEnum):
    """Say what one step of an interview came to."""

    STARTED = "started"
    ANSWERED = "answered"  # an answer that the question wants
    FAILED = "failed"
    UNKNOWN = "unknown"  # "I don't know"
    TERM = "term"  # asked what a word means
    TALKED = "talked"  # the answer to a question that nobody can fail
    HINT = "hint"
    SKIPPED = "skipped"
    CLOSED = "closed"  # ended by command before its end


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewStep:
    """Record one step: the question it belongs to, what it came to, and the question that stands after it.

    `label` is the answer label that scored highest among those that counted, `score` its cosine, and `close_to` the wanted label
    that came nearest with its own cosine in `closeness`; they are None where nothing was scored. `text` is what the user wrote.
    """

    question: str
    kind: StepKind
    next_question: str
    at: datetime
    label: str | None = None
    score: float | None = None
    close_to: str | None = None
    closeness: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """Keep one interview with its steps in order."""

    id: int
    user: UserKey
    conversation: ConversationKey
    bank: str
    state: InterviewState
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    steps: tuple[InterviewStep, ...]

    @property
    def question(self) -> str:
        """The question that is open now."""
        return self.steps[-1].next_question


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCard:
    """Keep how well a user knows one answer of a bank: its Leitner box (from 1), when it was asked last and is due again."""

    bank: str
    question: str
    label: str
    box: int
    asked_at: datetime
    due_at: datetime
