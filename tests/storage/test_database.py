"""Check transactions, queueing and durability on a real SQLite file."""

import asyncio
import gc
import multiprocessing
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from storage.conversations import ConversationStore
from storage.database import Database, open_database
from storage.errors import DatabaseBusy, StorageError
from storage.memories import MemoryStore
from storage.records import ConversationKey, Sanction, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from storage.tables import MemoryChangeRow

ROOM = ConversationKey(platform="console", id="room")


async def count_a_turn(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        await ConversationStore(session).save_summary(ROOM, None, now)


async def turns_counted(database: Database) -> int:
    async with database.read() as session:
        conversation = await ConversationStore(session).get(ROOM)
    return 0 if conversation is None else conversation.turns


async def test_every_connection_has_the_durable_settings(database: Database) -> None:
    expected = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "synchronous": 2}
    for transaction in (database.begin, database.read):
        async with transaction() as session:
            for pragma, value in expected.items():
                assert await session.scalar(text(f"PRAGMA {pragma}")) == value


async def test_committed_rows_are_there_after_reopening(
    settings: StorageSettings, user: UserKey, make_sanction: Callable[..., Sanction]
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        stored = await SanctionStore(session).add(make_sanction())
    async with open_database(settings) as database, database.read() as session:
        assert await SanctionStore(session).of_user(user) == [stored]


@pytest.mark.parametrize("moment", ["commit", "rollback"])
async def test_transaction_that_is_cancelled_at_its_end_ends_in_order(
    database: Database, now: datetime, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    async def write() -> None:
        async with database.begin() as session:
            await ConversationStore(session).save_summary(ROOM, None, now)
            if moment == "rollback":
                raise ZeroDivisionError

    def cancel(_: object) -> None:
        writing.cancel()

    event.listen(Engine, moment, cancel)
    writing = asyncio.create_task(write())
    with pytest.raises(asyncio.CancelledError):
        await writing
    event.remove(Engine, moment, cancel)
    assert caplog.messages == []  # the pool complains of connections that come back as they are
    assert await turns_counted(database) == (moment == "commit")
    await count_a_turn(database, now)  # the connection is whole, and the lock is free


@pytest.mark.parametrize("writes", [True, False])
async def test_transaction_that_outlives_its_database_fails_and_leaves_no_connection_open(
    settings: StorageSettings, now: datetime, writes: bool
) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def outlive(database: Database) -> None:
        async with database.begin() if writes else database.read() as session:
            if writes:
                await ConversationStore(session).save_summary(ROOM, None, now)
            begun.set()
            await closed.wait()
            await session.execute(text("SELECT 1"))

    async with open_database(settings) as database:
        late = asyncio.create_task(outlive(database))
        await begun.wait()
    closed.set()
    with pytest.raises(StorageError):
        await late
    del database, late
    gc.collect()  # a connection that is still open complains
    async with open_database(settings) as again:
        assert await turns_counted(again) == 0


async def test_error_in_the_body_rolls_everything_back(database: Database, now: datetime) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.begin() as session:
            await ConversationStore(session).save_summary(ROOM, None, now)
            raise ZeroDivisionError
    assert await turns_counted(database) == 0


async def test_cancelled_writer_rolls_back_and_frees_the_lock(database: Database, now: datetime) -> None:
    wrote = asyncio.Event()

    async def write_and_hang() -> None:
        async with database.begin() as session:
            await ConversationStore(session).save_summary(ROOM, None, now)
            wrote.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(write_and_hang())
    await wrote.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    await count_a_turn(database, now)
    assert await turns_counted(database) == 1


async def test_writer_cancelled_inside_a_statement_leaves_the_database_usable(
    database: Database, now: datetime
) -> None:
    for waits in range(12):
        writer = asyncio.create_task(count_a_turn(database, now))
        for _ in range(waits):
            await asyncio.sleep(0)
        writer.cancel()
        await asyncio.wait([writer])
    before = await turns_counted(database)
    await count_a_turn(database, now)
    assert await turns_counted(database) == before + 1


async def test_many_concurrent_writers_queue_and_none_is_lost(database: Database, now: datetime) -> None:
    await asyncio.gather(*(count_a_turn(database, now) for _ in range(40)))
    assert await turns_counted(database) == 40


async def test_two_open_databases_on_one_file_queue_for_it(
    settings: StorageSettings, database: Database, now: datetime
) -> None:
    async with open_database(settings) as other:
        await asyncio.gather(*(count_a_turn(each, now) for _ in range(20) for each in (database, other)))
    assert await turns_counted(database) == 40


async def test_reader_does_not_wait_for_a_writer_and_sees_one_state(database: Database, now: datetime) -> None:
    async with database.read() as reader:
        assert await ConversationStore(reader).get(ROOM) is None
        async with database.begin() as session:
            await ConversationStore(session).save_summary(ROOM, None, now)
            assert await turns_counted(database) == 0
        assert await turns_counted(database) == 1
        assert await ConversationStore(reader).get(ROOM) is None


async def test_writing_in_a_reading_transaction_is_refused(database: Database, user: UserKey, now: datetime) -> None:
    with pytest.raises(StorageError, match=r"write inside database\.begin"):
        async with database.read() as session:
            await MemoryStore(session).remember(user, "이름", "하나", now, None)


async def test_writer_inside_a_writer_is_refused_after_the_timeout(file: Path, settings: StorageSettings) -> None:
    hasty = StorageSettings(url=settings.url, queue_timeout_s=0.1)
    async with open_database(hasty) as database, database.begin():
        with pytest.raises(DatabaseBusy, match="own transactions"):
            async with database.begin():
                pass


async def test_writers_queue_for_longer_than_for_another_program(settings: StorageSettings, now: datetime) -> None:
    patient = StorageSettings(url=settings.url, busy_timeout_s=0.05, queue_timeout_s=30.0)
    async with open_database(patient) as database:
        async with database.begin():
            waiting = asyncio.create_task(count_a_turn(database, now))
            await asyncio.sleep(0.2)  # four times as long as another program is waited for
        await waiting
        assert await turns_counted(database) == 1


async def test_error_at_commit_is_translated_and_nothing_is_kept(database: Database, now: datetime) -> None:
    with pytest.raises(StorageError, match="refused an operation") as caught:
        async with database.begin() as session:
            await ConversationStore(session).save_summary(ROOM, "비밀", now)
            await session.execute(text("PRAGMA defer_foreign_keys = ON"))
            session.add(MemoryChangeRow(memory_id=404, action="created", changed_at=now))
            await session.flush()
    assert "비밀" not in str(caught.value) + str(caught.value.__cause__)
    assert await turns_counted(database) == 0


async def test_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(StorageError, match="without a time zone"):
        await count_a_turn(database, datetime(2026, 1, 1))


async def test_statement_errors_do_not_show_what_users_wrote(database: Database, user: UserKey, now: datetime) -> None:
    with pytest.raises(StorageError) as caught:
        async with database.begin() as session:
            await session.execute(text("INSERT INTO nowhere VALUES (:it)"), {"it": "비밀"})
    assert "비밀" not in str(caught.value) + str(caught.value.__cause__)


async def test_opening_again_changes_nothing(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)
    dump = _dump(file)
    async with open_database(settings):
        pass
    assert _dump(file) == dump
    assert sorted(path.name for path in file.parent.iterdir()) == ["keyring.sqlite3", file.name]


async def test_many_databases_open_at_once_in_one_process(tmp_path: Path) -> None:
    async def open_and_count(folder: Path, now: datetime) -> int:
        async with open_database(StorageSettings.for_data_dir(folder)) as database:
            await count_a_turn(database, now)
            return await turns_counted(database)

    now = datetime.fromisoformat("2026-03-14T00:00:00+00:00")
    folders = [tmp_path / str(number) for number in range(4)]
    assert await asyncio.gather(*(open_and_count(it, now) for it in folders)) == [1, 1, 1, 1]


def _open_and_count(folder: Path) -> None:
    async def run() -> None:
        now = datetime.fromisoformat("2026-03-14T00:00:00+00:00")
        patient = replace(StorageSettings.for_data_dir(folder), busy_timeout_s=60)  # on a machine that has other work
        async with open_database(patient) as database:
            for _ in range(5):
                await count_a_turn(database, now)

    asyncio.run(run())


async def test_processes_that_create_the_database_at_once_all_succeed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open_and_count, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    async with open_database(StorageSettings.for_data_dir(tmp_path)) as database:
        assert await turns_counted(database) == 20


def _dump(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
