"""The sentences and words of what somebody wrote."""

from __future__ import annotations

import re

_ENDS = re.compile(r"(?<=[.!?…;])\s+|\n+|(?<=[가-힣]),\s+")
_SHORTEST = 2  # characters
_WORD = re.compile(r"[가-힣A-Za-z0-9]{2,}")
_BEGINNING = 2  # characters, which 첫날은 and 첫날의 share


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text`, and its clauses where a comma follows Hangul; what has a single character is left out."""
    return [part.strip() for part in _ENDS.split(text) if len(part.strip()) >= _SHORTEST]


def word_beginnings(text: str) -> list[str]:
    """Return the first two characters of each word of `text` that has as many, in their order: particles and endings stand behind them."""
    return [word[:_BEGINNING] for word in _WORD.findall(text)]
