"""Clean a generated reply and decide whether it may be shown."""

from __future__ import annotations

import re
from enum import StrEnum

from engine.clock_context import DayPart, names_wrong_day
from engine.final_input import MARK_WORDS

_INVISIBLE = re.compile("[\u200b-\u200c\u200e-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_BROKEN_TOPIC = re.compile("(오늘|내일)는")
_LINK = re.compile(r"https?://|www\.|\b[\w-]+\.(com|net|org|io|kr|gg|ai|me)\b", re.IGNORECASE)
_STRAY_MARKS = re.compile(
    r"[(（]\s*사용자|요약\s*[)）]|[(（]\s*지금은|[(（]\s*오로라|" + "|".join(re.escape(word) for word in MARK_WORDS)
)


class ReplyFault(StrEnum):
    """Why a try was thrown away."""

    EMPTY = "empty"
    STRAY_MARK = "stray_mark"
    LINK = "link"
    WRONG_DAY = "wrong_day"
    UNREADABLE = "unreadable"


def clean_reply(text: str) -> str:
    """Remove invisible characters and no-break spaces, repair 오늘는/내일는, and trim.

    The zero-width joiner stays where it joins an emoji.
    """
    text = _INVISIBLE.sub("", text.replace("\u00a0", " ").replace("\u202f", " "))
    text = re.sub(r"(?<![\U0001f000-\U0001faff\u2600-\u27bf\ufe0f])\u200d", "", text)
    text = _BROKEN_TOPIC.sub(r"\1은", text)
    return " ".join(text.split())


def find_fault(reply: str, now: DayPart) -> ReplyFault | None:
    """Return why a cleaned `reply` may not be shown at this time, or None."""
    if not reply:
        return ReplyFault.EMPTY
    if _STRAY_MARKS.search(reply):
        return ReplyFault.STRAY_MARK
    if _LINK.search(reply):
        return ReplyFault.LINK
    if "\ufffd" in reply:
        return ReplyFault.UNREADABLE
    if names_wrong_day(reply, now):
        return ReplyFault.WRONG_DAY
    return None
