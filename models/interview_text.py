"""What the encoders and the interviewer adapter of an interview read, word for word, in training and in a turn. No torch here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.interview_bank import Collect, Marks, Question
from models.profile import INTERVIEW_ADAPTER, INTERVIEW_ENCODERS

INTERVIEWER = INTERVIEW_ADAPTER
ANSWER_ENCODER, NEXT_ENCODER = INTERVIEW_ENCODERS
_MARKS = Marks()
_PROMPT_MARK = re.compile(
    r"\((?=\s*(?:대화\s*주제|사용자\s*답변|성공한\s*답변|다음\s*질문|남은\s*답변|발화\s*(?:시작|종료))\s*[):])"
)
_WANTED = re.compile(r"^\[[^\[\]]+\] ")
_BAD_START = re.compile(r"^\s*(?:\d|[-–—*•·▪◦‣#>|]|[①-⑳ⅰ-ⅻⅠ-Ⅻ]|\(?[0-9a-zA-Z가-하][.)]\s)")
_STRAY = re.compile(
    r"\(?(?:대화 주제|사용자 답변|성공한 답변|다음 질문|남은 답변|발화 시작|발화 종료)\)|https?://|www\.|\ufffd"
)


def topic_of(question: Question, drawn: str = "") -> str:
    """Return what the models call `question`: its label, or that of the one answer that was `drawn` for it."""
    return drawn if drawn and question.collect is Collect.ONE else question.label


def marked_answer(question: Question, wanted: str, text: str) -> str:
    """Return the user's text as the encoders read it: with `[wanted] ` in front where answers are collected in order."""
    text = quiet(text)
    return f"[{wanted}] {text}" if wanted and question.collect is Collect.IN_ORDER else text


def answer_input(topic: str, text: str) -> str:
    """Return what the answer encoder reads."""
    return f"{topic} -> {text}"


def next_input(topic: str, text: str, left: Sequence[str], nothing_left: str = _MARKS.nothing_left) -> str:
    """Return what the next-question encoder reads; `left` are the answers that are still to be given."""
    rest = f"남은 답변: {', '.join(left)}" if left else nothing_left
    return f"{topic} -> {text} ({rest})"


def interviewer_input(topic: str, text: str, answered: str, next_question: str) -> str:
    """Return what the interviewer adapter reads, without its start mark; an empty `answered` leaves that part out."""
    got = f" (성공한 답변) {answered}" if answered else ""
    return f"(대화 주제) {topic} (사용자 답변) {text}{got} (다음 질문) {next_question}"


def quiet(text: str) -> str:
    """Return `text` on one line, in which the marks of a prompt are no marks any more."""
    return " ".join(_PROMPT_MARK.sub("", text).split())


def unmarked(text: str) -> str:
    """Return the user's text without what `marked_answer` put in front: the interviewer adapter reads it so."""
    return _WANTED.sub("", text)


def shorten(text: str, characters: int) -> str:
    """Return at most `characters` of `text`: what the interviewer is shown of a long answer."""
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}…"


def is_well_formed(line: str) -> bool:
    """Tell whether a line can stand in an interview: not empty, no number, bullet or date in front, no stray mark, no link."""
    return bool(line.strip()) and not _BAD_START.search(line) and not _STRAY.search(line)
