"""Serve every configured front end beside the engine, and stop in order.

A front end that fails is started again after a wait that grows; the others do not notice. To stop: refuse new messages with a
friendly line, let what is on its way end, give up the rest, and only then leave the platforms.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.errors import FrontEndError
from bot.talk import Talk

_log = logging.getLogger(__name__)


class FrontEnd(Protocol):
    """One platform."""

    async def run(self) -> None:
        """Connect and serve until cancelled or closed.

        Raises:
            FrontEndError: the platform refuses the bot; the message says what to do.
        """
        ...

    async def close(self) -> None:
        """Write what is left to write, then leave the platform; `run` need not end by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """How long a front end waits before it is started again, and how long stopping may take, in seconds.

    One that was refused waits much longer: somebody has to change something first, and platforms count refused logins.
    """

    first_wait_s: float = 2.0
    longest_wait_s: float = 120.0
    first_wait_refused_s: float = 60.0
    longest_wait_refused_s: float = 900.0
    steady_after_s: float = 300.0  # a run of this length was a good one: the waits begin anew
    drain_timeout_s: float = 10.0
    close_timeout_s: float = 20.0


class App:
    """Runs the front ends by name (discord, telegram)."""

    def __init__(
        self,
        front_ends: Mapping[str, FrontEnd],
        talk: Talk,
        settings: AppSettings | None = None,
        *,
        beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Share `talk` between the front ends; what runs `beside` them runs until they have left. `sleep` is replaced in tests."""
        self._beside = tuple(beside)
        self._front_ends = front_ends
        self._talk = talk
        self._settings = settings or AppSettings()
        self._sleep = sleep
        self._is_leaving = False

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then stop in order."""
        tasks = [
            asyncio.create_task(self._keep_running(name, front_end), name=f"front end {name}")
            for name, front_end in self._front_ends.items()
        ]
        tasks += [asyncio.create_task(run(), name="beside the front ends") for run in self._beside]
        try:
            await stop.wait()
            await self._leave()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_running(self, name: str, front_end: FrontEnd) -> None:
        """Run one front end until she leaves; whatever it fails from stays here."""
        loop, waits = asyncio.get_running_loop(), _Waits(self._settings)
        while True:
            begun = loop.time()
            is_refused = False
            try:
                _log.info("%s: starting", name)
                await front_end.run()
                reason = "it ended"
            except FrontEndError as error:
                is_refused, reason = True, str(error)
            except Exception as error:  # the edge of a platform: the other one must go on
                reason = f"{type(error).__name__}: {error}"
                _log.debug("%s", name, exc_info=error)
            if self._is_leaving:
                return
            if loop.time() - begun > self._settings.steady_after_s:
                waits = _Waits(self._settings)
            wait_s = waits.next(is_refused=is_refused)
            _log.error("%s is off: %s (trying again in %.0f s)", name, reason, wait_s)
            await self._sleep(wait_s)

    async def _leave(self) -> None:
        """Refuse, drain, give up, close: each step has its time."""
        _log.info("stopping: new messages are refused, running ones have %.0f s", self._settings.drain_timeout_s)
        self._is_leaving = True
        self._talk.refuse()
        if not await self._talk.idle(self._settings.drain_timeout_s):
            self._talk.cancel_all()
            await self._talk.idle(1.0)
        await asyncio.gather(*(self._close(name, front_end) for name, front_end in self._front_ends.items()))

    async def _close(self, name: str, front_end: FrontEnd) -> None:
        try:
            async with asyncio.timeout(self._settings.close_timeout_s):
                await front_end.close()
        except Exception as error:  # one that cannot close must not keep the other open
            _log.error("%s could not close: %s: %s", name, type(error).__name__, error)
        else:
            _log.info("%s: closed", name)


class _Waits:
    """How long a front end waits before each new start: doubled each time, less some part by chance."""

    def __init__(self, settings: AppSettings) -> None:
        self._settings = settings
        self._tries = 0

    def next(self, *, is_refused: bool) -> float:
        """Return the next wait in seconds."""
        settings, factor = self._settings, 2.0 ** min(self._tries, 20)
        self._tries += 1
        if is_refused:
            return min(settings.first_wait_refused_s * factor, settings.longest_wait_refused_s)
        return min(settings.first_wait_s * factor, settings.longest_wait_s) * random.uniform(0.75, 1.0)
