"""An interview as a state machine: where it stands, what an answer comes to, and what may be asked next. Pure; no models, no clock.

What is stored are steps; `read_standing` reads where an interview stands from them, so a restart changes nothing. An interview ends
whatever is answered: a question is asked once, a try without a new answer counts, and after the question's `attempts` it is closed as
missed. `longest_interview` is the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.interview_words import InterviewWords
from models.interview_bank import Collect, Question, QuestionBank
from storage.interview_records import InterviewStep, StepKind

_UNKNOWN_TRIES = 2  # "I don't know" twice, and she tells the answer
_FRUITLESS = {StepKind.FAILED, StepKind.UNKNOWN, StepKind.TALKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an interview stands at one question.

    `drawn` is the answer that a question wants that wants only one of several, else empty. `tries`, `unknowns` and `hints` count since
    the last new answer, `terms` since the question was asked. `asked` holds every question asked so far, this one among them.
    """

    question: Question
    drawn: str
    given: frozenset[str] = frozenset()
    tries: int = 0
    unknowns: int = 0
    terms: int = 0
    hints: int = 0
    asked: frozenset[str] = frozenset()

    @property
    def left(self) -> tuple[str, ...]:
        """The answers that the question still wants."""
        wants = (self.drawn,) if self.drawn else self.question.answer_labels
        return tuple(label for label in wants if label not in self.given)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Those of them that count now: the first only, where answers are collected in order."""
        return self.left[:1] if self.question.collect is Collect.IN_ORDER else self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a message came to: its kind, the label with its score, and the wanted label that came nearest.

    `more` are further answers that the same message gave, with their scores.
    """

    kind: StepKind
    label: str | None = None
    score: float | None = None
    close_to: str | None = None
    closeness: float | None = None
    more: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What her line answers and leads to: the standing before the message and after it, the verdict, and the next question."""

    before: Standing
    after: Standing
    verdict: Verdict
    following: Standing | None  # None at the end
    text: str

    @property
    def stays(self) -> bool:
        """Whether the question stays open."""
        return self.following is not None and self.following.question.label == self.before.question.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What earlier interviews say: questions that come `first`, because they were missed, and questions `left_out`, known and not due."""

    first: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

    def choices(self, bank: QuestionBank, standing: Standing) -> tuple[str, ...]:
        """Return what may be asked once the question is closed, best first; never empty.

        The questions that come first go before what the bank names; the last question comes when no other is left.
        """
        label, closing = standing.question.label, bank.questions[-1].label
        if label == closing:
            return (bank.marks.end,)
        known = standing.asked | self.left_out
        open_ = [
            question.label
            for question in bank.questions[:-1]
            if question.label not in known and all(name in known for name in question.after)
        ]
        if early := tuple(name for name in open_ if name in self.first):
            return early
        choices = bank.choices(label, known)
        return tuple(open_[:1]) if open_ and choices == (closing,) else choices


def read_standing(bank: QuestionBank, steps: Sequence[InterviewStep], draw: int) -> Standing:
    """Read where an interview stands from its steps; `draw` chooses the answer of questions that want one of several.

    A question that the bank no longer has stands for its last one.
    """
    standing = begin_question(bank, steps[0].next_question, frozenset(), draw)
    for step in steps[1:]:
        standing = take_step(standing, step)
        if step.next_question != standing.question.label and step.next_question != bank.marks.end:
            standing = begin_question(bank, step.next_question, standing.asked, draw)
    return standing


def take_step(standing: Standing, step: InterviewStep) -> Standing:
    """Return where the question stands after one more step at it."""
    match step.kind:
        case StepKind.ANSWERED if step.label in standing.left:
            settled = {step.label, *standing.question.answer(step.label).settles}
            return replace(standing, given=standing.given | settled, tries=0, unknowns=0, hints=0)
        case StepKind.TERM:
            return replace(standing, terms=standing.terms + 1)
        case StepKind.HINT:
            return replace(standing, hints=standing.hints + 1)
    if step.kind in _FRUITLESS:
        unknowns = standing.unknowns + (step.kind is StepKind.UNKNOWN)
        return replace(standing, tries=standing.tries + 1, unknowns=unknowns)
    return standing


def is_closed(standing: Standing, words: InterviewWords) -> bool:
    """Tell whether the question has been answered, or asked often enough."""
    tries = standing.tries + max(0, standing.terms - words.explained_terms)
    return not standing.left or tries >= standing.question.attempts or standing.unknowns >= _UNKNOWN_TRIES


def next_choices(bank: QuestionBank, standing: Standing, plan: Plan, words: InterviewWords) -> tuple[str, ...]:
    """Return the questions that may stand next, best first: an open question stays; one that nobody can fail may stay or go."""
    if is_closed(standing, words):
        return plan.choices(bank, standing)
    if standing.question.is_graded:
        return (standing.question.label,)
    return (*plan.choices(bank, standing), standing.question.label)


def judge_scores(
    bank: QuestionBank, standing: Standing, scores: Mapping[str, float], text: str, words: InterviewWords
) -> Verdict:
    """Judge a message by its cosine with every answer label: the best of those that are wanted, failed, and a question about a term."""
    nearest = max(standing.wanted, key=lambda label: scores[label])
    verdict = Verdict(
        kind=StepKind.TALKED, label=nearest, score=scores[nearest], close_to=nearest, closeness=scores[nearest]
    )
    if not standing.question.is_graded:
        return verdict
    best = max((nearest, bank.marks.failed, bank.marks.term), key=lambda label: scores[label])
    if best == bank.marks.failed:
        kind = StepKind.UNKNOWN if words.says_unknown(text) else StepKind.FAILED
    else:
        kind = StepKind.TERM if best == bank.marks.term else StepKind.ANSWERED
    return replace(verdict, kind=kind, label=best, score=scores[best])


def judge_points(bank: QuestionBank, standing: Standing, text: str, words: InterviewWords) -> Verdict:
    """Judge a message by the key points that it holds; a score is the share of an answer's points."""
    answers = [standing.question.answer(label) for label in standing.wanted]
    shares = {each.label: len(each.covered(text)) / max(1, len(each.points)) for each in answers}
    nearest = max(shares, key=lambda label: shares[label])
    verdict = Verdict(kind=StepKind.TALKED, label=nearest, close_to=nearest, closeness=shares[nearest])
    if not standing.question.is_graded:
        return verdict
    if words.asks_about_term(text) and bank.find_term(text) is not None:
        return replace(verdict, kind=StepKind.TERM, label=bank.marks.term)
    if right := sorted(
        (each.label for each in answers if len(each.covered(text)) >= each.needed), key=_falling(shares)
    ):
        more = tuple((label, shares[label]) for label in right[1:])
        return replace(verdict, kind=StepKind.ANSWERED, label=right[0], score=shares[right[0]], more=more)
    kind = StepKind.UNKNOWN if words.says_unknown(text) else StepKind.FAILED
    return replace(verdict, kind=kind, label=bank.marks.failed)


def longest_interview(bank: QuestionBank, words: InterviewWords) -> int:
    """Return how many messages an interview takes at most: for each question its tries before every answer, and what is explained."""
    return sum(question.attempts * len(question.answers) + words.explained_terms for question in bank.questions)


def _falling(shares: Mapping[str, float]) -> Callable[[str], float]:
    return lambda label: -shares[label]


def begin_question(bank: QuestionBank, label: str, asked: frozenset[str], draw: int) -> Standing:
    """Return where an interview stands when a question has just been asked, after those `asked` before it."""
    question = bank.question(label) if label in bank.question_labels[:-1] else bank.questions[-1]
    drawn = question.answer_labels[draw % len(question.answers)] if question.collect is Collect.ONE else ""
    return Standing(question=question, drawn=drawn, asked=asked | {question.label, label})
