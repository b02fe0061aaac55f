"""Lengths of blocks as people write them: 30m, 12h, 7d. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(days=1461)
_LENGTH = re.compile(r"([0-9]{1,6})\s?([mhd])", re.IGNORECASE)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_length(text: str) -> timedelta | None:
    """Return the length that `text` names, or None where it names none from a minute to four years."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        return None
    length = int(match[1]) * _UNITS[match[2].lower()]
    return length if timedelta(0) < length <= LONGEST else None
