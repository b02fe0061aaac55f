"""The sanction policy: scores, reply and history in, decision out. Pure; no clock, no storage, no models.

A policy file (engine/policies) holds the ladder of each category and the words a reply must hold for the offence to count; the
thresholds come from the model profile, because they belong to an encoder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.errors import PolicyError
from models.profile import EthicsThresholds
from storage.records import Rung, SanctionKind

POLICIES_DIR = Path(__file__).resolve().parent / "policies"
_STEP = re.compile(r"^(\d{1,5}) ?([hd])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPolicy:
    """The ladder of a category (None is a warning) and the words that the reply must hold one of, if any.

    After each `decay` without an offence in the category a user stands one rung lower; None: never.
    """

    ladder: tuple[timedelta | None, ...]
    reply_needs: tuple[str, ...] = ()
    decay: timedelta | None = None

    def step(self, level: int) -> timedelta | None:
        """Return the block of `level` (from 1), or None for a warning; past the end the last step."""
        return self.ladder[min(level, len(self.ladder)) - 1]

    def fall(self, level: int, since: datetime, now: datetime) -> int:
        """Return where somebody on rung `level` stands at `now` who has not offended from `since` on."""
        if self.decay is None or now <= since:
            return level
        return max(0, level - (now - since) // self.decay)


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionPolicy:
    """A versioned set of ladders; blocks of one message add up to at most `longest_block`."""

    version: str
    longest_block: timedelta
    categories: Mapping[str, CategoryPolicy]


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionStep:
    """One row of the sanction log to be written: category, the rungs before and after, and when a block ends (None: warning)."""

    category: str
    rung_before: int
    level: int
    kind: SanctionKind
    expires_at: datetime | None


def find_offences(scores: Mapping[str, float], thresholds: EthicsThresholds, policy: SanctionPolicy) -> tuple[str, ...]:
    """Return the categories whose score reaches its threshold, in the order of the policy; none when the message is normal."""
    if scores.get(thresholds.normal_category, 0.0) >= thresholds.normal:
        return ()
    return tuple(
        name
        for name in policy.categories
        if name in thresholds.categories and scores.get(name, 0.0) >= thresholds.categories[name]
    )


def certain_offences(offences: tuple[str, ...], policy: SanctionPolicy) -> tuple[str, ...]:
    """Return the offences that need no reply to be judged."""
    return tuple(name for name in offences if not policy.categories[name].reply_needs)


def proven_offences(offences: tuple[str, ...], policy: SanctionPolicy, reply: str) -> tuple[str, ...]:
    """Return the offences that `reply`, by declining, proves."""
    return tuple(
        name
        for name in offences
        if policy.categories[name].reply_needs and any(word in reply for word in policy.categories[name].reply_needs)
    )


def words_of_declining(policy: SanctionPolicy, reply: str) -> tuple[str, ...]:
    """Return the words, of all that the policy knows, by which `reply` declines."""
    known = sorted({word for category in policy.categories.values() for word in category.reply_needs})
    return tuple(word for word in known if word in reply)


def declining_words(offences: tuple[str, ...], policy: SanctionPolicy) -> tuple[str, ...]:
    """Return the words by which a line declines these offences."""
    return tuple(word for name in offences for word in policy.categories[name].reply_needs)


def decide(
    offences: tuple[str, ...], levels: Mapping[str, int], policy: SanctionPolicy, now: datetime
) -> tuple[SanctionStep, ...]:
    """Return one step for each offence: one level above the user's highest in that category.

    Blocks add up: each one's end lies behind those before it, and none ends later than the policy's longest block from `now`.
    """
    steps = []
    end = now
    for category in offences:
        before = levels.get(category, 0)
        length = policy.categories[category].step(before + 1)
        kind = SanctionKind.WARNING if length is None else SanctionKind.BLOCK
        if length is not None:
            end = min(end + length, now + policy.longest_block)
        step = SanctionStep(
            category=category,
            rung_before=before,
            level=before + 1,
            kind=kind,
            expires_at=None if length is None else end,
        )
        steps.append(step)
    return tuple(steps)


def standing_levels(rungs: Sequence[Rung], policy: SanctionPolicy, now: datetime) -> dict[str, int]:
    """Return the user's level in each category of the policy: the highest rung that stands, less what time has taken.

    `rungs` come in the order in which they were given. While a block holds, no time without offence passes.
    """
    levels: dict[str, int] = {}
    since: dict[str, datetime] = {}
    for rung in rungs:
        category = policy.categories.get(rung.category)
        if category is None:
            continue
        fallen = category.fall(levels.get(rung.category, 0), since.get(rung.category, now), rung.started_at)
        levels[rung.category] = max(fallen, rung.level)
        since[rung.category] = max(since.get(rung.category, rung.since), rung.since)
    fallen_now = {name: policy.categories[name].fall(level, since[name], now) for name, level in levels.items()}
    return {name: level for name, level in fallen_now.items() if level}


def load_policy(name: str) -> SanctionPolicy:
    """Load a policy by name from engine/policies, or from a path that ends in .toml.

    Raises:
        PolicyError: there is no such file, or it breaks the format.
    """
    path = Path(name) if name.endswith(".toml") else POLICIES_DIR / f"{name}.toml"
    try:
        if not name.endswith(".toml") and Path(name).name != name:
            raise FileNotFoundError(name)
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"no sanction policy {name!r}; give a file that ends in .toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"sanction policy {path} is not valid TOML: {error}") from error
    try:
        version, longest = str(raw.pop("version")), _length(raw.pop("longest_block"), path)
    except KeyError as error:
        raise PolicyError(f"sanction policy {path} lacks {error}") from error
    if longest is None or not raw:
        raise PolicyError(f"sanction policy {path} needs a longest_block in days and at least one category")
    return SanctionPolicy(
        version=version,
        longest_block=longest,
        categories={category: _category(category, entry, path) for category, entry in raw.items()},
    )


def _category(name: str, entry: Any, path: Path) -> CategoryPolicy:
    if not isinstance(entry, dict) or not isinstance(entry.get("ladder"), list) or not entry["ladder"]:
        raise PolicyError(f'sanction policy {path}: category {name} needs a ladder such as ["warning", "1 d"]')
    unknown = set(entry) - {"ladder", "reply_needs"}
    if unknown:
        raise PolicyError(f"sanction policy {path}: category {name} has the unknown key {sorted(unknown)[0]}")
    words = entry.get("reply_needs", [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        raise PolicyError(f"sanction policy {path}: reply_needs of {name} is a list of words")
    ladder = tuple(_length(step, path) for step in entry["ladder"])
    if not words and None in ladder:
        raise PolicyError(f"sanction policy {path}: {name} is judged before she answers, so it cannot warn")
    return CategoryPolicy(ladder=ladder, reply_needs=tuple(words))


def _length(step: Any, path: Path) -> timedelta | None:
    if step == "warning":
        return None
    match = _STEP.match(str(step))
    if match is None or int(match[1]) == 0:
        raise PolicyError(f'sanction policy {path}: {step!r} is no step; write "warning", "1 h" or "7 d"')
    amount = int(match[1])
    return timedelta(hours=amount) if match[2] == "h" else timedelta(days=amount)
