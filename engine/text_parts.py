"""The sentences of what somebody wrote."""

from __future__ import annotations

import re

_ENDS = re.compile(r"(?<=[.!?…;])\s+|\n+|(?<=[가-힣]),\s+")
_SHORTEST = 2  # characters


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text`, and its clauses where a comma follows Hangul; what has a single character is left out."""
    return [part.strip() for part in _ENDS.split(text) if len(part.strip()) >= _SHORTEST]
