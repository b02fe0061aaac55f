"""The contestants `engine` and `engine-shipped` of `bench turns`: queue, pipeline and database over the models, fed with recorded turns.

`engine` does the recorded work, all of it and no more. `engine-shipped` is what users get: the drafts of the profile, and one load that
the queue writes and the pipeline reads (engine/load.py), so that things are left out when many come.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from engine.care import load_care
from engine.load import Load
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy, to_record
from engine.queue import TurnQueue, open_queue
from engine.settings import EngineSettings
from engine.types import ChatOutcome, ChatReply, ChatRequest, EventSink
from models.benchmark.contest import Served
from models.benchmark.replay import (
    PLAYED,
    RECORDED,
    RecordingEmbedder,
    RecordingGenerator,
    ReplayingEmbedder,
    ReplayingGenerator,
    TurnPlay,
    TurnRecord,
)
from models.benchmark.workload import TurnWork, Workload
from models.errors import ModelError
from models.profile import Profile
from models.types import TextEmbedder, TextGenerator
from storage.database import open_database
from storage.policies import PolicyStore
from storage.records import ConversationKey, UserKey
from storage.settings import StorageSettings

if TYPE_CHECKING:
    from models.exemplars import ExemplarIndex
    from models.runtime import ModelRuntime

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = "default"
_OFTEN = 8  # conversations that are tried for one that is kept, before giving up


class EngineServer:
    """Serves recorded turns through a queue and a pipeline."""

    def __init__(self, queue: TurnQueue, plays: dict[str, tuple[TurnPlay, ChatRequest]]) -> None:
        """Made by `open_engine_server`; `plays` is read by the queue's turns, by request."""
        self._queue = queue
        self._plays = plays

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> Served:
        """Send the message and wait until its turn is over; for the queue it comes from `sender`.

        Raises:
            ModelError: it got no reply.
        """
        play, request = TurnPlay(user=user, work=work), _request(user, work.message)
        self._plays[request.request_id] = play, request
        queued = replace(request, user=UserKey(platform="console", id=sender or user))
        outcome = await self._queue.submit(queued).outcome()
        if not isinstance(outcome, ChatReply):
            raise ModelError(f"a turn of the benchmark got no reply: {outcome.reason}")
        return Served(first_token_at=play.first_token_at, reply_at=play.reply_at, generations=dict(play.generations))


@asynccontextmanager
async def open_engine_server(
    runtime: ModelRuntime, profile: Profile, turns_at_once: int, *, is_equal_work: bool = True
) -> AsyncIterator[EngineServer]:
    """Put an engine over `runtime` with a database of its own.

    For equal work nothing is left out, however many come; otherwise as much as in production.
    """
    plays: dict[str, tuple[TurnPlay, ChatRequest]] = {}
    limits = EngineSettings(
        max_concurrent_turns=turns_at_once, queue_capacity=100_000, queue_capacity_per_user=100_000, turn_timeout_s=3600
    )
    load = None if is_equal_work else Load(turns_at_once)
    generator = ReplayingGenerator(runtime.generator, is_equal_work=is_equal_work)
    async with _open_pipeline(
        profile, generator, ReplayingEmbedder(runtime.embedder), runtime.exemplars, load=load
    ) as pipeline:

        async def run(queued: ChatRequest, show: EventSink, queued_ms: float) -> ChatOutcome:
            play, request = plays.pop(queued.request_id)
            PLAYED.set(play)
            return await pipeline.run(request, show, queued_ms)

        async with open_queue(run, limits, load) as queue:
            yield EngineServer(queue, plays)


async def record_workload(
    runtime: ModelRuntime,
    profile: Profile,
    messages: Sequence[str],
    shape: tuple[int, int],
    seed: int,
    tell: Callable[[int], None],
) -> Workload:
    """Record `shape` (conversations, turns in each) of `messages`; conversations with a turn that failed are left out.

    Raises:
        ModelError: too few conversations go well.
    """
    wanted, turns = shape
    conversations: list[tuple[TurnWork, ...]] = []
    generator, embedder = RecordingGenerator(runtime.generator), RecordingEmbedder(runtime.embedder)
    async with _open_pipeline(profile, generator, embedder, runtime.exemplars, seed=seed) as pipeline:
        await _record(pipeline, profile, "first", messages[:1])  # encodes what is encoded once
        for number in range(wanted * _OFTEN):
            chosen = [messages[(number * turns + turn) % len(messages)] for turn in range(turns)]
            works = await _record(pipeline, profile, f"user {number}", chosen)
            if len(works) == turns:
                conversations.append(tuple(works))
                tell(len(conversations))
            if len(conversations) == wanted:
                return Workload(conversations=tuple(conversations))
    raise ModelError("the models answer too few messages for a benchmark; choose other weights or fewer turns")


async def _record(pipeline: ChatPipeline, profile: Profile, user: str, messages: Sequence[str]) -> list[TurnWork]:
    """Record a conversation up to the first turn that fails."""
    known: set[tuple[str, str]] = set()
    works: list[TurnWork] = []
    for message in messages:
        record = TurnRecord(message=message, known=known)
        token = RECORDED.set(record)
        try:
            outcome = await pipeline.run(_request(user, message))
        finally:
            RECORDED.reset(token)
        work = record.work(profile)
        if work is None or not isinstance(outcome, ChatReply) or outcome.details.summary is None:
            break
        works.append(work)
    return works


@asynccontextmanager
async def _open_pipeline(
    profile: Profile,
    generator: TextGenerator,
    embedder: TextEmbedder,
    exemplars: Mapping[str, ExemplarIndex],
    *,
    seed: int | None = None,
    load: Load | None = None,
) -> AsyncIterator[ChatPipeline]:
    with tempfile.TemporaryDirectory(prefix="ohlora-bench-") as folder:
        async with open_database(StorageSettings.for_data_dir(Path(folder))) as database:
            async with database.begin() as session:
                await PolicyStore(session).register(to_record(load_policy(POLICY)), MOMENT)
            yield ChatPipeline(
                profile=profile,
                policy=load_policy(POLICY),
                care=load_care(),
                generator=generator,
                embedder=embedder,
                exemplars=exemplars,
                database=database,
                clock=lambda: MOMENT,
                seed=seed,
                load=load,
            )


def _request(user: str, message: str) -> ChatRequest:
    return ChatRequest(
        request_id=uuid4().hex,
        user=UserKey(platform="console", id=user),
        conversation=ConversationKey(platform="console", id=user),
        text=message,
        received_at=MOMENT,
    )
