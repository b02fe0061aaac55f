"""Check how the device thread shares its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from models.device import DeviceThread, Worker

SECONDS = 20.0


class _Working(Worker):
    """Works for a given time a step, until it is told to stop; calls `after` at the end of each step."""

    def __init__(self, step_s: float, after: Callable[[], None] = lambda: None) -> None:
        self.steps = 0
        self.has_more = True
        self._step_s, self._after = step_s, after

    def has_work(self) -> bool:
        return self.has_more

    def step(self) -> None:
        until = time.perf_counter() + self._step_s
        while time.perf_counter() < until:
            pass
        self.steps += 1
        self._after()

    def close(self, error: Exception) -> None:
        self.has_more = False


async def _until(done: asyncio.Event) -> None:
    await asyncio.wait_for(done.wait(), SECONDS)


async def test_long_steps_of_one_do_not_hold_up_the_short_steps_of_another() -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    short = _Working(0.001)

    def after_long() -> None:
        if long.steps == 5:
            long.has_more = short.has_more = False
            loop.call_soon_threadsafe(done.set)

    long = _Working(0.02, after_long)
    async with DeviceThread([long, short]):
        await _until(done)
    assert (
        short.steps > 5 * long.steps / 2
    )  # equal times are twenty short steps for a long one; a busy machine blurs that


async def test_one_that_had_nothing_to_do_does_not_get_the_time_back() -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    order: list[str] = []
    late = _Working(0.002, lambda: order.append("late"))
    late.has_more = False

    def after_early() -> None:
        order.append("early")
        if early.steps == 20:
            late.has_more = True
        if early.steps == 25:
            early.has_more = late.has_more = False
            loop.call_soon_threadsafe(done.set)

    early = _Working(0.002, after_early)
    async with DeviceThread([early, late]):
        await _until(done)
    both = order[20:]
    assert 1 <= both.count("late") <= 15  # not the twenty steps that the other had alone
