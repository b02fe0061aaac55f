"""Record the turns that ended outside the pipeline: a full queue refused them, or they failed.

What a person took back themselves leaves nothing. The record is made after the answer, so nobody waits for it, and where it cannot
be made the answer stands all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.commit import turn_record
from engine.queue import QueuedTurn
from engine.stopwatch import Stopwatch
from engine.types import ChatOutcome, ChatRequest, Rejection, RejectionReason
from storage.database import Database
from storage.errors import StorageError
from storage.turns import TurnStore

_log = logging.getLogger(__name__)
_OUTSIDE = frozenset({RejectionReason.QUEUE_FULL, RejectionReason.ERROR})
_MOST_WAITING = 256  # records; a flood that fills the queue must not fill the memory


class RefusalLog:
    """Watches turns; made by `open_refusal_log`."""

    def __init__(self, database: Database, profile: str) -> None:
        """Record into `database`; `profile` is the name of the model profile."""
        self._database = database
        self._profile = profile
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, turn: QueuedTurn) -> None:
        """Record the turn when it ends outside the pipeline."""
        turn.future.add_done_callback(lambda future: self._ended(turn.request, future))

    async def drain(self) -> None:
        """Wait for what is being recorded."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _ended(self, request: ChatRequest, future: asyncio.Future[ChatOutcome]) -> None:
        outcome = None if future.cancelled() else future.result()
        if not isinstance(outcome, Rejection) or outcome.reason not in _OUTSIDE or len(self._tasks) >= _MOST_WAITING:
            return
        task = asyncio.create_task(self._record(request, outcome.reason), name=f"record {request.request_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _record(self, request: ChatRequest, reason: RejectionReason) -> None:
        try:
            async with self._database.begin() as session:
                await TurnStore(session).add(turn_record(request, self._profile, Stopwatch(), "rejection", reason))
        except StorageError as error:
            _log.warning("turn %s has no record: %s", request.request_id, error)


@asynccontextmanager
async def open_refusal_log(database: Database, profile: str) -> AsyncIterator[RefusalLog]:
    """Give a log; at the end wait for what it still records."""
    log = RefusalLog(database, profile)
    try:
        yield log
    finally:
        await log.drain()
