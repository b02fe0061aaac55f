"""Notes: messages with what is to be remembered of them, and nothing else (`models/data/memory/notes_*.txt`).

Dialogue files teach memory beside her lines; in them nearly two thirds of what is remembered is a 상태. Notes say what else people let slip, in
few words each, so that there can be many (docs/decisions/0041).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.training.dialogue_files import DATA_DIR, CorpusError
from models.training.dialogue_rows import DialogueRow, dress_message, is_share_below
from models.training.text_lines import read_text_lines

HELD_OUT_SHARE = 0.04
_NOTE = re.compile(r"(.*\S) =>(?: ([^:\[\]]+: [^\[\]]+))?")


def read_memory_notes(folder: Path = DATA_DIR, *, held_out: bool = False) -> list[DialogueRow]:
    """Read `MESSAGE => KEY: VALUE` lines, nothing behind the arrow where there is nothing to remember; rows have no reply.

    Held out is 1 line in 25, by the hash of its message. Comments start with #.

    Raises:
        CorpusError: a line of another form, or a file cannot be read.
    """
    rows: list[DialogueRow] = []
    for path in sorted((folder / "memory").glob("notes_*.txt")):
        rows += [row for row in _read_file(path) if is_share_below(row.input, HELD_OUT_SHARE) == held_out]
    return rows


def _read_file(path: Path) -> list[DialogueRow]:
    rows = []
    for number, line in read_text_lines(path):
        match = _NOTE.fullmatch(line)
        if match is None:
            raise CorpusError(f"{path}:{number}: a line is `message => key: value` or `message =>`, not {line!r}")
        memory = f"[{match[2]}]" if match[2] else ""
        rows.append(DialogueRow(input=match[1], reply="", memory=memory, source=f"{path.name}:{number}"))
    return rows


def widen_notes(notes: Sequence[DialogueRow], summaries: Sequence[str], seed: int) -> list[DialogueRow]:
    """Return each note as it is written and once more with typing noise; some with one of `summaries` of another talk in front."""
    rng = random.Random(seed)
    return [
        replace(note, input=dress_message(note.input, summaries, rng, noisy=noisy))
        for note in notes
        for noisy in (False, True)
    ]
