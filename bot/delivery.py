"""Bring messages to chats: in order, at each chat's pace, and again when the platform could not take them.

    sent = await delivery.send(chat, call)     # waits its turn in that chat; `call(key)` makes one request

One chat that the platform holds back (`retry_after`) or that fails holds no other chat back. A client says by `diagnose` what one
of its library's errors means; what it does not know is raised as it came.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from asyncio_throttle.throttler import Throttler

from bot.errors import DeliveryFull, DeliveryGivenUp

T = TypeVar("T")
Call = Callable[[str], Awaitable[T]]
Sleep = Callable[[float], Awaitable[None]]

_log = logging.getLogger(__name__)
_POLL_S = 0.02  # how often a throttle looks whether there is room
_MOST_IDLE = 1000  # chats whose pace is kept although nothing waits there


class TroubleKind(StrEnum):
    """Why a request was not carried out."""

    HOLD = "hold"  # the platform names the seconds to wait
    UNREACHABLE = "unreachable"  # the request did not get there, or was refused before anything was done
    UNCERTAIN = "uncertain"  # it may have been carried out: the answer was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What an error means: `seconds` to wait where the platform names them."""

    kind: TroubleKind
    seconds: float = 0.0


Diagnose = Callable[[Exception], Trouble | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """At most `count` sends in `period_s` seconds."""

    count: int
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """How long and how often a send is tried, and how many may wait in one chat: more than the turn queue takes."""

    most_waiting: int = 1024
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    give_up_after_s: float = 3600.0


class _Throttle:
    """Lets `count` pass in `period_s` seconds, and tells whether one may pass now."""

    def __init__(self, pace: Pace) -> None:
        self._throttler = Throttler(rate_limit=pace.count, period=pace.period_s, retry_interval=_POLL_S)
        self._turn = asyncio.Lock()  # one looks for room; the others wait without looking, in the order they came
        self._passed: deque[float] = deque(maxlen=pace.count)
        self._pace = pace

    async def take(self) -> None:
        """Wait until one more may pass."""
        async with self._turn, self._throttler:
            self._passed.append(time.monotonic())

    def has_room(self) -> bool:
        """Tell whether one may pass without waiting, and leave room for another: a reply must not wait for its drafts."""
        if self._turn.locked():
            return False
        since = time.monotonic() - self._pace.period_s
        return sum(passed >= since for passed in self._passed) < max(1, self._pace.count - 1)


@dataclass(slots=True)
class _Lane:
    """One chat: whoever holds the lock sends; the lock is fair, so order is kept."""

    throttles: tuple[_Throttle, ...]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    held_until: float = 0.0


class Delivery:
    """Sends for one platform; every chat has a lane of its own."""

    def __init__(
        self,
        diagnose: Diagnose,
        *,
        pace_of: Callable[[str], Sequence[Pace]],
        overall: Pace | None = None,
        settings: DeliverySettings | None = None,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Pace each chat by `pace_of` its id, and all together by `overall`; `sleep` and `monotonic` are replaced in tests."""
        self._diagnose = diagnose
        self._pace_of = pace_of
        self._overall = _Throttle(overall) if overall else None
        self._settings = settings or DeliverySettings()
        self._sleep = sleep
        self._monotonic = monotonic
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()

    async def send(self, chat: str, call: Call[T], *, is_repeatable: bool = True, is_paced: bool = True) -> T:
        """Make a request in its turn and return its answer; `call` gets a key that is the same for every try.

        A request that is not repeatable (nothing on the platform recognises the key) is not tried again when it may have
        been carried out. One that costs the chat nothing (typing, an answered button) need not be paced.

        Raises:
            DeliveryFull: too much waits in this chat.
            DeliveryGivenUp: the platform was away for too long, or a lost answer leaves open whether it was carried out.
        """
        lane = self._lane(chat)
        if lane.waiting >= self._settings.most_waiting:
            raise DeliveryFull(f"{lane.waiting} messages already wait in one chat")
        lane.waiting += 1
        try:
            async with lane.lock:
                return await self._until_done(lane, call, is_repeatable=is_repeatable, is_paced=is_paced)
        finally:
            lane.waiting -= 1

    async def offer(self, chat: str, call: Call[T], *, is_paced: bool = True) -> T | None:
        """Make a request that may be left out (one step of a streamed text): only if the chat is free, and once.

        One that costs the chat nothing (typing) need not be paced.

        Returns None where it was left out or could not be carried out.
        """
        lane = self._lane(chat)
        throttles = (*lane.throttles, *([self._overall] if self._overall else []))
        has_room = not is_paced or all(throttle.has_room() for throttle in throttles)
        if lane.waiting or self.held_s(chat) > 0 or not has_room:
            return None
        lane.waiting += 1
        try:
            async with lane.lock:
                if is_paced:
                    await self._take_room(lane)
                return await call(_new_key())
        except Exception as error:
            trouble = self._diagnose(error)
            if trouble is None:
                raise
            self._note(lane, trouble)
            return None
        finally:
            lane.waiting -= 1

    def now(self) -> float:
        """Return the time of the clock that waits go by, in seconds."""
        return self._monotonic()

    def held_s(self, chat: str) -> float:
        """Return for how many seconds the platform wants nothing more in a chat."""
        lane = self._lanes.get(chat)
        return max(0.0, lane.held_until - self._monotonic()) if lane else 0.0

    async def _until_done(self, lane: _Lane, call: Call[T], *, is_repeatable: bool, is_paced: bool) -> T:
        key, begun, tries = _new_key(), self._monotonic(), 0
        while True:
            if (held := lane.held_until - self._monotonic()) > 0:
                await self._sleep(held)
            if is_paced:
                await self._take_room(lane)
            try:
                return await call(key)
            except Exception as error:
                trouble = self._diagnose(error)
                if trouble is None:
                    raise
                self._check(trouble, error, begun, is_repeatable=is_repeatable)
                self._note(lane, trouble)
            if trouble.kind is not TroubleKind.HOLD:
                await self._sleep(self._back_off(tries))
                tries += 1

    def _check(self, trouble: Trouble, error: Exception, begun: float, *, is_repeatable: bool) -> None:
        if trouble.kind is TroubleKind.UNCERTAIN and not is_repeatable:
            raise DeliveryGivenUp("the answer to a send was lost; sending again could double it") from error
        waited = self._monotonic() - begun
        if waited + trouble.seconds > self._settings.give_up_after_s:
            raise DeliveryGivenUp(f"a send was given up after {waited:.0f} s") from error

    def _note(self, lane: _Lane, trouble: Trouble) -> None:
        if trouble.kind is TroubleKind.HOLD:
            _log.info("a chat is held back for %.1f s", trouble.seconds)
            lane.held_until = self._monotonic() + trouble.seconds
        else:
            _log.warning("a send failed (%s)", trouble.kind)

    def _back_off(self, tries: int) -> float:
        """Return the wait before the next try: doubled each time, up to a bound, less up to a half by chance."""
        doubled: float = self._settings.first_wait_s * 2.0 ** min(tries, 30)
        return min(doubled, self._settings.longest_wait_s) * random.uniform(0.5, 1.0)

    async def _take_room(self, lane: _Lane) -> None:
        for throttle in lane.throttles:
            await throttle.take()
        if self._overall is not None:
            await self._overall.take()

    def _lane(self, chat: str) -> _Lane:
        lane = self._lanes.get(chat)
        if lane is None:
            self._drop_idle()
            lane = self._lanes[chat] = _Lane(tuple(_Throttle(pace) for pace in self._pace_of(chat)))
        self._lanes.move_to_end(chat)
        return lane

    def _drop_idle(self) -> None:
        """Keep the number of lanes bounded: the least used without anything waiting goes, unless the platform holds it."""
        if len(self._lanes) < _MOST_IDLE:
            return
        now = self._monotonic()
        for chat, lane in self._lanes.items():
            if not lane.waiting and lane.held_until <= now:
                del self._lanes[chat]
                return


def _new_key() -> str:
    """Return an idempotency key that fits Discord's nonce (25 characters)."""
    return secrets.token_hex(12)
