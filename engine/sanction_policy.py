"""The sanction policy: scores, reply and history in, decision out. Pure; no clock, no storage, no models.

A policy (a file: `engine/policy_file.py`) holds the ladder of each category, its conditions, its decay and what is only observed.
Thresholds come from the model profile, because they belong to an encoder; a policy may set its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from models.profile import EthicsThresholds
from storage.records import MANUAL, Rung, SanctionKind

_WARNING = "warning"
_LENGTH = re.compile(r"([1-9]\d{0,4}) ?([hd])")
_LENGTH_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,4} ?[hd]$", "examples": ["1 h", "7 d"]}
_CONFIG = pydantic.ConfigDict(extra="forbid")


def _read_length(value: Any) -> Any:
    match = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return timedelta(hours=int(match[1])) if match[2] == "h" else timedelta(days=int(match[1]))
    if isinstance(value, timedelta):
        return value
    raise ValueError(f'{value!r} is no length; write hours or days, such as "1 h" or "7 d"')


def _read_step(value: Any) -> Any:
    return None if value in (None, _WARNING) else _read_length(value)


def _write_step(length: timedelta | None) -> str:
    if length is None:
        return _WARNING
    hours = length // timedelta(hours=1)
    return f"{hours} h" if hours % 24 else f"{hours // 24} d"


_Length = Annotated[
    timedelta,
    pydantic.BeforeValidator(_read_length),
    pydantic.PlainSerializer(_write_step),
    pydantic.WithJsonSchema(_LENGTH_SCHEMA),
]
_Step = Annotated[
    timedelta | None,
    pydantic.BeforeValidator(_read_step),
    pydantic.PlainSerializer(_write_step),
    pydantic.WithJsonSchema({"anyOf": [{"const": _WARNING}, _LENGTH_SCHEMA]}),
]
_Share = Annotated[float, Field(ge=0, le=1, strict=True)]
_Word = Annotated[str, Field(min_length=1, pattern=r"\S")]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class CategoryPolicy:
    """What an offence in one category leads to, and on which conditions.

    `ladder` has a step for each rung: a warning (None) or the length of a block. `reply_needs` are words of which the reply must
    hold one for the offence to count; without them the offence is judged before she answers. `threshold` takes the place of
    the profile's. After each `decay` without an offence in the category a user stands one rung lower; None: never. A category
    that is `observe_only` is scored and logged, and never leads to anything.
    """

    ladder: tuple[_Step, ...] = ()
    reply_needs: tuple[_Word, ...] = ()
    threshold: _Share | None = None
    decay: _Length | None = None
    observe_only: bool = False

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if not self.ladder and not self.observe_only:
            raise ValueError(
                'ladder is missing; give its steps, such as ["warning", "1 d"], or set observe_only = true'
            )
        if not self.reply_needs and None in self.ladder:
            raise ValueError("ladder cannot hold a warning: without reply_needs it is judged before she answers")
        return self

    def step(self, level: int) -> timedelta | None:
        """Return the block of `level` (from 1), or None for a warning; past the end the last step."""
        return self.ladder[min(level, len(self.ladder)) - 1]

    def fall(self, level: int, since: datetime, now: datetime) -> int:
        """Return where somebody on rung `level` stands at `now` who has not offended from `since` on."""
        if self.decay is None or now <= since:
            return level
        return max(0, level - (now - since) // self.decay)


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class SanctionPolicy:
    """A versioned set of ladders; blocks of one message add up to at most `longest_block`.

    `normal_threshold` takes the place of the profile's: from it on a message is normal, whatever else it is. Scores of a message
    with a category at `observe_from` or more are kept even where no sanction follows; None: never.
    """

    schema: Literal[1] = 1
    version: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    longest_block: _Length
    observe_from: _Share | None = None
    normal_threshold: _Share | None = None
    categories: Annotated[Mapping[_Word, CategoryPolicy], Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.version == MANUAL:
            raise ValueError(f"version cannot be {MANUAL!r}, which stands for sanctions that moderators gave")
        for name, category in self.categories.items():
            if any(step is not None and step > self.longest_block for step in category.ladder):
                raise ValueError(f"the ladder of {name} has a step that is longer than longest_block")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionStep:
    """One row of the sanction log to be written: category, the rungs before and after, and when a block ends (None: warning)."""

    category: str
    rung_before: int
    level: int
    kind: SanctionKind
    expires_at: datetime | None


def thresholds_under(policy: SanctionPolicy, thresholds: EthicsThresholds) -> EthicsThresholds:
    """Return the profile's thresholds with those that the policy sets in their place."""
    own = {name: category.threshold for name, category in policy.categories.items() if category.threshold is not None}
    normal = thresholds.normal if policy.normal_threshold is None else policy.normal_threshold
    return replace(thresholds, normal=normal, categories={**thresholds.categories, **own})


def find_offences(scores: Mapping[str, float], thresholds: EthicsThresholds, policy: SanctionPolicy) -> tuple[str, ...]:
    """Return the categories whose score reaches its threshold, in the order of the policy; none when the message is normal.

    What is only observed is no offence.
    """
    if scores.get(thresholds.normal_category, 0.0) >= thresholds.normal:
        return ()
    return tuple(
        name
        for name, category in policy.categories.items()
        if not category.observe_only
        and name in thresholds.categories
        and scores.get(name, 0.0) >= thresholds.categories[name]
    )


def is_worth_observing(scores: Mapping[str, float], policy: SanctionPolicy) -> bool:
    """Tell whether a message came near enough to a category that its scores are kept."""
    floor = policy.observe_from
    return floor is not None and any(scores.get(name, 0.0) >= floor for name in policy.categories)


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
