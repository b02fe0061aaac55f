"""What an interview needs besides its bank, read from engine/interview.toml: limits, patterns, and what she says around a question."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

from engine.errors import PolicyError
from engine.plain_text import remove_invisible

WORDS_FILE = Path(__file__).resolve().parent / "interview.toml"
LINE_NAMES = (
    "welcome_unknown", "hint", "no_hint", "nudge", "nudge_hedge", "reveal", "move_on", "unknown_term", "right", "wrong", "talked",
    "farewell", "stopped", "paused", "resumed", "skipped", "again", "still",
    "right_experience", "wrong_experience", "reveal_experience",
)  # fmt: skip


class _Patterns(TypedDict):
    unknown: re.Pattern[str]
    hedge: re.Pattern[str]
    asks_term: re.Pattern[str]
    technical: re.Pattern[str]
    passes_over: re.Pattern[str]
    praises: re.Pattern[str]
    parting: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewWords:
    """Limits, patterns and lines of an interview.

    An answer has at most `longest_answer` characters; `explained_terms` questions about a term do not count as a try; an interview
    that nobody touched for `open_for` is over; a further answer in one message counts from the cosine `confident`.
    """

    longest_answer: int
    explained_terms: int
    confident: float
    open_for: timedelta
    unknown: re.Pattern[str]
    hedge: re.Pattern[str]
    asks_term: re.Pattern[str]
    technical: re.Pattern[str]
    passes_over: re.Pattern[str]
    praises: re.Pattern[str]
    parting: re.Pattern[str]
    lines: dict[str, tuple[str, ...]]

    def says_unknown(self, text: str) -> bool:
        """Tell whether `text` says that its writer does not know."""
        return self.unknown.search(remove_invisible(text)) is not None

    def hedges(self, text: str) -> bool:
        """Tell whether `text` beats about the bush."""
        return self.hedge.search(text) is not None

    def asks_about_term(self, text: str) -> bool:
        """Tell whether `text` asks what something means."""
        return self.asks_term.search(text.strip()) is not None

    def contradicts(self, line: str, *, counts: bool) -> bool:
        """Tell whether her `line` speaks as if an answer that counts did not, or one that does not did."""
        return (self.passes_over if counts else self.praises).search(line) is not None

    def takes_leave(self, line: str) -> bool:
        """Tell whether her `line` says that the interview is over."""
        return self.parting.search(line) is not None

    def line(self, name: str, number: int, **values: str) -> str:
        """Return one of the lines of that name, by `number`, with its values filled in."""
        lines = self.lines[name]
        return lines[number % len(lines)].format(**values)


def load_interview_words(path: Path = WORDS_FILE) -> InterviewWords:
    """Read the file.

    Raises:
        PolicyError: it is missing or breaks the format.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        lines = {name: _lines(raw["lines"][name]) for name in LINE_NAMES}
        return InterviewWords(
            longest_answer=_positive(raw["longest_answer"]),
            explained_terms=_positive(raw["explained_terms"]),
            confident=float(raw["confident"]),
            open_for=timedelta(days=_positive(raw["open_days"])),
            lines=lines,
            **_patterns(raw),
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, re.error, KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"{path} does not hold the words of an interview: {error}") from error


def _patterns(raw: dict[str, Any]) -> _Patterns:
    return _Patterns(
        unknown=_compile(raw["unknown"]),
        hedge=_compile(raw["hedge"]),
        asks_term=_compile(raw["asks_term"]),
        technical=_compile(raw["technical"]),
        passes_over=_compile(raw["passes_over"]),
        praises=_compile(raw["praises"]),
        parting=_compile(raw["parting"]),
    )


def _compile(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _positive(value: object) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} is no number from 1")
    return value


def _lines(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(line, str) and line for line in value):
        raise ValueError(f"{value!r} is no list of lines")
    return tuple(value)
