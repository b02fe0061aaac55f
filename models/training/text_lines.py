"""The lines of a text file of the corpora that say something, with their numbers."""

from __future__ import annotations

from pathlib import Path

from models.training.dialogue_files import CorpusError


def read_text_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of `path` with their numbers from 1 on, without white space around them; empty ones and comments (#) are left out.

    Raises:
        CorpusError: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read {path}: {error}") from error
    stripped = enumerate((line.strip() for line in lines), 1)
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]
