"""Check reports against a real database."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.records import Scope, UserKey
from storage.reports import ReportStore

HERE, THERE = Scope(platform="discord", community="9"), Scope(platform="discord", community="10")
AUTHOR = UserKey(platform="discord", id="2002")


async def test_message_has_one_open_report(database: Database, user: UserKey, stranger: UserKey, now: datetime) -> None:
    async with database.begin() as session:
        store = ReportStore(session)
        report = await store.add(user, AUTHOR, "9", "욕설", "link", now)
        assert report is not None
        assert await store.add(AUTHOR, user, "9", "욕설", "link", now) is None
        assert await store.add(stranger, AUTHOR, "9", "욕설", "link", now) is not None  # another platform
        assert await store.waiting(HERE) == await store.waiting(Scope(platform="discord")) == [report]
        assert await store.waiting(THERE) == []
        assert await store.by_reporter(user) == [report]


async def test_report_is_closed_once_and_within_its_scope(database: Database, user: UserKey, now: datetime) -> None:
    async with database.begin() as session:
        store = ReportStore(session)
        report = await store.add(user, AUTHOR, "9", "욕설", "link", now)
        assert report is not None
        assert not await store.close(report.id, THERE, AUTHOR, now)
        assert await store.close(report.id, HERE, AUTHOR, now)
        assert not await store.close(report.id, HERE, AUTHOR, now)
        assert await store.waiting(HERE) == []
        assert await store.add(user, AUTHOR, "9", "욕설", "link", now) is not None


async def test_reports_are_counted_by_reporter_and_time(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    async with database.begin() as session:
        store = ReportStore(session)
        for number in range(3):
            await store.add(user, AUTHOR, "9", "욕설", str(number), now + timedelta(minutes=number))
        assert await store.count_since(user, now + timedelta(minutes=1)) == 2
        assert await store.count_since(stranger, now) == 0
