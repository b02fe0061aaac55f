"""Write pieces of Markdown: text that shows as it is, tables, lists, shares."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"[\\`*_~|<&]|(?<=\])\(")


def escape(text: str) -> str:
    """Return `text` on one line such that Markdown shows it letter by letter."""
    return " ".join(_SPECIAL.sub(r"\\\g<0>", text).split())


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; cells are Markdown already, and None is shown as a dash."""
    lines = [head, ["---"] * len(head), *(["–" if cell is None else cell for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def share(part: int, whole: int) -> str:
    """Return a count with its share: `84 (59 %)`; only the count where there is no whole."""
    return f"{part} ({part / whole:.0%})".replace("%", " %") if whole else str(part)


def figure(value: float | None, digits: int = 4) -> str:
    """Return a figure to so many digits; a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}"
