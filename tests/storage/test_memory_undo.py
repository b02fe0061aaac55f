"""Check that changes of memories are taken back: the last one of each, by its owner, with where the value came from."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.database import Database
from storage.memories import MemoryStore
from storage.records import Memory, MemoryAction, MemoryChange, UserKey

MINUTE = timedelta(minutes=1)
LINK = "https://discord.com/channels/1/2/3"


async def remember(
    database: Database, user: UserKey, value: str, now: datetime, request_id: str, key: str = "취미"
) -> int:
    """Store a memory as a turn does; return its id."""
    async with database.begin() as session:
        memory = await MemoryStore(session).remember(user, key, value, now, request_id, f"{LINK}/{request_id}")
    assert memory is not None
    return memory.id


async def forget(database: Database, user: UserKey, memory: int, now: datetime) -> None:
    async with database.begin() as session:
        assert await MemoryStore(session).forget(user, memory, now)


async def last(database: Database, user: UserKey) -> MemoryChange:
    async with database.read() as session:
        return (await MemoryStore(session).history(user))[-1]


async def undo(database: Database, user: UserKey, change: MemoryChange, now: datetime) -> MemoryChange | None:
    async with database.begin() as session:
        return await MemoryStore(session).undo(user, change, now)


async def live(database: Database, user: UserKey) -> list[Memory]:
    async with database.read() as session:
        return await MemoryStore(session).of_user(user)


async def test_new_memory_is_forgotten(database: Database, user: UserKey, now: datetime) -> None:
    memory = await remember(database, user, "수영", now, "r-1")
    done = await undo(database, user, await last(database, user), now + MINUTE)
    assert done == MemoryChange(
        memory_id=memory,
        action=MemoryAction.FORGOTTEN,
        old_value="수영",
        new_value=None,
        changed_at=now + MINUTE,
        request_id=None,
    )
    assert await live(database, user) == []
    assert await last(database, user) == done


async def test_replaced_value_stands_again_with_the_message_it_came_from(
    database: Database, user: UserKey, now: datetime
) -> None:
    memory = await remember(database, user, "수영", now, "r-1")
    await remember(database, user, "등산", now + MINUTE, "r-2")
    done = await undo(database, user, await last(database, user), now + 2 * MINUTE)
    assert done == MemoryChange(
        memory_id=memory,
        action=MemoryAction.RESTORED,
        old_value="등산",
        new_value="수영",
        changed_at=now + 2 * MINUTE,
        request_id="r-1",
        link=f"{LINK}/r-1",
    )
    (found,) = await live(database, user)
    assert (found.id, found.value, found.updated_at) == (memory, "수영", now + 2 * MINUTE)


async def test_forgotten_memory_is_remembered_again_under_its_id(
    database: Database, user: UserKey, now: datetime
) -> None:
    memory = await remember(database, user, "수영", now, "r-1")
    await forget(database, user, memory, now + MINUTE)
    done = await undo(database, user, await last(database, user), now + 2 * MINUTE)
    assert done is not None
    assert (done.action, done.old_value, done.request_id) == (MemoryAction.RESTORED, None, "r-1")
    assert [(each.id, each.key, each.value) for each in await live(database, user)] == [(memory, "취미", "수영")]


async def test_undoing_is_itself_undone(database: Database, user: UserKey, now: datetime) -> None:
    await remember(database, user, "수영", now, "r-1")
    await remember(database, user, "등산", now + MINUTE, "r-2")
    shown = []
    for minute in range(2, 6):
        assert await undo(database, user, await last(database, user), now + minute * MINUTE) is not None
        (memory,) = await live(database, user)
        shown.append((memory.value, (await last(database, user)).request_id))
    assert shown == [("수영", "r-1"), ("등산", "r-2"), ("수영", "r-1"), ("등산", "r-2")]


async def test_undone_forgetting_of_a_new_memory_can_be_forgotten_again(
    database: Database, user: UserKey, now: datetime
) -> None:
    await remember(database, user, "수영", now, "r-1")
    kept = []
    for minute in range(1, 5):
        assert await undo(database, user, await last(database, user), now + minute * MINUTE) is not None
        kept.append(len(await live(database, user)))
    assert kept == [0, 1, 0, 1]


async def test_only_the_last_change_is_undone(database: Database, user: UserKey, now: datetime) -> None:
    await remember(database, user, "수영", now, "r-1")
    first = await last(database, user)
    await remember(database, user, "등산", now + MINUTE, "r-2")
    before = await live(database, user)
    assert await undo(database, user, first, now + 2 * MINUTE) is None
    newest = await last(database, user)
    assert await undo(database, user, replace(newest, old_value="독서"), now + 2 * MINUTE) is None
    assert await live(database, user) == before
    assert await last(database, user) == newest


async def test_change_is_undone_once(database: Database, user: UserKey, now: datetime) -> None:
    await remember(database, user, "수영", now, "r-1")
    change = await last(database, user)
    assert await undo(database, user, change, now + MINUTE) is not None
    assert await undo(database, user, change, now + 2 * MINUTE) is None


async def test_nobody_undoes_what_is_anothers(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    await remember(database, user, "수영", now, "r-1")
    change = await last(database, user)
    for other in (stranger, UserKey(platform=user.platform, id="2002")):
        assert await undo(database, other, change, now + MINUTE) is None
    assert [memory.value for memory in await live(database, user)] == ["수영"]


async def test_forgotten_memory_stays_forgotten_where_its_key_has_another_memory_by_now(
    database: Database, user: UserKey, now: datetime
) -> None:
    memory = await remember(database, user, "수영", now, "r-1")
    await forget(database, user, memory, now + MINUTE)
    change = await last(database, user)
    newer = await remember(database, user, "등산", now + 2 * MINUTE, "r-2", key="취 미")
    assert await undo(database, user, change, now + 3 * MINUTE) is None
    assert [(each.id, each.value) for each in await live(database, user)] == [(newer, "등산")]


async def test_restored_value_of_a_pinned_memory_leaves_it_pinned(
    database: Database, user: UserKey, now: datetime
) -> None:
    memory = await remember(database, user, "수영", now, "r-1")
    async with database.begin() as session:
        await MemoryStore(session).pin(user, memory, True)
        await MemoryStore(session).edit(user, memory, "낚시", now + MINUTE)
    assert await undo(database, user, await last(database, user), now + 2 * MINUTE) is not None
    (found,) = await live(database, user)
    assert (found.value, found.is_pinned) == ("수영", True)


@pytest.mark.parametrize(("request_id", "value"), [("r-1", "수영"), ("r-2", "등산"), ("r-3", None)])
async def test_what_a_turn_left_is_found_by_its_request_also_after_it_was_undone(
    database: Database, user: UserKey, stranger: UserKey, now: datetime, request_id: str, value: str | None
) -> None:
    await remember(database, user, "수영", now, "r-1")
    await remember(database, user, "등산", now + MINUTE, "r-2")
    await undo(database, user, await last(database, user), now + 2 * MINUTE)
    async with database.read() as session:
        found = await MemoryStore(session).change_of_turn(user, request_id)
        assert await MemoryStore(session).change_of_turn(stranger, request_id) is None
    assert (found.new_value if found else None) == value
