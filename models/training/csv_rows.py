"""Read CSV files with named columns (UTF-8, with or without a byte order mark)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from models.training.dialogue_files import CorpusError


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of `path` with `columns` only.

    Raises:
        CorpusError: the file cannot be read, is no CSV, or lacks a column or a field.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise CorpusError(f"{path} lacks the column {missing[0]}; it needs {','.join(columns)}")
            return [_fields(row, columns, f"{path}:{reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"cannot read {path}: {error}") from error


def _fields(row: dict[str, str | None], columns: Sequence[str], where: str) -> dict[str, str]:
    fields = {name: row[name] for name in columns}
    missing = [name for name, value in fields.items() if value is None]
    if missing:
        raise CorpusError(f"{where}: the row ends before {missing[0]}; it needs {','.join(columns)}")
    return {name: value or "" for name, value in fields.items()}
