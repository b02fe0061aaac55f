"""The turn queue: bounded, first in first out within a conversation, users taking turns.

Users stand in a ring. A free place goes to the user who holds fewest places, and among equals to the first in the ring; then they go
to its end. Of their waiting turns the oldest runs whose conversation is free and has nothing older waiting. Nobody begins a turn who
holds an equal share of the places of all who are there, or half of them: whoever comes finds a place free beside a flood of one user, and
the flood's turns are few among those that share each pass of the models.

The queue tells `engine/load.py` who holds places, how many people wait and how long turns take.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from engine.load import Load
from engine.settings import EngineSettings
from engine.types import (
    ChatOutcome,
    ChatRequest,
    EventSink,
    Rejection,
    RejectionReason,
    TextWithdrawn,
    ignore_event,
)
from storage.records import ConversationKey, UserKey

RunTurn = Callable[[ChatRequest, EventSink, float], Awaitable[ChatOutcome]]

_log = logging.getLogger(__name__)


class QueuedTurn:
    """A submitted message: wait for its outcome, ask for its position, or cancel it."""

    def __init__(self, queue: TurnQueue, request: ChatRequest, show: EventSink) -> None:
        """Made by `TurnQueue.submit`."""
        self.request = request
        self.show = show
        self.submitted_at = time.perf_counter()
        self.future: asyncio.Future[ChatOutcome] = asyncio.get_running_loop().create_future()
        self.running: asyncio.Future[ChatOutcome] | None = None
        self._queue = queue

    @property
    def position(self) -> int | None:
        """How many turns start before this one; None once it has started or ended."""
        return self._queue.position(self)

    @property
    def wait_s(self) -> float | None:
        """An estimate of the seconds until it starts; None once it has started or ended, and while nothing is known."""
        return self._queue.wait_s(self)

    @property
    def log_fields(self) -> dict[str, str]:
        """What log lines of this turn carry besides their message."""
        return {"request_id": self.request.request_id}

    def cancel(self) -> bool:
        """Give the turn up, waiting or running; False when it has ended already."""
        return self._queue.cancel(self)

    def resolve(self, outcome: ChatOutcome) -> None:
        """Give the turn its outcome, unless it has one."""
        if not self.future.done():
            self.future.set_result(outcome)

    def fail(self, reason: RejectionReason) -> None:
        """End the turn without a reply, and take back what was shown of one."""
        self.resolve(Rejection(reason=reason))
        try:
            self.show(TextWithdrawn())
        except Exception:
            _log.exception(
                "turn %s: its front end failed to take text back", self.request.request_id, extra=self.log_fields
            )

    async def outcome(self) -> ChatOutcome:
        """Wait for the outcome; a waiter that is cancelled does not cancel the turn."""
        return await asyncio.shield(self.future)


class TurnQueue:
    """Admits turns and runs up to `max_concurrent_turns` of them at once."""

    def __init__(self, run_turn: RunTurn, settings: EngineSettings, load: Load) -> None:
        """Made and stopped by `open_queue`; `run_turn` gets a request, its event sink and its wait in milliseconds."""
        self.load = load
        self._run_turn = run_turn
        self._settings = settings
        self._users: OrderedDict[UserKey, deque[QueuedTurn]] = OrderedDict()
        self._conversations: dict[ConversationKey, deque[QueuedTurn]] = {}
        self._busy: dict[ConversationKey, UserKey] = {}  # whose turn runs there, from the oldest on
        self._waiting = 0
        self._closed = False
        self._changed = asyncio.Event()  # something may run now; workers clear it before they wait
        self._idle = asyncio.Event()  # nothing waits or runs; kept apart, so that no worker can clear it under `close`
        self._idle.set()

    def submit(self, request: ChatRequest, show: EventSink = ignore_event) -> QueuedTurn:
        """Admit a message, or end its turn at once as `queue_full` when there is no room or the queue is closing."""
        turn = QueuedTurn(self, request, show)
        own = self._users.get(request.user, ())
        full = self._waiting >= self._settings.queue_capacity or len(own) >= self._settings.queue_capacity_per_user
        if full or self._closed:
            turn_lengths = (self._waiting + 1) / self._settings.max_concurrent_turns
            wait_s = None if self._closed else self.load.wait_s(turn_lengths)
            turn.future.set_result(Rejection(reason=RejectionReason.QUEUE_FULL, wait_s=wait_s))
            return turn
        self._users.setdefault(request.user, deque()).append(turn)
        self._conversations.setdefault(request.conversation, deque()).append(turn)
        self._waiting += 1
        self._tell_change()
        return turn

    def position(self, turn: QueuedTurn) -> int | None:
        """Return how many waiting turns start before `turn`, if turns end in the order in which they began."""
        standing = self._find_standing(turn)
        return None if standing is None else standing[0]

    def wait_s(self, turn: QueuedTurn) -> float | None:
        """Estimate the seconds until `turn` starts; None once it has started or ended, and while nothing is known."""
        standing = self._find_standing(turn)
        return None if standing is None else self.load.wait_s(standing[1])

    def cancel(self, turn: QueuedTurn) -> bool:
        """End a waiting or running turn as `cancelled`."""
        if turn.future.done():
            return False
        if turn.running is not None:
            return turn.running.cancel()
        self._remove(turn)
        turn.future.set_result(Rejection(reason=RejectionReason.CANCELLED))
        self._tell_change()  # the conversation's next turn may run now
        return True

    async def work(self) -> None:
        """Run turns one after another for ever; several workers share the queue."""
        while True:
            turn = self._take_next()
            if turn is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                await self._run(turn)
            finally:
                self._busy.pop(turn.request.conversation, None)
                self._tell_change()

    async def close(self) -> None:
        """Refuse new turns, give running and waiting ones `drain_timeout_s`, and cancel the rest."""
        self._closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self._settings.drain_timeout_s)
        for turns in list(self._users.values()):
            for turn in list(turns):
                self.cancel(turn)

    def _tell_change(self) -> None:
        self._changed.set()
        self._tell_load()
        if self._waiting or self._busy:
            self._idle.clear()
        else:
            self._idle.set()

    def _tell_load(self) -> None:
        self.load.waiting_users = len(self._users)
        self.load.places = Counter(self._busy.values())

    def _find_standing(self, turn: QueuedTurn) -> tuple[int, float] | None:
        """Return how many turns start before a waiting `turn` and how many lengths of a turn it waits."""
        for number, (other, turn_lengths) in enumerate(self._start_order()):
            if other is turn:
                return number, turn_lengths
        return None

    def _start_order(self) -> Iterator[tuple[QueuedTurn, float]]:
        """Yield the waiting turns in the order in which they start when turns end in the order in which they began.

        With each comes how long it waits, in lengths of a turn: while n turns run, one of them ends every nth part of that.
        """
        ring = OrderedDict((user, deque(turns)) for user, turns in self._users.items())
        heads = {key: deque(turns) for key, turns in self._conversations.items()}
        busy = dict(self._busy)
        turn_lengths = 0.0
        while ring:
            while len(busy) >= self._settings.max_concurrent_turns or (turn := self._choose(ring, heads, busy)) is None:
                turn_lengths += 1 / len(busy)
                del busy[next(iter(busy))]
            user, conversation = turn.request.user, turn.request.conversation
            busy[conversation] = user
            heads[conversation].popleft()
            ring[user].remove(turn)
            ring.move_to_end(user)
            if not ring[user]:
                del ring[user]
            yield turn, turn_lengths

    def _take_next(self) -> QueuedTurn | None:
        turn = self._choose(self._users, self._conversations, self._busy)
        if turn is not None:
            user = turn.request.user
            self._remove(turn)
            if user in self._users:
                self._users.move_to_end(user)
            self._busy[turn.request.conversation] = user
            self._tell_load()
        return turn

    def _choose(
        self,
        ring: Mapping[UserKey, Iterable[QueuedTurn]],
        conversations: Mapping[ConversationKey, Sequence[QueuedTurn]],
        busy: Mapping[ConversationKey, UserKey],
    ) -> QueuedTurn | None:
        """Choose the turn that a free place goes to; None where everybody who waits holds their share or waits for a conversation."""
        places = Counter(busy.values())
        chosen, fewest = None, self._share(len(places.keys() | ring.keys()))
        for user, turns in ring.items():
            if places[user] >= fewest:
                continue
            for turn in turns:
                conversation = turn.request.conversation
                if conversation not in busy and conversations[conversation][0] is turn:
                    chosen, fewest = turn, places[user]
                    break
            if fewest == 0:
                break
        return chosen

    def _share(self, users: int) -> int:
        """Return how many places one of `users` who wait or hold places may hold: an equal share, half of them at most, one at least."""
        places = self._settings.max_concurrent_turns
        return max(1, min(places // 2, math.ceil(places / max(1, users))))

    def _remove(self, turn: QueuedTurn) -> None:
        request = turn.request
        self._users[request.user].remove(turn)
        if not self._users[request.user]:
            del self._users[request.user]
        self._conversations[request.conversation].remove(turn)
        if not self._conversations[request.conversation]:
            del self._conversations[request.conversation]
        self._waiting -= 1

    async def _run(self, turn: QueuedTurn) -> None:
        """Run one turn; whatever happens, its future gets an outcome."""
        started_at = time.perf_counter()
        queued_ms = (started_at - turn.submitted_at) * 1000
        turn.running = asyncio.ensure_future(self._run_turn(turn.request, turn.show, queued_ms))
        try:
            async with asyncio.timeout(self._settings.turn_timeout_s):
                turn.resolve(await turn.running)
            self.load.note_turn(time.perf_counter() - started_at)
        except asyncio.CancelledError:
            turn.fail(RejectionReason.CANCELLED)
        except TimeoutError:
            _log.warning("turn %s ran past its limit", turn.request.request_id, extra=turn.log_fields)
            turn.fail(RejectionReason.ERROR)
        except Exception as error:
            name = type(error).__name__
            _log.error("turn %s failed: %s: %s", turn.request.request_id, name, error, extra=turn.log_fields)
            _log.debug("turn %s", turn.request.request_id, exc_info=error, extra=turn.log_fields)
            turn.fail(RejectionReason.ERROR)
        worker = asyncio.current_task()
        if worker is not None and worker.cancelling():
            raise asyncio.CancelledError  # the worker itself is stopped, not only this turn


@asynccontextmanager
async def open_queue(run_turn: RunTurn, settings: EngineSettings, load: Load | None = None) -> AsyncIterator[TurnQueue]:
    """Run a queue with its workers until the context ends; then drain it. `load` is what the pipeline reads."""
    queue = TurnQueue(run_turn, settings, load or Load(settings.max_concurrent_turns))
    workers = [
        asyncio.create_task(queue.work(), name=f"turn worker {number}")
        for number in range(settings.max_concurrent_turns)
    ]
    try:
        yield queue
    finally:
        try:
            await queue.close()
        finally:  # also when a second signal ends the drain
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
