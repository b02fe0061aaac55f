"""How often somebody may try: a bucket of attempts for each address, and one for all together."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.types import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """How many attempts fit into a bucket, and how long one takes to come back."""

    by_address: int = 10
    together: int = 60
    each: timedelta = timedelta(seconds=6)


class Attempts:
    """Counts attempts; buckets fill again with time. Behind a proxy everybody has its address, so there are two kinds."""

    def __init__(self, clock: Clock, limits: AttemptLimits | None = None, *, most_addresses: int = 10_000) -> None:
        """Forget the addresses that were quiet for longest beyond `most_addresses`."""
        self._clock = clock
        self._limits = limits or AttemptLimits()
        self._most = most_addresses
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def may_try(self, address: str) -> bool:
        """Count an attempt; False when there have been too many."""
        limits = self._limits
        by_address = self._take(f"at {address}", limits.by_address, limits.each)
        return by_address and self._take("together", limits.together, limits.each * limits.by_address / limits.together)

    def _take(self, name: str, size: int, each: timedelta) -> bool:
        now = self._clock()
        left, at = self._buckets.get(name, (float(size), now))
        left = min(size, left + max(now - at, timedelta()) / each)
        is_free = left >= 1
        self._buckets[name] = (left - is_free, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return is_free
