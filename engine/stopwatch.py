"""Measure the steps of a turn in milliseconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

STEPS = ("queue", "ethics", "retrieval", "first_token", "reply", "total")


class Stopwatch:
    """Milliseconds by step; `mark` counts from the start of the turn, the wait in the queue included."""

    def __init__(self, *, queue: float = 0.0) -> None:
        """Start now, after `queue` milliseconds of waiting."""
        self._start = time.perf_counter()
        self._steps = dict.fromkeys(STEPS, 0.0) | {"queue": queue}

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Measure what runs inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._steps[step] = (time.perf_counter() - start) * 1000

    def note(self, step: str, milliseconds: float) -> None:
        """Write a figure that was measured elsewhere."""
        self._steps[step] = milliseconds

    def mark(self, step: str) -> None:
        """Write the time since the message was submitted."""
        self._steps[step] = self.elapsed_ms

    @property
    def elapsed_ms(self) -> float:
        """The time since the message was submitted."""
        return self._steps["queue"] + (time.perf_counter() - self._start) * 1000

    @property
    def milliseconds(self) -> Mapping[str, float]:
        """The figures so far, rounded to a tenth."""
        return {step: round(value, 1) for step, value in self._steps.items()}
