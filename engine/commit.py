"""What every kind of turn needs around its commit: steps at once, a commit that is finished, the turn's record."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.stopwatch import Stopwatch
from engine.types import ChatRequest, RejectionReason
from storage.records import Turn

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")


async def together(
    first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U], third: Coroutine[Any, Any, V]
) -> tuple[T, U, V]:
    """Run three steps at once; the first failure cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(first), group.create_task(second), group.create_task(third)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return tasks[0].result(), tasks[1].result(), tasks[2].result()


async def whole(commit: Coroutine[Any, Any, T]) -> T:
    """Run a commit to its end even when the turn is cancelled meanwhile: what is stored is also told."""
    task = asyncio.ensure_future(commit)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()


def turn_record(
    request: ChatRequest, profile: str, watch: Stopwatch, outcome: str, reason: RejectionReason | None
) -> Turn:
    """Return the record of a turn, without its text."""
    return Turn(
        request_id=request.request_id,
        user=request.user,
        conversation=request.conversation,
        outcome=outcome,
        reason=reason,
        received_at=request.received_at,
        profile=profile,
        timings_ms=watch.milliseconds,
        community=request.community,
    )
