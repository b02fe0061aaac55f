"""Check the records of turns that the pipeline never saw or did not finish, against a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.queue import QueuedTurn, TurnQueue, open_queue
from engine.refusal_log import RefusalLog, open_refusal_log
from engine.settings import EngineSettings
from engine.types import ChatOutcome, ChatRequest, EventSink, Rejection, RejectionReason
from storage.database import Database
from storage.errors import StorageError
from storage.records import ConversationKey, Turn, UserKey
from storage.turns import TurnStore
from tests.engine.rig import NOW

WHO = UserKey(platform="discord", id="1001")


class Runner:
    """Answers each text as it says: fails, waits for ever, or refuses it as the pipeline does."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def run(self, request: ChatRequest, _: EventSink, __: float) -> ChatOutcome:
        self.reached.set()
        if request.text == "fail":
            raise StorageError("the disk is full")
        if request.text == "wait":
            await asyncio.Event().wait()
        return Rejection(reason=RejectionReason.TOO_LONG)


def ask(queue: TurnQueue, log: RefusalLog, text: str) -> QueuedTurn:
    request = ChatRequest(
        request_id=f"r-{text}",
        user=WHO,
        conversation=ConversationKey(platform="discord", id=text),
        text=text,
        received_at=NOW,
        community="9",
    )
    turn = queue.submit(request)
    log.watch(turn)
    return turn


@asynccontextmanager
async def opened(database: Database, runner: Runner, **limits: float) -> AsyncIterator[tuple[TurnQueue, RefusalLog]]:
    settings = EngineSettings(max_concurrent_turns=1, queue_capacity=1, drain_timeout_s=0.01, **limits)  # type: ignore[arg-type]
    async with open_refusal_log(database, "embedded") as log, open_queue(runner.run, settings) as queue:
        yield queue, log


async def turns(database: Database) -> list[Turn]:
    async with database.read() as session:
        return await TurnStore(session).recent(WHO, 10)


async def test_turn_that_failed_is_recorded_without_text(database: Database) -> None:
    async with opened(database, Runner()) as (queue, log):
        await ask(queue, log, "fail").outcome()
        await log.drain()
        (turn,) = await turns(database)
    assert (turn.request_id, turn.outcome, turn.reason) == ("r-fail", "rejection", "error")
    assert (turn.conversation.id, turn.community, turn.profile) == ("fail", "9", "embedded")
    assert turn.received_at == NOW


async def test_turn_that_ran_past_its_limit_is_recorded(database: Database) -> None:
    async with opened(database, Runner(), turn_timeout_s=0.01) as (queue, log):
        await ask(queue, log, "wait").outcome()
    assert [turn.reason for turn in await turns(database)] == ["error"]


async def test_message_for_which_there_was_no_room_is_recorded(database: Database) -> None:
    runner = Runner()
    async with opened(database, runner) as (queue, log):
        ask(queue, log, "wait")
        await runner.reached.wait()
        ask(queue, log, "next")
        assert (await ask(queue, log, "late").outcome()) == Rejection(reason=RejectionReason.QUEUE_FULL)
    assert [(turn.request_id, turn.reason) for turn in await turns(database)] == [("r-late", "queue_full")]


async def test_what_was_given_up_and_what_the_pipeline_records_leaves_nothing_more(database: Database) -> None:
    runner = Runner()
    async with opened(database, runner) as (queue, log):
        await ask(queue, log, "refused by the pipeline").outcome()
        turn = ask(queue, log, "wait")
        runner.reached.clear()
        await runner.reached.wait()
        assert turn.cancel()
        await turn.outcome()
    assert await turns(database) == []


async def test_record_that_cannot_be_made_only_leaves_a_line(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(database, Runner()) as (queue, log):
        await ask(queue, log, "fail").outcome()
        await ask(queue, log, "fail").outcome()  # the same id again: the database refuses it
    assert len(await turns(database)) == 1
    assert "turn r-fail has no record" in caplog.text
