"""Read interview files (`models/data/interview/NAME/*.txt`): what learners answer, which answer that is, and what she says to it.

docs/formats.md describes the form. A file whose name begins with `held_out` is never trained on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

from models.interview_bank import QuestionBank
from models.training.dialogue_files import DATA_DIR, CorpusError

EVERYWHERE = "*"
MOVES_ON = "-> 다음"
INTERVIEW_DIR = DATA_DIR / "interview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Answers of users under one topic that get the same label, and lines of hers that fit each of them.

    `topic` is what the models call the question, or `*` for every graded one; with `moves_on` she goes on to the next question.
    """

    topic: str
    answered: str
    moves_on: bool
    texts: tuple[str, ...]
    lines: tuple[str, ...]


def read_blocks(folder: Path, bank: QuestionBank, *, held_out: bool = False) -> list[Block]:
    """Read the blocks of all files in `folder`, those that are held out or the others.

    A block without lines of hers gets those of the other blocks with the same topic and label.

    Raises:
        CorpusError: no file, a file that cannot be read, or a line of another form.
    """
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise CorpusError(f"{folder} holds no .txt files; give a folder of interview files or a CSV")
    by_file = {path: _read_file(path, bank) for path in paths}
    lines: dict[tuple[str, str, bool], tuple[str, ...]] = {}
    for block in itertools.chain.from_iterable(by_file.values()):
        place = (block.topic, block.answered, block.moves_on)
        lines[place] = lines.get(place, ()) + block.lines
    return [
        block if block.lines else replace(block, lines=lines[block.topic, block.answered, block.moves_on])
        for path, blocks in by_file.items()
        if path.name.startswith("held_out") == held_out
        for block in blocks
    ]


def _read_file(path: Path, bank: QuestionBank) -> list[Block]:
    topics = {*bank.topics, EVERYWHERE}
    blocks: list[Block] = []
    topic = ""
    try:
        rows = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read {path}: {error}") from error
    head, texts, lines = ("", False), list[str](), list[str]()
    for number, row in enumerate([*rows, ""], 1):
        mark, _, rest = row.strip().partition(" ")
        if not mark and texts:
            blocks.append(
                Block(topic=topic, answered=head[0], moves_on=head[1], texts=tuple(texts), lines=tuple(lines))
            )
            texts, lines = [], []
        elif mark == "##" and rest in topics:
            topic = rest
        elif mark == "=" and topic and rest.removesuffix(MOVES_ON).strip() in bank.answer_labels:
            head = (rest.removesuffix(MOVES_ON).strip(), rest.endswith(MOVES_ON))
        elif mark == ">" and head[0] and not lines:
            texts.append(rest)
        elif mark == "<" and texts:
            lines.append(rest)
        elif mark and mark != "#":
            raise CorpusError(f"{path}:{number}: no topic, label or line of this bank: {row.strip()!r}")
    return blocks
