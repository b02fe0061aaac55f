"""Lengths of blocks as people write them: 30m, 12h, 7d, with the units of every language of the catalogues. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache

from bot.rendering import LANGUAGES, read_catalogue

LONGEST = timedelta(days=1461)
_LENGTH = re.compile(r"([0-9]{1,6})\s?([^\W\d_]+)")
_UNITS = {"unit.minute": timedelta(minutes=1), "unit.hour": timedelta(hours=1), "unit.day": timedelta(days=1)}


def parse_length(text: str) -> timedelta | None:
    """Return the length that `text` names, or None where it names none from a minute to four years."""
    match = _LENGTH.fullmatch(text.strip())
    unit = _units().get(match[2].casefold()) if match else None
    if match is None or unit is None:
        return None
    length = int(match[1]) * unit
    return length if timedelta(0) < length <= LONGEST else None


@cache
def _units() -> Mapping[str, timedelta]:
    return {read_catalogue(language)[key]: unit for language in LANGUAGES for key, unit in _UNITS.items()}
