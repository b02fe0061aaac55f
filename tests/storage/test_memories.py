"""Check memories and their history against a real database."""

from datetime import datetime, timedelta
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database
from storage.memories import MemoryStore
from storage.records import MemoryAction, MemoryChange, UserKey

MINUTE = timedelta(minutes=1)
HOSTILE = "'); DELETE FROM memories; -- \" % :a ?1 🐱‍💻 한\u1112\u1161\u11ab"


async def test_remembered_value_comes_back_verbatim(database: Database, user: UserKey, now: datetime) -> None:
    async with database.begin() as session:
        memory = await MemoryStore(session).remember(user, HOSTILE, HOSTILE, now, HOSTILE)
    assert memory is not None
    assert (memory.key, memory.value) == (HOSTILE, HOSTILE)
    assert (memory.created_at, memory.updated_at) == (now, now)
    async with database.read() as session:
        assert await MemoryStore(session).of_user(user) == [memory]


async def test_same_memory_with_other_spaces_is_not_stored_twice(
    database: Database, user: UserKey, now: datetime
) -> None:
    async with database.begin() as session:
        store = MemoryStore(session)
        first = await store.remember(user, "오늘 일정", "친구랑 카페 방문", now, "r-1")
        again = await store.remember(user, "오늘일정 ", "친구랑카페\u3000방문", now + MINUTE, "r-2")
        assert again is None
        assert await store.of_user(user) == [first]
        assert len(await store.history(user)) == 1


async def test_same_key_replaces_the_value_and_keeps_the_history(
    database: Database, user: UserKey, now: datetime
) -> None:
    async with database.begin() as session:
        store = MemoryStore(session)
        first = await store.remember(user, "오늘 일정", "카페", now, "r-1")
        second = await store.remember(user, "오늘일정", "영화", now + MINUTE, "r-2")
    assert first is not None
    assert second is not None
    assert (second.id, second.text) == (first.id, "[오늘 일정: 영화]")
    assert (second.created_at, second.updated_at) == (now, now + MINUTE)
    async with database.read() as session:
        assert await MemoryStore(session).of_user(user) == [second]
        assert await MemoryStore(session).history(user) == [
            MemoryChange(
                memory_id=first.id,
                action=MemoryAction.CREATED,
                old_value=None,
                new_value="카페",
                changed_at=now,
                request_id="r-1",
            ),
            MemoryChange(
                memory_id=first.id,
                action=MemoryAction.REPLACED,
                old_value="카페",
                new_value="영화",
                changed_at=now + MINUTE,
                request_id="r-2",
            ),
        ]


async def test_forgotten_memory_is_gone_but_in_the_history(database: Database, user: UserKey, now: datetime) -> None:
    async with database.begin() as session:
        store = MemoryStore(session)
        memory = await store.remember(user, "상태", "졸림", now, None)
        assert memory is not None
        assert await store.forget(user, memory.id, now + MINUTE)
        assert not await store.forget(user, memory.id, now + MINUTE)
        assert await store.of_user(user) == []
        assert (await store.history(user))[-1] == MemoryChange(
            memory_id=memory.id,
            action=MemoryAction.FORGOTTEN,
            old_value="졸림",
            new_value=None,
            changed_at=now + MINUTE,
            request_id=None,
        )


async def test_forgotten_memory_can_be_remembered_again_under_a_new_id(
    database: Database, user: UserKey, now: datetime
) -> None:
    ids = set()
    async with database.begin() as session:
        store = MemoryStore(session)
        for _ in range(3):
            memory = await store.remember(user, "상태", "졸림", now, None)
            assert memory is not None
            ids.add(memory.id)
            assert await store.forget(user, memory.id, now)
    assert len(ids) == 3


async def test_only_the_owner_sees_replaces_and_forgets(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    async with database.begin() as session:
        store = MemoryStore(session)
        mine = await store.remember(user, "이름", "하나", now, None)
        theirs = await store.remember(stranger, "이름", "둘", now, None)
        assert mine is not None
        assert not await store.forget(stranger, mine.id, now)
        assert not await store.forget(user, 999, now)
        assert await store.of_user(user) == [mine]
        assert await store.of_user(stranger) == [theirs]
        assert [change.new_value for change in await store.history(user)] == ["하나"]


WORDS = st.text("가나 \t다", min_size=1, max_size=4)
STEPS = st.one_of(st.tuples(WORDS, WORDS), st.integers(0, 3))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
async def test_memories_behave_like_a_dictionary_that_ignores_spaces(
    database: Database, now: datetime, steps: list[tuple[str, str] | int]
) -> None:
    """A step is a memory to remember, or the place of one to forget."""
    user = UserKey(platform="console", id=str(uuid4()))
    model: dict[str, tuple[str, str]] = {}
    changes = 0
    async with database.begin() as session:
        store = MemoryStore(session)
        for step in steps:
            if isinstance(step, int):
                live = await store.of_user(user)
                if step < len(live):
                    assert await store.forget(user, live[step].id, now)
                    del model["".join(live[step].key.split())]
                    changes += 1
                continue
            key, value = step
            bare = "".join(key.split())
            known = model.get(bare)
            same = known is not None and "".join(known[1].split()) == "".join(value.split())
            memory = await store.remember(user, key, value, now, None)
            assert (memory is None) == same
            if not same:
                model[bare] = (known[0] if known else key, value)
                changes += 1
        live = await store.of_user(user)
        assert [(memory.key, memory.value) for memory in live] == list(model.values())
        assert [memory.id for memory in live] == sorted(memory.id for memory in live)
        assert len(await store.history(user)) == changes


async def test_pinned_memory_is_not_replaced_by_talk_but_edited_and_forgotten(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    async with database.begin() as session:
        store = MemoryStore(session)
        memory = await store.remember(user, "취미", "수영", now, None)
        assert memory is not None
        assert await store.pin(stranger, memory.id, True) is None
        pinned = await store.pin(user, memory.id, True)
        assert pinned is not None
        assert pinned.is_pinned
        assert await store.remember(user, "취미", "등산", now + MINUTE, "r-1") is None
        assert await store.edit(stranger, memory.id, "등산", now) is None
        edited = await store.edit(user, memory.id, "낚시", now + MINUTE)
        assert edited is not None
        assert (edited.value, edited.is_pinned, edited.updated_at) == ("낚시", True, now + MINUTE)
        assert await store.edit(user, memory.id, "낚시", now + 2 * MINUTE) == edited
        assert [change.new_value for change in await store.history(user)] == ["수영", "낚시"]
        assert await store.forget(user, memory.id, now)
        assert await store.pin(user, memory.id, False) is None
