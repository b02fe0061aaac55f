"""Read evaluation files of JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from models.errors import ModelError

Item = TypeVar("Item")


def read_json_lines(path: Path, read_line: Callable[[str, str], Item], what: str) -> list[Item]:
    """Read each line that is not empty by `read_line(line, "PATH:NUMBER")`; `what` names the items.

    Raises:
        ModelError: the file cannot be read or holds no items, or `read_line` refuses a line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read {path}: {error}") from error
    items = [read_line(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not items:
        raise ModelError(f"{path} holds no {what}")
    return items
