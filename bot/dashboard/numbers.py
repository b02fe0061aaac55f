"""Numbers of rows as they come in addresses."""

from __future__ import annotations

_MOST_DIGITS = 18  # more are more than a database counts


def read_number(text: str) -> int | None:
    """Return the number, None where the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
