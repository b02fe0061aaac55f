"""Judge the stored log again by another policy: who would have gained or lost what. Pure, and the same at every run.

What is compared is what really was given and what the policy would have given for the same messages in the same order. Under the
policy that the log was made with, the two are equal. Its limits (`docs/formats.md` explains them):

- only messages whose scores were kept can be judged: those that drew a sanction, and those from `observe_from` on;
- a message that would have met a block, and in truth met none, would not have reached her: it is left out and counted as unsaid;
- a message that was blocked before she answered has no reply, so no category that needs one can be judged on it;
- what people would have said had they not been blocked, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.sanction_policy import (
    SanctionPolicy,
    SanctionStep,
    certain_offences,
    decide,
    find_offences,
    standing_levels,
    thresholds_under,
)
from models.profile import EthicsThresholds
from storage.judgement_log import JudgedMessage
from storage.records import Rung, UserKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one user was given in one category, or everybody: warnings, blocks, their lengths added up, the highest rung."""

    warnings: int = 0
    blocks: int = 0
    blocked: timedelta = timedelta()
    highest_level: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(
            warnings=self.warnings + other.warnings,
            blocks=self.blocks + other.blocks,
            blocked=self.blocked + other.blocked,
            highest_level=max(self.highest_level, other.highest_level),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was given and what would have been, of one user and category."""

    user: UserKey
    category: str
    given: Tally
    replayed: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What replaying one user's messages, or everybody's, found.

    `unsaid` messages would not have reached her; `undecided` ones have an offence that needs a reply, and no reply is known;
    `set_aside` sanctions were overturned by people, and count on neither side.
    """

    messages: int = 0
    unsaid: int = 0
    undecided: int = 0
    set_aside: int = 0
    comparisons: tuple[Comparison, ...] = ()

    @property
    def differences(self) -> tuple[Comparison, ...]:
        """The comparisons where the two sides differ."""
        return tuple(each for each in self.comparisons if each.given != each.replayed)

    @property
    def by_category(self) -> Mapping[str, tuple[Tally, Tally]]:
        """What was given and what would have been, of everybody, by category."""
        sums: dict[str, tuple[Tally, Tally]] = {}
        for each in self.comparisons:
            given, replayed = sums.get(each.category, (Tally(), Tally()))
            sums[each.category] = given.plus(each.given), replayed.plus(each.replayed)
        return dict(sorted(sums.items()))

    @classmethod
    def of(cls, parts: Sequence[Replay]) -> Replay:
        """Put what was found of each user together."""
        return cls(
            messages=sum(part.messages for part in parts),
            unsaid=sum(part.unsaid for part in parts),
            undecided=sum(part.undecided for part in parts),
            set_aside=sum(part.set_aside for part in parts),
            comparisons=tuple(each for part in parts for each in part.comparisons),
        )


def replay_user(
    user: UserKey, messages: Iterable[JudgedMessage], policy: SanctionPolicy, normal_category: str
) -> Replay:
    """Judge one user's messages again, in the order given."""
    course = _Course(policy=policy, normal_category=normal_category)
    for message in messages:
        course.judge(message)
    return Replay(
        messages=course.messages,
        unsaid=course.unsaid,
        undecided=course.undecided,
        set_aside=course.overturned,
        comparisons=course.compare(user),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One sanction on either side; `end` is when a block really ends."""

    category: str
    level: int
    start: datetime
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Tell whether it is a block that is in force."""
        return self.end is not None and self.start <= moment < self.end


@dataclass(slots=True, kw_only=True)
class _Course:
    """How one user fared and would have fared."""

    policy: SanctionPolicy
    normal_category: str
    messages: int = 0
    unsaid: int = 0
    undecided: int = 0
    overturned: int = 0
    given: list[_Step] = field(default_factory=list)
    set_aside: list[_Step] = field(default_factory=list)
    replayed: list[_Step] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)

    def judge(self, message: JudgedMessage) -> None:
        """Take one message on both sides."""
        now = message.judged_at
        was_blocked = any(step.holds(now) for step in (*self.given, *self.set_aside))
        is_unsaid = any(step.holds(now) for step in self.replayed) and not was_blocked
        for each in message.sanctions:
            really = _Step(category=each.category, level=each.level, start=each.started_at, end=each.end)
            (self.set_aside if each.is_overturned else self.given).append(really)
        pardoned = {each.category for each in message.sanctions if each.is_overturned}
        offences = [name for name in self._offences(message) if name not in pardoned]
        proven = () if is_unsaid else self._proven(message, tuple(offences))
        self.messages += 1
        self.unsaid += is_unsaid
        self.undecided += not is_unsaid and not proven and bool(offences) and message.declined is None
        self.overturned += len(pardoned)
        for step in decide(proven, standing_levels(self.rungs, self.policy, now), self.policy, now):
            self._take(step, message)

    def compare(self, user: UserKey) -> tuple[Comparison, ...]:
        """Return both sides of each category in which anything was or would have been given."""
        names = dict.fromkeys(step.category for step in (*self.given, *self.replayed))
        return tuple(
            Comparison(user=user, category=name, given=_tally(self.given, name), replayed=_tally(self.replayed, name))
            for name in sorted(names)
        )

    def _offences(self, message: JudgedMessage) -> tuple[str, ...]:
        stored = EthicsThresholds(
            normal_category=self.normal_category,
            normal=message.thresholds.get(self.normal_category, 1.0),
            categories={name: value for name, value in message.thresholds.items() if name != self.normal_category},
        )
        return find_offences(message.scores, thresholds_under(self.policy, stored), self.policy)

    def _proven(self, message: JudgedMessage, offences: tuple[str, ...]) -> tuple[str, ...]:
        """Return what counts: what needs no reply, or else what the reply proves; a reply that is gone proves what it did prove."""
        if certain := certain_offences(offences, self.policy):
            return certain
        if message.declined is None:
            was_proven = {each.category for each in message.sanctions}
            return tuple(name for name in offences if name in was_proven)
        words = set(message.declined)
        return tuple(name for name in offences if words & set(self.policy.categories[name].reply_needs))

    def _take(self, step: SanctionStep, message: JudgedMessage) -> None:
        """Write a step on the replayed side; where people ended the real block sooner, this one ends with it."""
        ends = [each.ended_at for each in message.sanctions if each.category == step.category and each.ended_at]
        end = None if step.expires_at is None else min([step.expires_at, *ends])
        now = message.judged_at
        self.replayed.append(_Step(category=step.category, level=step.level, start=now, end=end))
        self.rungs.append(Rung(category=step.category, level=step.level, started_at=now, since=end or now))


def _tally(steps: Sequence[_Step], category: str) -> Tally:
    own = [step for step in steps if step.category == category]
    ends = [(step.start, step.end) for step in own if step.end is not None]
    return Tally(
        warnings=len(own) - len(ends),
        blocks=len(ends),
        blocked=sum((end - start for start, end in ends), timedelta()),
        highest_level=max((step.level for step in own), default=0),
    )
