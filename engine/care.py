"""Care for somebody in despair: which messages call for it, and whether a reply gives it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import PolicyError
from engine.plain_text import remove_invisible

CARE_FILE = Path(__file__).resolve().parent / "care.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CareRule:
    """Patterns of messages that call for care and of replies that give it, and the line that always does."""

    idioms: re.Pattern[str]
    signs: re.Pattern[str]
    answers: re.Pattern[str]
    fallback: str

    def is_called_for(self, message: str) -> bool:
        """Tell whether `message` speaks of suicide or self-harm, of the user's own or of somebody near."""
        text = self.idioms.sub(" ", remove_invisible(message))
        return self.signs.search(text) is not None

    def is_given(self, reply: str) -> bool:
        """Tell whether `reply` names where help is."""
        return self.answers.search(reply) is not None


def load_care(path: Path = CARE_FILE) -> CareRule:
    """Read the rule from its TOML file.

    Raises:
        PolicyError: the file is missing or breaks the format.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        idioms, signs, answers = (_compile(raw[name]) for name in ("idioms", "signs", "answers"))
        rule = CareRule(idioms=idioms, signs=signs, answers=answers, fallback=str(raw["fallback"]))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, re.error, KeyError, TypeError) as error:
        raise PolicyError(f"{path} is no care rule: {error}") from error
    if not rule.is_given(rule.fallback):
        raise PolicyError(f"{path}: the fallback must match one of the answers")
    return rule


def _compile(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(pattern.replace(" ", r"\s*") for pattern in patterns), re.IGNORECASE)
