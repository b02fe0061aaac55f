"""The signals that stop the program: the first asks it to stop, the second ends it at once."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_log = logging.getLogger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDED_AT_ONCE = 130


def _end_now() -> None:
    """End the process as it stands: what is committed is kept whole, everything else is lost."""
    logging.shutdown()
    os._exit(ENDED_AT_ONCE)


@contextmanager
def stop_on_signals(end_now: Callable[[], None] = _end_now) -> Iterator[asyncio.Event]:
    """Give an event that the first SIGINT or SIGTERM sets; the second calls `end_now`."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def take() -> None:
        if stop.is_set():
            _log.warning("second signal: ending at once")
            end_now()
            return
        _log.info("signal: stopping")
        stop.set()

    taken = []
    for number in SIGNALS:
        with suppress(
            NotImplementedError, RuntimeError
        ):  # Windows, or not the main thread: Ctrl-C then ends everything
            loop.add_signal_handler(number, take)
            taken.append(number)
    try:
        yield stop
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
