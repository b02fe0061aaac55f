"""An event loop whose clock jumps over idle time, so that twenty minutes of waiting take seconds."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

_PATIENCE_S = 0.02  # how long the loop really waits for threads and sockets before it jumps


class _Selector(selectors.DefaultSelector):
    """Tells how much of a wait was left when nothing happened."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= _PATIENCE_S:
            return super().select(timeout)
        found = super().select(_PATIENCE_S)
        if not found:
            self.skipped_s += timeout - _PATIENCE_S
        return found


class HurriedLoop(asyncio.SelectorEventLoop):
    """Waits for what happens, but not for what is only due later."""

    def __init__(self) -> None:
        self._hurried = _Selector()
        super().__init__(self._hurried)

    def time(self) -> float:
        """Return the time of a clock on which the skipped waits have passed."""
        return super().time() + self._hurried.skipped_s


def run_hurried(main: Any) -> Any:
    """Run a coroutine to its end in a hurried loop."""
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        return runner.run(main)
