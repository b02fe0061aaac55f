"""Question banks: what an interview asks, which answers it collects, how they are judged, what is explained. No torch here.

A bank is one TOML file in `models/data/interview/banks` or anywhere else; docs/formats.md describes it. Training reads it as well as
the engine (docs/decisions/0024).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

import pydantic
from pydantic import Field

from models.errors import BankError
from models.profile import MODELS_DIR

BANKS_DIR = MODELS_DIR / "data" / "interview" / "banks"
DEFAULT_BANK = "machine_learning"
_CONFIG = pydantic.ConfigDict(extra="forbid")
_Text = Annotated[str, Field(min_length=1)]
_Lines = Annotated[tuple[_Text, ...], Field(min_length=1)]
_NOT_WORD = re.compile(r"[\W_]+")


class QuestionKind(StrEnum):
    """What a question is for; only `knowledge` and `experience` stand in the report card."""

    GREETING = "greeting"
    KNOWLEDGE = "knowledge"
    EXPERIENCE = "experience"
    SMALL_TALK = "small_talk"
    BREAK = "break"
    CLOSING = "closing"


_NO_ANSWERS = (QuestionKind.GREETING, QuestionKind.BREAK, QuestionKind.CLOSING)


class Collect(StrEnum):
    """Which of its answers a question wants: `all` in any order, all `in_order`, or `one` that is drawn when it is asked."""

    ALL = "all"
    IN_ORDER = "in_order"
    ONE = "one"


class Judge(StrEnum):
    """Who tells which answer was given: the encoders that were trained for this bank, or the words of its key points."""

    ENCODERS = "encoders"
    POINTS = "points"


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class KeyPoint:
    """One thing that a full answer says. An answer covers it when it holds one of `words`.

    Case and spaces count for nothing, nor do symbols, but where they are part of the word.
    """

    text: _Text
    words: _Lines

    def is_in(self, answer: str) -> bool:
        """Tell whether `answer` covers this point."""
        written, letters = _joined(answer), _letters(answer)
        return any(word in letters if word.isalnum() else word in written for word in map(_joined, self.words))


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class ExpectedAnswer:
    """One answer that a question collects.

    `ask` is how she asks for this one alone; `settles` names other answers of the question that it makes needless. Where points
    judge, `needed` of them make the answer right.
    """

    label: _Text
    points: tuple[KeyPoint, ...] = ()
    ask: tuple[_Text, ...] = ()
    hints: tuple[_Text, ...] = ()
    settles: tuple[_Text, ...] = ()
    needed: Annotated[int, Field(gt=0)] = 1

    def covered(self, answer: str) -> tuple[KeyPoint, ...]:
        """Return the points that `answer` covers, in the order of the bank."""
        return tuple(point for point in self.points if point.is_in(answer))


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Question:
    """One question. `next` are the questions that may follow it, `after` those that must have been asked before it.

    `ask` are wordings in her voice; a line of hers that asks this question holds one of `mentions`. She asks at most `attempts` times.
    `read` names books and papers for the report card.
    """

    label: _Text
    kind: QuestionKind
    topic: _Text
    ask: _Lines
    answers: Annotated[tuple[ExpectedAnswer, ...], Field(min_length=1)]
    collect: Collect = Collect.ALL
    next: tuple[_Text, ...] = ()
    after: tuple[_Text, ...] = ()
    mentions: tuple[_Text, ...] = ()
    hints: tuple[_Text, ...] = ()
    read: tuple[_Text, ...] = ()
    attempts: Annotated[int, Field(gt=0, le=10)] = 3

    @property
    def answer_labels(self) -> tuple[str, ...]:
        """The labels of its answers."""
        return tuple(answer.label for answer in self.answers)

    @property
    def is_graded(self) -> bool:
        """Whether it stands in the report card."""
        return self.kind in {QuestionKind.KNOWLEDGE, QuestionKind.EXPERIENCE}

    def left_after(self, left: tuple[str, ...], answered: str) -> tuple[str, ...]:
        """Return the answers that are still to be given once `answered` was.

        Greeting, break and closing wait for no certain answer: their list stays, and the next-question encoder says when they are over.
        """
        if answered not in self.answer_labels or self.kind in _NO_ANSWERS:
            return left
        gone = {answered, *self.answer(answered).settles}
        return tuple(label for label in left if label not in gone)

    def answer(self, label: str) -> ExpectedAnswer:
        """Return the answer with this label.

        Raises:
            KeyError: the question has none of that label.
        """
        return {answer.label: answer for answer in self.answers}[label]

    def is_asked_by(self, line: str) -> bool:
        """Tell whether `line` mentions what this question is about; true where the bank does not say what to look for."""
        letters = _letters(line)
        return not self.mentions or any(_letters(word) in letters for word in self.mentions)


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Term:
    """A technical term that she explains when asked; `names` are the ways to write it, the first is shown."""

    names: _Lines
    explanation: _Text

    def find_in(self, text: str) -> int:
        """Return the length of the longest of its names in `text`, without spaces and symbols; 0 where there is none."""
        letters = _letters(text)
        return max((len(_letters(name)) for name in self.names if _letters(name) in letters), default=0)


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Marks:
    """Labels that are no answer of any question, and what stands for an empty list of answers that are left."""

    failed: _Text = "답변 실패"
    term: _Text = "용어 질문"
    end: _Text = "면접 종료"
    nothing_left: _Text = "모든 질문 해결 완료"


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=_CONFIG)
class QuestionBank:
    """Everything one interview needs to know. The first question opens it, the last one closes it."""

    name: _Text
    title: _Text
    description: str = ""
    judged_by: Judge = Judge.POINTS
    marks: Marks = Marks()
    questions: Annotated[tuple[Question, ...], Field(min_length=3)]
    terms: tuple[Term, ...] = ()

    @cached_property
    def _questions(self) -> dict[str, Question]:
        return {question.label: question for question in self.questions}

    @cached_property
    def answer_labels(self) -> tuple[str, ...]:
        """All labels an answer may get: those of the questions, failed, a question about a term."""
        labels = [label for question in self.questions for label in question.answer_labels]
        return (*dict.fromkeys(labels), self.marks.failed, self.marks.term)

    @cached_property
    def question_labels(self) -> tuple[str, ...]:
        """All labels a next question may get: those of the questions, and the end."""
        return (*(question.label for question in self.questions), self.marks.end)

    @cached_property
    def topics(self) -> dict[str, Question]:
        """The question of everything the models call a topic: labels of questions, and of the answers that one is drawn of."""
        drawn = {label: q for q in self.questions if q.collect is Collect.ONE for label in q.answer_labels}
        return drawn | {question.label: question for question in self.questions}

    def question(self, label: str) -> Question:
        """Return the question with this label.

        Raises:
            KeyError: the bank has none of that label.
        """
        return self._questions[label]

    def choices(self, label: str, asked: Collection[str]) -> tuple[str, ...]:
        """Return what may be asked after `label`, best first, given the labels that were asked before, `label` among them.

        The `next` of the question that were not asked, whose `after` were; else the first of the file; else the end. So an interview
        always comes to its end.
        """
        if label == self.questions[-1].label:
            return (self.marks.end,)
        open_ = [q.label for q in self.questions if q.label not in asked and all(name in asked for name in q.after)]
        wanted = tuple(name for name in self.question(label).next if name in open_)
        return wanted or tuple(open_[:1]) or (self.marks.end,)

    def find_term(self, text: str) -> Term | None:
        """Return the term that `text` names, the longest name where there are several; None for no known term."""
        best = max(self.terms, key=lambda term: term.find_in(text), default=None)
        return best if best and best.find_in(text) else None


def list_banks() -> list[str]:
    """Return the names of the banks that ship."""
    return sorted(path.stem for path in BANKS_DIR.glob("*.toml"))


def load_bank(name: str = DEFAULT_BANK) -> QuestionBank:
    """Load a bank by name or by path.

    Raises:
        BankError: no such bank, or its file breaks the format; the message names every fault.
    """
    path = Path(name) if name.endswith(".toml") else BANKS_DIR / f"{name}.toml"
    if not path.is_file() or (not name.endswith(".toml") and Path(name).name != name):
        raise BankError(f"no question bank {name!r}; choose one of {', '.join(list_banks())} or give a .toml file")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        bank = pydantic.TypeAdapter(QuestionBank).validate_python(raw)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BankError(f"question bank {path} is not valid TOML: {error}") from error
    except pydantic.ValidationError as error:
        faults = [f"{_place(raw, each['loc'])}: {each['msg']}" for each in error.errors()]
        raise BankError(f"question bank {path}: {'; '.join(faults)}") from error
    if faults := find_faults(bank):
        raise BankError(f"question bank {path}: {'; '.join(faults)}")
    return bank


def find_faults(bank: QuestionBank) -> list[str]:
    """Return what does not fit together: labels used twice, names of no question, kinds at the wrong place, words that judge nothing."""
    labels = [question.label for question in bank.questions]
    faults = [f"the question {label!r} stands twice" for label, count in Counter(labels).items() if count > 1]
    answers = Counter(label for question in bank.questions for label in question.answer_labels)
    faults += [f"the answer {label!r} stands twice" for label, count in answers.items() if count > 1]
    faults += [f"{label!r} is a mark and a label" for label in {bank.marks.failed, bank.marks.term} if label in answers]
    if bank.questions[0].kind is not QuestionKind.GREETING or bank.questions[-1].kind is not QuestionKind.CLOSING:
        faults.append("the first question must be of the kind greeting, the last of the kind closing")
    for question in bank.questions:
        faults += [f"{question.label}: {fault}" for fault in _faults_of(question, labels, bank.judged_by)]
    return faults


def _faults_of(question: Question, labels: list[str], judge: Judge) -> list[str]:
    place = labels.index(question.label)
    faults = [f"next names no question {name!r}" for name in question.next if name not in labels]
    faults += [
        f"after names {name!r}, which must stand before it" for name in question.after if name not in labels[:place]
    ]
    for answer in question.answers:
        others = set(question.answer_labels) - {answer.label}
        faults += [f"settles names no other answer {name!r}" for name in answer.settles if name not in others]
        if question.is_graded and not answer.points:
            faults.append(f"the answer {answer.label!r} has no points, which the report card needs")
        if judge is Judge.POINTS and question.is_graded and answer.needed > len(answer.points):
            faults.append(f"the answer {answer.label!r} needs {answer.needed} points and has {len(answer.points)}")
        if len(question.answers) > 1 and not answer.ask:
            faults.append(f"the answer {answer.label!r} is one of several and has no ask of its own")
    return faults


def _place(raw: object, location: tuple[int | str, ...]) -> str:
    """Return where a fault is, with labels for the numbers of tables."""
    parts: list[str] = []
    for step in location:
        try:
            raw = raw[step]  # type: ignore[index]  # what the file holds is not known yet
        except (KeyError, IndexError, TypeError):
            raw = None
        label = raw.get("label") if isinstance(raw, dict) else None
        parts.append(repr(label) if isinstance(label, str) else str(step))
    return ".".join(parts) or "top level"


def _letters(text: str) -> str:
    """Return `text` without everything that is no letter or digit."""
    return _NOT_WORD.sub("", text).lower()


def _joined(text: str) -> str:
    """Return `text` without its spaces."""
    return "".join(text.split()).lower()
