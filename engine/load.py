"""How busy the engine is, and what it leaves out then.

The order is:

    drafts → summary → memory → expression

While more people have turns running than half the number of places, she takes her first draft instead of choosing among several, so
that many are answered at once and soon. So she does for whoever has another turn running already: a flood of one person costs that
person drafts, and nobody else. Then each round of waiting people, as many as there are places, leaves out one thing more: turns are
not summed up, nothing new is remembered, her face stays plain. The checks that protect people (ethics, sanctions, care) and the reply itself are
never left out; where the queue is full, a message is refused, with the time to wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from storage.records import UserKey

_SHARE_OF_NEWEST = 0.1


class Extra(StrEnum):
    """What a turn can do without, in the order in which it is left out."""

    DRAFTS = "drafts"
    SUMMARY = "summary"
    MEMORY = "memory"
    EXPRESSION = "expression"


class Load:
    """Written by the queue, read by the pipeline; a load that nobody writes leaves nothing out."""

    def __init__(self, turns_at_once: int = 1) -> None:
        """Begin with nobody waiting and none of the `turns_at_once` places taken; `places` says how many each user holds."""
        self.waiting_users = 0
        self.places: Mapping[UserKey, int] = {}
        self._turns_at_once = turns_at_once
        self._turn_s: float | None = None

    def left_out(self, user: UserKey) -> frozenset[Extra]:
        """Return what a turn of `user` that begins now does without; the messages of other people count once for each of them."""
        is_lively = len(self.places) > max(1, self._turns_at_once // 2) or self.places.get(user, 0) > 1
        return frozenset(list(Extra)[: is_lively + self.waiting_users // self._turns_at_once])

    def note_turn(self, seconds: float) -> None:
        """Learn from a turn that took `seconds`."""
        known = self._turn_s
        self._turn_s = seconds if known is None else known + _SHARE_OF_NEWEST * (seconds - known)

    def wait_s(self, turn_lengths: float) -> float | None:
        """Return how many seconds so many lengths of a turn are; None before the first turn has ended."""
        return None if self._turn_s is None else self._turn_s * turn_lengths
