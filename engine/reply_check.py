"""Clean a generated reply and decide whether it may be shown."""

from __future__ import annotations

import re
from enum import StrEnum

from engine.clock_context import DayPart, names_wrong_day
from engine.final_input import MARK_WORDS
from engine.plain_text import has_link, remove_invisible

_BROKEN_TOPIC = re.compile("(오늘|내일)는")
_STRAY_MARKS = re.compile(
    r"[(（]\s*(사용자|지금은|오로라|답변|요약|표정 출력|발화)|요약\s*[)）]|"
    + "|".join(re.escape(word) for word in MARK_WORDS)
)


class ReplyFault(StrEnum):
    """Why a try was thrown away."""

    EMPTY = "empty"
    STRAY_MARK = "stray_mark"
    LINK = "link"
    WRONG_DAY = "wrong_day"
    UNREADABLE = "unreadable"
    CUT_OFF = "cut_off"
    CARELESS = "careless"


def clean_reply(text: str) -> str:
    """Remove invisible characters and no-break spaces, repair 오늘는/내일는, and trim.

    The zero-width joiner stays where it joins an emoji.
    """
    text = remove_invisible(text)
    text = _BROKEN_TOPIC.sub(r"\1은", text)
    return " ".join(text.split())


def find_fault(reply: str, now: DayPart) -> ReplyFault | None:
    """Return why a cleaned `reply` may not be shown at this time, or None."""
    if not reply:
        return ReplyFault.EMPTY
    if _STRAY_MARKS.search(reply):
        return ReplyFault.STRAY_MARK
    if has_link(reply):
        return ReplyFault.LINK
    if "\ufffd" in reply:
        return ReplyFault.UNREADABLE
    if names_wrong_day(reply, now):
        return ReplyFault.WRONG_DAY
    return None
