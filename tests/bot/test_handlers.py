"""Check what people do, below any platform: talk, see and forget memories, see sanctions."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.handlers.chat import ChatHandler
from bot.handlers.memory import MemoryHandler
from bot.handlers.sanctions import SanctionHandler
from engine.types import ChatEvent, ChatReply, Rejection, RejectionReason, TextShown
from storage.memories import MemoryStore
from storage.records import ConversationKey, MemoryAction, UserKey
from tests.bot.conftest import SEOUL, Desk, FixedClock, MakeSanction, user_key
from tests.fakes import make_firewall

ROOM = ConversationKey(platform="console", id="room")


@pytest.fixture
def chat(desk: Desk) -> ChatHandler:
    return ChatHandler(desk.queue, desk.clock)


@pytest.fixture
def memory(desk: Desk) -> MemoryHandler:
    return MemoryHandler(desk.database, desk.clock, make_firewall())


async def test_message_is_answered_and_streamed(chat: ChatHandler) -> None:
    events: list[ChatEvent] = []
    turn = chat.submit(user_key("민지"), ROOM, "안녕!", locale="ko", zone=SEOUL, show=events.append)
    outcome = await turn.outcome()
    assert isinstance(outcome, ChatReply)
    assert "".join(event.text for event in events if isinstance(event, TextShown)) == outcome.text


async def test_request_carries_who_where_what_and_when(chat: ChatHandler, now: datetime) -> None:
    turn = chat.submit(user_key("민지"), ROOM, " 안녕! ", locale="en", zone=SEOUL)
    request = turn.request
    assert (request.user, request.conversation, request.text) == (user_key("민지"), ROOM, " 안녕! ")
    assert (request.received_at, request.locale, request.time_zone) == (now, "en", SEOUL)
    await turn.outcome()


async def test_every_message_gets_a_request_id_of_its_own(chat: ChatHandler) -> None:
    turns = [chat.submit(user_key("민지"), ROOM, "안녕!", locale="ko", zone=SEOUL) for _ in range(5)]
    assert len({turn.request.request_id for turn in turns}) == 5
    for turn in turns:
        assert isinstance(await turn.outcome(), ChatReply)


async def test_message_after_closing_is_refused(chat: ChatHandler, desk: Desk) -> None:
    await desk.queue.close()
    outcome = await chat.submit(user_key("민지"), ROOM, "안녕!", locale="ko", zone=SEOUL).outcome()
    assert isinstance(outcome, Rejection)
    assert outcome.reason is RejectionReason.QUEUE_FULL


async def test_memories_are_listed_oldest_first(memory: MemoryHandler, desk: Desk) -> None:
    assert await memory.list(user_key("민지")) == []
    await desk.remember("이름", "민지")
    await desk.remember("취미", "수영")
    assert [item.text for item in await memory.list(user_key("민지"))] == ["[이름: 민지]", "[취미: 수영]"]


async def test_forgetting_takes_the_number_of_the_list(memory: MemoryHandler, desk: Desk) -> None:
    for key, value in [("이름", "민지"), ("취미", "수영"), ("전공", "물리")]:
        await desk.remember(key, value)
    forgotten = await memory.forget(user_key("민지"), 2)
    assert forgotten is not None
    assert forgotten.text == "[취미: 수영]"
    assert await desk.memories() == ["[이름: 민지]", "[전공: 물리]"]
    forgotten = await memory.forget(user_key("민지"), 2)  # numbers close up
    assert forgotten is not None
    assert forgotten.text == "[전공: 물리]"


async def test_forgetting_is_kept_in_the_history(memory: MemoryHandler, desk: Desk, clock: FixedClock) -> None:
    await desk.remember("이름", "민지")
    clock.advance(timedelta(hours=1))
    await memory.forget(user_key("민지"), 1)
    async with desk.database.read() as session:
        change = (await MemoryStore(session).history(user_key("민지")))[-1]
    assert (change.action, change.old_value, change.changed_at) == (MemoryAction.FORGOTTEN, "민지", clock())


@pytest.mark.parametrize("number", [-1, 0, 2, 10**9])
async def test_number_outside_the_list_forgets_nothing(memory: MemoryHandler, desk: Desk, number: int) -> None:
    await desk.remember("이름", "민지")
    assert await memory.forget(user_key("민지"), number) is None
    assert await desk.memories() == ["[이름: 민지]"]


async def test_memories_of_others_are_neither_seen_nor_forgotten(memory: MemoryHandler, desk: Desk) -> None:
    await desk.remember("이름", "민지")
    for stranger in (user_key("철수"), UserKey(platform="discord", id="민지")):
        assert await memory.list(stranger) == []
        assert await memory.forget(stranger, 1) is None
    assert await desk.memories() == ["[이름: 민지]"]


async def test_sanctions_are_listed_newest_first_and_only_ones_own(
    desk: Desk, make_sanction: MakeSanction, now: datetime
) -> None:
    handler = SanctionHandler(desk.database)
    assert await handler.list(user_key("민지")) == []
    await desk.sanction(make_sanction(started_at=now - timedelta(days=2)))
    await desk.sanction(make_sanction(level=2, block=timedelta(days=3), started_at=now))
    await desk.sanction(make_sanction(user="철수"))
    assert [sanction.level for sanction in await handler.list(user_key("민지"))] == [2, 1]
