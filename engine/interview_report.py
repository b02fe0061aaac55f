"""The report card of an interview: what was answered, what was missed and why, read from its steps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.interview_bank import ExpectedAnswer, Question, QuestionBank
from storage.interview_records import Interview, InterviewStep, StepKind

_TRIES = {StepKind.FAILED, StepKind.UNKNOWN}


class AnswerState(StrEnum):
    """What became of one answer."""

    ANSWERED = "answered"
    MISSED = "missed"
    NOT_REACHED = "not_reached"


class MissReason(StrEnum):
    """Why an answer was missed."""

    WRONG = "wrong"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerResult:
    """One answer: what became of it, after how many tries and hints, and how close it came.

    `judged_as` is the label that the last message about it got, with its `score`; `closeness` is the best score that this answer
    itself got in any message. `said` is the message that answered it, or else the last one. `covered` and `missing` are key points.
    """

    label: str
    state: AnswerState
    reason: MissReason | None
    tries: int
    hints: int
    judged_as: str | None
    score: float | None
    closeness: float | None
    said: str
    covered: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def was_easy(self) -> bool:
        """Whether it was answered at the first try and without a hint."""
        return self.state is AnswerState.ANSWERED and self.tries == 1 and self.hints == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionResult:
    """One graded question with its answers; `read` is what to read next."""

    label: str
    topic: str
    answers: tuple[AnswerResult, ...]
    read: tuple[str, ...]

    @property
    def is_missed(self) -> bool:
        """Whether any of its answers was missed."""
        return any(answer.state is AnswerState.MISSED for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicResult:
    """How many answers of a topic were given, missed and not asked for."""

    topic: str
    answered: int
    missed: int
    not_reached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole card."""

    bank: str
    title: str
    started_at: datetime
    ended_at: datetime
    questions: tuple[QuestionResult, ...]

    @property
    def topics(self) -> tuple[TopicResult, ...]:
        """The topics in the order of the bank."""
        names = dict.fromkeys(question.topic for question in self.questions)
        return tuple(self._topic(name) for name in names)

    @property
    def answered(self) -> int:
        """How many answers were given."""
        return sum(topic.answered for topic in self.topics)

    @property
    def missed(self) -> int:
        """How many answers were asked for and not given."""
        return sum(topic.missed for topic in self.topics)

    def _topic(self, name: str) -> TopicResult:
        states = [each.state for question in self.questions if question.topic == name for each in question.answers]
        return TopicResult(
            topic=name,
            answered=states.count(AnswerState.ANSWERED),
            missed=states.count(AnswerState.MISSED),
            not_reached=states.count(AnswerState.NOT_REACHED),
        )


def build_report(bank: QuestionBank, interview: Interview) -> Report:
    """Read the card of an interview from its steps."""
    steps = [step for step in interview.steps if step.kind is not StepKind.STARTED]
    asked = {interview.steps[0].next_question, *(step.next_question for step in steps)}
    questions = [
        _question_result(question, [step for step in steps if step.question == question.label], question.label in asked)
        for question in bank.questions
        if question.is_graded
    ]
    return Report(
        bank=bank.name,
        title=bank.title,
        started_at=interview.started_at,
        ended_at=interview.ended_at or interview.updated_at,
        questions=tuple(questions),
    )


def _question_result(question: Question, steps: Sequence[InterviewStep], was_asked: bool) -> QuestionResult:
    settled = {
        name for step in steps if step.kind is StepKind.ANSWERED and step.label in question.answer_labels
        for name in question.answer(step.label).settles
    }  # fmt: skip
    answers = tuple(_answer_result(answer, steps, was_asked, answer.label in settled) for answer in question.answers)
    return QuestionResult(label=question.label, topic=question.topic, answers=answers, read=question.read)


def _answer_result(
    answer: ExpectedAnswer, steps: Sequence[InterviewStep], was_asked: bool, is_settled: bool
) -> AnswerResult:
    right = next((step for step in steps if step.kind is StepKind.ANSWERED and step.label == answer.label), None)
    about = _steps_about(steps, right)
    tries = [step for step in about if step.kind in _TRIES]
    last = right or (tries[-1] if tries else None)
    close = [step.closeness for step in steps if step.close_to == answer.label and step.closeness is not None]
    said = last.text if last else ""
    state = _state(steps, was_asked, right is not None or is_settled)
    covered = tuple(point.text for point in answer.covered(said))
    return AnswerResult(
        label=answer.label,
        state=state,
        reason=_reason(steps) if state is AnswerState.MISSED else None,
        tries=len(tries) + (state is AnswerState.ANSWERED),
        hints=sum(step.kind is StepKind.HINT for step in about),
        judged_as=last.label if last else None,
        score=last.score if last else None,
        closeness=max(close, default=None),
        said=said,
        covered=covered,
        missing=tuple(point.text for point in answer.points if point.text not in covered),
    )


def _steps_about(steps: Sequence[InterviewStep], right: InterviewStep | None) -> Sequence[InterviewStep]:
    """Return the steps that concern one answer: those since the answer before it, until it was given."""
    upto = steps if right is None else steps[: steps.index(right)]
    earlier = [n for n, step in enumerate(upto) if step.kind is StepKind.ANSWERED and (not right or step.at < right.at)]
    return upto[earlier[-1] + 1 :] if earlier else upto


def _state(steps: Sequence[InterviewStep], was_asked: bool, was_given: bool) -> AnswerState:
    if was_given:
        return AnswerState.ANSWERED
    # the question that stood when the interview was stopped, and was never tried, counts as not reached
    was_tried = any(step.kind is not StepKind.CLOSED for step in steps)
    return AnswerState.MISSED if was_asked and was_tried else AnswerState.NOT_REACHED


def _reason(steps: Sequence[InterviewStep]) -> MissReason:
    """Return why a question was left with answers missing."""
    match steps[-1].kind if steps else None:
        case StepKind.SKIPPED:
            return MissReason.SKIPPED
        case StepKind.CLOSED | None:
            return MissReason.STOPPED
        case StepKind.UNKNOWN:
            return MissReason.UNKNOWN
    return MissReason.WRONG
