"""What a small interviewer model says beside the point: praise for what failed, thanks for what was not said, a farewell too early."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.interview import Cue
from engine.interview_words import InterviewWords
from models.interview_bank import QuestionBank, QuestionKind
from storage.interview_records import StepKind

_FIRST_SENTENCE = re.compile(r"[^!?.]*")
_JUDGED = (StepKind.ANSWERED, StepKind.FAILED, StepKind.UNKNOWN)


def has_slip(cue: Cue, line: str, bank: QuestionBank, words: InterviewWords) -> bool:
    """Tell whether her `line` does not suit the answer that it is said to, or says goodbye before the end."""
    kind, following = cue.verdict.kind, cue.following
    if cue.before.question.is_graded and kind in _JUDGED:
        if words.contradicts(line, counts=kind is StepKind.ANSWERED):
            return True
        if kind is StepKind.ANSWERED and _thanks_for_unsaid(line, f"{cue.text} {_topics(cue)}", bank):
            return True
    if kind is StepKind.TALKED and words.contradicts(line, counts=True):  # nothing was missed in a greeting
        return True
    is_near_the_end = following is None or following.question.kind is QuestionKind.CLOSING
    return not is_near_the_end and words.takes_leave(line)


def _thanks_for_unsaid(line: str, heard: str, bank: QuestionBank) -> bool:
    """Tell whether the first sentence of `line` names a key word of the bank that nobody mentioned."""
    match = _FIRST_SENTENCE.match(line)
    said = match[0].casefold() if match else ""
    known = heard.casefold()
    return any(word in said and word not in known for word in _key_words(bank))


def _topics(cue: Cue) -> str:
    standings = [cue.before, *([cue.following] if cue.following else [])]
    return " ".join(f"{each.question.label} {' '.join(each.question.answer_labels)}" for each in standings)


def _key_words(bank: QuestionBank) -> Iterator[str]:
    for question in bank.questions:
        for answer in question.answers:
            yield from (word.casefold() for point in answer.points for word in point.words if len(word) > 1)
