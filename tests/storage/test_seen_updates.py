"""Check noted updates against a real database."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.seen_updates import KEPT, SeenUpdateStore


async def test_update_is_noted_once_for_each_platform(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        assert await SeenUpdateStore(session).note("telegram", "7", now)
    async with database.begin() as session:
        store = SeenUpdateStore(session)
        assert not await store.note("telegram", "7", now)
        assert await store.note("discord", "7", now)


async def test_only_old_updates_are_dropped(database: Database, now: datetime) -> None:
    later = now + KEPT + timedelta(seconds=1)
    async with database.begin() as session:
        store = SeenUpdateStore(session)
        await store.note("telegram", "7", now)
        await store.note("telegram", "8", now + timedelta(seconds=1))
        await store.drop_old(later)
        assert await store.note("telegram", "7", later)
        assert not await store.note("telegram", "8", later)
