"""Care for somebody in despair or in danger: which messages call for it, and whether a reply gives it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import PolicyError
from engine.plain_text import remove_invisible

CARE_FILE = Path(__file__).resolve().parent / "care.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CareKind:
    """A kind of need: patterns of messages that call for care and of replies that give it, and the line that always does.

    `is_remembered` tells whether anything of such a message may become a memory.
    """

    name: str
    idioms: re.Pattern[str]
    signs: re.Pattern[str]
    answers: re.Pattern[str]
    fallback: str
    is_remembered: bool

    def is_called_for(self, message: str) -> bool:
        """Tell whether `message` speaks of this need, of the user's own or of somebody near."""
        text = self.idioms.sub(" ", " ".join(remove_invisible(message).split()))
        return self.signs.search(text) is not None

    def is_given(self, reply: str) -> bool:
        """Tell whether `reply` names where help is."""
        return self.answers.search(reply) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CareRule:
    """All kinds of need, in the order in which they are looked for."""

    kinds: tuple[CareKind, ...]

    def find(self, message: str) -> CareKind | None:
        """Return the first kind of need that `message` speaks of."""
        return next((kind for kind in self.kinds if kind.is_called_for(message)), None)

    def is_called_for(self, message: str) -> bool:
        """Tell whether `message` speaks of any need."""
        return self.find(message) is not None

    def is_given(self, reply: str) -> bool:
        """Tell whether `reply` names where help is, for whatever need."""
        return any(kind.is_given(reply) for kind in self.kinds)


def load_care(path: Path = CARE_FILE) -> CareRule:
    """Read the rule from its TOML file; a space in a pattern stands for one or none, as runs of white space in a message are one.

    Raises:
        PolicyError: the file is missing or breaks the format.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        kinds = tuple(_make_kind(each) for each in raw["kinds"])
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        re.error,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise PolicyError(f"{path} is no care rule: {error}") from error
    if not kinds:
        raise PolicyError(f"{path}: there must be one of [[kinds]] at least")
    for kind in kinds:
        if not kind.is_given(kind.fallback):
            raise PolicyError(f"{path}: the fallback of {kind.name} must match one of its answers")
    return CareRule(kinds=kinds)


def _make_kind(raw: dict[str, Any]) -> CareKind:
    words = {f"<{name}>": str(text) for name, text in raw.get("words", {}).items()}
    idioms, signs, answers = (_compile(raw[name], words) for name in ("idioms", "signs", "answers"))
    return CareKind(
        name=str(raw["name"]),
        idioms=idioms,
        signs=signs,
        answers=answers,
        fallback=str(raw["fallback"]),
        is_remembered=bool(raw["is_remembered"]),
    )


def _compile(patterns: Sequence[str], words: Mapping[str, str]) -> re.Pattern[str]:
    either = "|".join(patterns) or r"(?!)"  # of no pattern nothing is found
    for name, text in words.items():
        either = either.replace(name, text)
    return re.compile(either.replace(" ", " ?"), re.IGNORECASE)
