"""How alike the keys of two memories are: the target that a memory encoder learns (docs/formats.md, memory lines).

For the key 상태 the value stands in for the key, because it says what the memory is about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np

from models.training.dialogue_files import DATA_DIR
from models.training.dialogue_rows import is_share_below
from models.types import Embeddings

KEY_GROUPS = DATA_DIR / "memory" / "key_groups.txt"
STATE = "상태"
ONE_KEY = frozenset({"좋아하는 아이돌", "좋아하는 가수"})
"""Keys that the published training data takes for one."""

Embed = Callable[[Sequence[str]], Embeddings]
"""Gives texts their embeddings, of length 1."""


class Target(StrEnum):
    """What the similarity of two keys comes from."""

    GROUPS = "groups"
    REFERENCE = "reference"
    IOU = "iou"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLine:
    """A memory and a message that should bring it back."""

    memory: str
    key: str
    value: str
    message: str

    @property
    def topic(self) -> str:
        """What the memory is about: its key, or the value of a state."""
        return self.value if self.key == STATE else self.key


class KeySimilarity(Protocol):
    """Tells how alike the keys of two lines are, in 0..1."""

    def between(self, first: MemoryLine, second: MemoryLine) -> float:
        """Return the similarity of the memory of `first` with the message of `second`."""


class KeyGroups:
    """Similarity by `key_groups.txt`: 1 in a group, the stated number for near keys, else by the overlap of the words."""

    def __init__(self, path: Path | None = KEY_GROUPS) -> None:
        """Read the groups; without a file only the words of the keys count."""
        self._group: dict[str, str] = {}
        self._near: dict[frozenset[str], float] = {}
        section = ""
        for line in path.read_text(encoding="utf-8").splitlines() if path and path.is_file() else []:
            parts = [part.strip() for part in line.split(",") if part.strip()]
            if line.strip() in {"same:", "near:"}:
                section = line.strip()
            elif line.startswith("#") or not parts:
                continue
            elif section == "same:":
                self._group.update(dict.fromkeys(parts, parts[0]))
            elif section == "near:":
                self._near[frozenset(self.name(part) for part in parts[:2])] = float(parts[2])

    def name(self, key: str) -> str:
        """Return the first key of the group of `key`: what like keys have in common."""
        return self._group.get(key, key)

    def is_held_out(self, line: MemoryLine) -> bool:
        """Tell whether the key of `line` is one of those, 1 in 12 by hash, that `train embedded` keeps from the memory encoder."""
        return is_share_below(self.name(line.topic), 1 / 12)

    def between(self, first: MemoryLine, second: MemoryLine) -> float:
        """Return the similarity of the memory of `first` with the message of `second`."""
        one, two = self.name(first.topic), self.name(second.topic)
        if one == two:
            return 1.0
        near = self._near.get(frozenset((one, two)))
        return stretch(word_overlap(first.topic, second.topic)) if near is None else near


class KeyWords:
    """The older published target: the intersection of the keys' words over their union."""

    def between(self, first: MemoryLine, second: MemoryLine) -> float:
        """Return the similarity of the memory of `first` with the message of `second`."""
        return word_overlap(first.topic, second.topic)


class KeyReference:
    """The published target: 1 for one key, else the similarity of the keys by a reference encoder, stretched."""

    def __init__(self, embed: Embed) -> None:
        """Ask `embed` once for each key."""
        self._embed = embed
        self._rows: dict[str, Embeddings] = {}

    def between(self, first: MemoryLine, second: MemoryLine) -> float:
        """Return the similarity of the memory of `first` with the message of `second`."""
        keys = {first.topic, second.topic}
        if len(keys) == 1 or keys == ONE_KEY:
            return 1.0
        return min(stretch(float(np.dot(self._row(first.topic), self._row(second.topic)))), 1.0)

    def _row(self, key: str) -> Embeddings:
        if key not in self._rows:
            self._rows[key] = self._embed([key])[0]
        return self._rows[key]


def word_overlap(one: str, two: str) -> float:
    """Return the intersection of the words of two keys over their union."""
    words, others = set(one.split()), set(two.split())
    return len(words & others) / len(words | others)


def stretch(similarity: float) -> float:
    """Return `max(2.6 x - 1.6, 0)`: what is only somewhat alike is not alike at all (the published target)."""
    return max(2.6 * similarity - 1.6, 0.0)
