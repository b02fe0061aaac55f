"""Check that a copy is taken while the database is used, counts only when whole, and brings nobody back who was forgotten."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage.backup import back_up, restore
from storage.database import open_database
from storage.errors import DatabaseCorrupt, DatabaseUnavailable, KeyringMissing
from storage.forgetting import forget_user
from storage.memories import MemoryStore
from storage.records import UserKey
from storage.settings import StorageSettings


async def test_copy_taken_in_use_comes_back_without_who_was_forgotten_since(
    settings: StorageSettings, user: UserKey, stranger: UserKey, now: datetime, file: Path, tmp_path: Path
) -> None:
    async with open_database(settings) as database:
        for number in range(20):
            async with database.begin() as session:
                await MemoryStore(session).remember(stranger, f"열쇠 {number}", "값", now, None)

        async def write() -> None:
            async with database.begin() as session:
                await MemoryStore(session).remember(user, "이름", "하나", now, None)

        await write()
        copy, _ = await asyncio.gather(back_up(settings, tmp_path / "backups", now), write())
        assert copy.rows["memories"] == 21
        await forget_user(database, user, now)
        with pytest.raises(DatabaseUnavailable, match="not overwritten"):
            await restore(settings, copy.file, now)
    assert [path.name for path in copy.file.parent.iterdir()] == ["ohlora-20260314T063012Z.sqlite3"]
    file.unlink()
    restored = await restore(settings, copy.file, now)
    assert (restored.file, restored.rows["memories"]) == (file, 20)
    async with open_database(settings) as database, database.read() as session:
        assert await MemoryStore(session).of_user(user) == []
        assert len(await MemoryStore(session).of_user(stranger)) == 20


async def test_only_the_newest_copies_are_kept_and_none_is_written_over(
    settings: StorageSettings, now: datetime, tmp_path: Path
) -> None:
    async with open_database(settings):
        for hour in range(3):
            await back_up(settings, tmp_path / "backups", now + timedelta(hours=hour), kept=2)
        with pytest.raises(DatabaseUnavailable, match="not overwritten"):
            await back_up(settings, tmp_path / "backups", now + timedelta(hours=2))
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [
        "ohlora-20260314T073012Z.sqlite3",
        "ohlora-20260314T083012Z.sqlite3",
    ]


async def test_copy_that_is_damaged_or_of_another_keyring_is_refused_and_nothing_is_put(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path, tmp_path: Path
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)
    copy = await back_up(settings, tmp_path / "backups", now)
    other = replace(StorageSettings.for_data_dir(tmp_path / "other"))
    async with open_database(other):
        pass
    (tmp_path / "other" / file.name).unlink()
    with pytest.raises(KeyringMissing, match="does not know 1 of the 1 keys"):
        await restore(other, copy.file, now)
    assert not (tmp_path / "other" / file.name).exists()
    elsewhere = replace(settings, url=settings.url.replace(file.name, "new.sqlite3"))
    with closing(sqlite3.connect(copy.file)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM memories")
        connection.commit()
    with pytest.raises(DatabaseCorrupt, match="damaged"):
        await restore(elsewhere, copy.file, now)
    with pytest.raises(DatabaseUnavailable, match="there is no file"):
        await restore(elsewhere, tmp_path / "nothing", now)
    assert not (tmp_path / "new.sqlite3").exists()
