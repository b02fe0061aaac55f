"""The final input: what stands in front of the user's message when the adapters read it."""

from __future__ import annotations

import re

from engine.clock_context import DayPart, needs_time_mark
from engine.plain_text import remove_invisible

MARK_WORDS = (
    "답변 시작", "답변 종료", "요약 시작", "요약 종료", "표정 출력 시작", "표정 출력 종료", "오로라 답변 요약", "오로라 답변", "사용자 질문",
    "발화 시작", "발화 종료",
)  # fmt: skip
REPLY_MARK = " (오로라 답변)"
_MARKS = re.compile(r"[(（]\s*(" + "|".join(re.escape(word) for word in MARK_WORDS) + r")\s*[)）]")
_TIME_MARK = re.compile(r"[(（]\s*지금은([^()（）]*)[)）]")
_MEMORY_FRONT = re.compile(r"\[([^\[\]]+?):([^\[\]]*)\]")
_FRONT = re.compile(r"^(\[[^\[\]]+\] |\(오로라 답변 요약\) .*?\(사용자 질문\) )?(\(지금은 [^()]*\) )?")


def neutralise(message: str) -> str:
    """Return `message` on one line, with the brackets of our own marks taken off, so that a user cannot write a mark."""
    text, before = remove_invisible(message), ""
    while text != before:  # taking one pair off may complete another; each round takes some off
        before = text = " ".join(text.split())
        text = _MARKS.sub(r"\1", text)
        text = _TIME_MARK.sub(r"지금은\1", text)
        text = _MEMORY_FRONT.sub(r"\1 \2", text)
    return text


def build_final_input(message: str, now: DayPart, memory: str | None, last_summary: str | None) -> str:
    """Put the time mark, then the memory or else the last summary, in front of `message`."""
    text = neutralise(message)
    if needs_time_mark(text):
        text = f"{now.mark}{text}"
    if memory is not None:
        return f"{memory} {text}"
    if last_summary:
        return f"(오로라 답변 요약) {last_summary} (사용자 질문) {text}"
    return text


def find_message(final_input: str) -> str:
    """Return the message at the end of a final input."""
    return _FRONT.sub("", final_input)


def build_summary_input(final_input: str, reply: str) -> str:
    """Return what the summary adapter reads."""
    return f"{final_input}{REPLY_MARK}{reply}"
