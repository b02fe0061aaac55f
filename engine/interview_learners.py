"""Simulated learners, and an interview with one of them: for tests, and for the transcripts in docs/interview.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.interview import longest_interview
from engine.interview_words import InterviewWords
from engine.types import (
    DEFAULT_TIME_ZONE,
    ChatOutcome,
    ChatReply,
    ChatRequest,
    InterviewAct,
    InterviewCommand,
    Rejection,
    RejectionReason,
)
from models.interview_bank import Question, QuestionBank
from storage.interview_records import InterviewState
from storage.records import ConversationKey, UserKey

PLATFORM = "simulation"
_BETWEEN = timedelta(seconds=40)
_SILENCE = timedelta(days=8)
_PASTED = 4000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a learner hears: the question, and how often it has been asked in a row, from 0; `outcome` is what came last."""

    question: Question
    times: int
    outcome: ChatOutcome


Says = Callable[[Asked], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a transcript; `reason` is why there was no reply."""

    is_learner: bool
    text: str
    reason: RejectionReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said, and how it ended: by her last line, by a block, or by the learner's silence."""

    learner: str
    lines: tuple[Line, ...]
    outcome: ChatOutcome


def full_answer(asked: Asked) -> str:
    """Answer with every key point of the answers; asked again, with those of one answer after another."""
    if not asked.question.is_graded:
        return "응, 좋아! 계속하자"
    answers = asked.question.answers
    chosen = answers if asked.times == 0 else [answers[(asked.times - 1) % len(answers)]]
    parts = [f"{point.text}. {point.words[0]}" for answer in chosen for point in answer.points]
    return ". ".join(parts) if parts else "해 봤어"


def _lost(asked: Asked) -> str:
    return "잘 모르겠어 ㅠㅠ" if asked.question.is_graded else "응…"


def _evasive(asked: Asked) -> str:
    lines = ("음 그건 아마 그냥 좋은 거 같은데?", "뭐랄까 느낌은 아는데 말로는 좀 그래", "근데 그건 왜 물어봐?")
    return lines[asked.times % len(lines)]


def _hostile(asked: Asked) -> str:
    if not asked.question.is_graded:
        return "빨리 해"
    if asked.times == 0:
        return "그런 프로세스는 그냥 kill -9로 죽이고 slave 노드만 남기면 돼"
    return "master slave 구조로 하면 돼. 느금마한테나 물어봐. 데드락은 없어"


def _silent(asked: Asked) -> str | None:
    return "\u200b" if asked.times < 2 else None


def _pasting(asked: Asked) -> str:
    is_refused = isinstance(asked.outcome, Rejection)
    text = full_answer(replace(asked, times=0) if is_refused else asked)
    if not asked.question.is_graded or is_refused:
        return text
    return (f"{text} " * _PASTED)[:_PASTED]


LEARNERS: dict[str, Says] = {
    "perfect": full_answer,
    "lost": _lost,
    "evasive": _evasive,
    "hostile": _hostile,
    "silent": _silent,
    "pasting": _pasting,
}


class SteppedClock:
    """A clock that stands still until somebody lets time pass."""

    def __init__(self, now: datetime) -> None:
        """Begin at `now`, aware UTC."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


RunTurn = Callable[[ChatRequest], Awaitable[ChatOutcome]]


async def hold_interview(
    run: RunTurn, clock: SteppedClock, learner: str, bank: QuestionBank, words: InterviewWords
) -> Transcript:
    """Interview a learner until the end, a block, or silence; at most as long as the bank's longest interview, twice.

    Raises:
        RuntimeError: the interview goes on beyond its bound.
    """
    lines: list[Line] = []
    counter = 0

    async def say(text: str, command: InterviewCommand | None = None) -> ChatOutcome:
        nonlocal counter
        counter += 1
        clock.now += _BETWEEN
        request = ChatRequest(
            request_id=f"{learner}-{bank.name}-{counter}",
            user=UserKey(platform=PLATFORM, id=learner),
            conversation=ConversationKey(platform=PLATFORM, id=learner),
            text=text,
            received_at=clock(),
            time_zone=DEFAULT_TIME_ZONE,
            interview=command,
        )
        outcome = await run(request)
        lines.append(Line(is_learner=True, text=f"/interview {command.act}" if command else text))
        reason = outcome.reason if isinstance(outcome, Rejection) else None
        lines.append(Line(is_learner=False, text=outcome.text if isinstance(outcome, ChatReply) else "", reason=reason))
        return outcome

    outcome = await say("", InterviewCommand(act=InterviewAct.START, bank=bank.name))
    question, times = bank.questions[0].label, 0
    for _ in range(2 * longest_interview(bank, words)):  # a refused message is no try
        text = LEARNERS[learner](Asked(question=bank.question(question), times=times, outcome=outcome))
        if text is None:
            clock.now += _SILENCE
            outcome = await say("안녕, 오랜만이야!")
            return Transcript(learner=learner, lines=tuple(lines), outcome=outcome)
        outcome = await say(text)
        if _is_over(outcome):
            return Transcript(learner=learner, lines=tuple(lines), outcome=outcome)
        if isinstance(outcome, ChatReply) and outcome.interview and outcome.interview.question != question:
            question, times = outcome.interview.question, 0
        else:
            times += 1
    raise RuntimeError(f"the interview of {learner} goes on beyond its bound")


def _is_over(outcome: ChatOutcome) -> bool:
    if isinstance(outcome, Rejection):
        return outcome.reason is RejectionReason.BLOCKED
    return outcome.interview is not None and outcome.interview.state is InterviewState.ENDED
