"""Check that the program keeps house by itself: old records go, backups come when they are due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.lifetimes import storage_settings
from bot.cli.upkeep import Upkeep
from bot.settings import Settings
from storage.conversations import ConversationStore
from storage.database import Database, open_database
from storage.errors import StorageError
from storage.records import ConversationKey

ROOM = ConversationKey(platform="discord", id="room")
START = datetime(2026, 3, 14, 6, 30, tzinfo=UTC)


class Days:
    """A clock that each wait moves on by as many hours as were asked for; it stops a run after its last day."""

    def __init__(self, looks: int) -> None:
        self.now = START
        self._looks = looks

    async def sleep(self, seconds: float) -> None:
        """Let the time go by."""
        self.now += timedelta(seconds=seconds)
        self._looks -= 1
        if not self._looks:
            raise asyncio.CancelledError


async def kept(database: Database) -> str | None:
    async with database.read() as session:
        conversation = await ConversationStore(session).get(ROOM)
    return conversation.last_summary if conversation else None


async def test_old_records_go_and_backups_come_when_they_are_due(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "data",
        backup_dir=tmp_path / "backups",
        backup_every_h=6,
        backups_kept=3,
        keep_summaries_days=1,
    )
    days = Days(looks=31)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "ohlora-mine.sqlite3").touch()  # not one of ours
    async with open_database(storage_settings(settings)) as database:
        async with database.begin() as session:
            await ConversationStore(session).save_summary(ROOM, "요약", START)
        await Upkeep(settings, database, lambda: days.now).look()
        assert await kept(database) == "요약"
        with pytest.raises(asyncio.CancelledError):
            await Upkeep(settings, database, lambda: days.now, sleep=days.sleep).run()
        assert await kept(database) is None
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [
        "ohlora-20260315T003000Z.sqlite3",
        "ohlora-20260315T063000Z.sqlite3",
        "ohlora-20260315T123000Z.sqlite3",
        "ohlora-mine.sqlite3",
    ]


async def test_failed_look_is_told_and_the_next_one_tries_again(tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file in the way")
    settings = Settings(data_dir=tmp_path / "data", backup_dir=tmp_path / "backups")
    async with open_database(storage_settings(settings)) as database:
        keeper = Upkeep(settings, database, lambda: START)
        with pytest.raises(StorageError):
            await keeper.look()
        (tmp_path / "backups").unlink()
        await keeper.look()
    assert len(list((tmp_path / "backups").iterdir())) == 1
