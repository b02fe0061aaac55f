"""Note how a long round goes: what each tenth of its turns cost, and the memory then. No torch here."""

from __future__ import annotations

import math
import os
import resource
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.benchmark.contest import Milestone

_PARTS = 10
_STATM = Path("/proc/self/statm")


class Course:
    """Takes a milestone at the beginning and whenever another tenth of the turns, or of the time, is over."""

    def __init__(
        self,
        turns: int,
        tell: Callable[[int], None] = lambda _: None,
        *,
        seconds: float = math.inf,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin a round of `turns` that ends after `seconds` at the latest; `tell` gets what `note` gets."""
        self._turns, self._seconds = turns, seconds
        self._tell, self._clock = tell, clock
        self._wall, self._cpu = clock(), time.process_time()
        self.milestones = [self._milestone(0)]

    def note(self, done: int) -> None:
        """Take in that `done` turns are done."""
        over = max(done * _PARTS // self._turns, (self._clock() - self._wall) * _PARTS / self._seconds)
        if over >= len(self.milestones):
            self.milestones.append(self._milestone(done))
        self._tell(done)

    def _milestone(self, turns: int) -> Milestone:
        return Milestone(
            turns=turns,
            wall_s=self._clock() - self._wall,
            cpu_s=time.process_time() - self._cpu,
            resident_mb=resident_mb(),
        )


def course_figures(course: Sequence[Milestone]) -> dict[str, Any]:
    """Return what each part cost, how far apart the dearest and the cheapest are (share of the mean), and the memory that was added.

    Memory is counted from the end of the first part on: what is needed once has been needed by then.
    """
    parts = [
        {
            "turns": after.turns,
            "cpu_ms_per_turn": round((after.cpu_s - before.cpu_s) / (after.turns - before.turns) * 1000, 1),
            "turns_per_s": round((after.turns - before.turns) / max(after.wall_s - before.wall_s, 1e-9), 3),
            "resident_mb": round(after.resident_mb, 1),
        }
        for before, after in pairwise(course)
    ]
    if not parts:
        return {"parts": []}
    costs = [part["cpu_ms_per_turn"] for part in parts]
    return {
        "parts": parts,
        "cost_apart": round((max(costs) - min(costs)) / (sum(costs) / len(costs)), 3),
        "added_mb": round(course[-1].resident_mb - course[1].resident_mb, 1),
    }


def resident_mb() -> float:
    """Return the megabytes that this process holds in memory; where the system does not tell, the most that it ever held."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
