"""What teaches an encoder which line answers which message: rows of the corpus, and lines that only look as if they answered.

A small model that repeats the message's noun in a line about something else is wrong in just this way, so each row is set against such
a line: that of another row, with this message's word in the place of its own. The other lines of a batch are wrong ones, too
(Henderson et al. 2017, arXiv:1705.00652).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.fronts import split_front
from models.training.dialogue_rows import DialogueRow
from models.types import HER_LINE

_WORD = re.compile(r"[가-힣A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """A message with what stands in front of it, the line that answers it, and one that does not; lines begin with `HER_LINE`."""

    message: str
    line: str
    other: str


def shared_word(message: str, line: str) -> str:
    """Return the longest beginning of a word of the message, of two letters or more, that the line repeats; empty if there is none."""
    beginnings = (
        next((word[:end] for end in range(len(word), 1, -1) if word[:end] in line), "")
        for word in _WORD.findall(split_front(message)[2])
    )
    return max(beginnings, key=len, default="")


def make_triples(rows: Sequence[DialogueRow], count: int, seed: int) -> list[Triple]:
    """Return `count` of the distinct rows, or all, each with a line of another, changed so that it repeats what its own line repeats."""
    rng = random.Random(seed)
    pairs = list(dict.fromkeys((row.input, row.reply) for row in rows))
    pairs = rng.sample(pairs, min(count, len(pairs)))
    repeated = [shared_word(*pair) for pair in pairs]
    repeating = [number for number, word in enumerate(repeated) if word]
    triples = []
    for (message, line), word in zip(pairs, repeated, strict=True):
        number = rng.choice(repeating if word and repeating else range(len(pairs)))
        plain = pairs[number][1]
        changed = plain.replace(repeated[number], word) if word and repeated[number] else plain
        other = changed if changed != line else plain
        if other != line:
            triples.append(Triple(message=message, line=f"{HER_LINE}{line}", other=f"{HER_LINE}{other}"))
    return triples
