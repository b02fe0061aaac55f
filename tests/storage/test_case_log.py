"""Check the search over evidence: read ahead, kept for a while, and never showing what was erased."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.case_log import CaseLogStore, EvidenceSearch
from storage.database import Database
from storage.forgetting import forget_user
from storage.records import MANUAL, CaseCount, CaseFilter, Sanction, Scope, UserKey
from storage.sanctions import SanctionStore
from tests.storage.conftest import MakeSanction

SCOPE = Scope(platform="discord")
DAY = timedelta(days=1)


async def add(database: Database, sanctions: Sequence[Sanction]) -> None:
    async with database.begin() as session:
        for sanction in sanctions:
            await SanctionStore(session).add(sanction)


async def found(database: Database, search: EvidenceSearch, words: str, now: datetime) -> list[int | None]:
    async with database.read() as session:
        cases = await search.page(session, SCOPE, CaseFilter(text=words), now, limit=10)
    return [case.id for case in cases]


async def no_rest(_: float) -> None:
    """Rest for no time at all."""


async def test_words_are_found_before_and_after_texts_were_read_ahead(
    database: Database, make_sanction: MakeSanction, now: datetime
) -> None:
    await add(database, [make_sanction(text=text) for text in ("대통령 누구야", "날씨 어때", "대통령 싫어")])
    search = EvidenceSearch(sleep=no_rest)
    assert await found(database, search, "대통령", now) == [3, 1]
    search.forget()
    await search.open_ahead(database, SCOPE)
    assert search.size == 3
    assert await found(database, search, "대통령", now) == [3, 1]
    assert await found(database, search, "누구야 대통령", now) == [1]


async def test_only_what_is_in_scope_is_read_ahead(
    database: Database, make_sanction: MakeSanction, stranger: UserKey
) -> None:
    await add(database, [make_sanction(), make_sanction(of=stranger)])
    search = EvidenceSearch(sleep=no_rest)
    await search.open_ahead(database, SCOPE)
    assert search.size == 1


async def test_reading_ahead_rests_between_parts_and_reads_nothing_twice(
    database: Database, make_sanction: MakeSanction
) -> None:
    await add(database, [make_sanction() for _ in range(120)])
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    search = EvidenceSearch(sleep=rest)
    for _ in range(2):
        await search.open_ahead(database, SCOPE)
    assert search.size == 120
    assert len(rests) == 3
    assert all(seconds > 0 for seconds in rests)


async def test_what_is_forgotten_while_it_is_read_ahead_is_neither_kept_nor_found(
    database: Database, make_sanction: MakeSanction, user: UserKey, now: datetime
) -> None:
    other = UserKey(platform="discord", id="2002")
    await add(database, [make_sanction(text="비밀이야", of=other if number < 60 else user) for number in range(120)])

    async def forget(_: float) -> None:
        """What /forgetme does, while a part was read already."""
        search.forget()
        await forget_user(database, user, now)

    search = EvidenceSearch(sleep=forget)
    await search.open_ahead(database, SCOPE)
    assert all(number and number <= 60 for number in await found(database, search, "비밀이야", now))
    async with database.read() as session:
        rest = await search.page(session, SCOPE, CaseFilter(text="비밀이야"), now, limit=200)
    assert len(rest) == 60


async def test_texts_are_dropped_when_nobody_used_them_for_a_while(
    database: Database, make_sanction: MakeSanction
) -> None:
    await add(database, [make_sanction()])
    search = EvidenceSearch(idle_s=0.0, sleep=no_rest)
    await search.open_ahead(database, SCOPE)
    async with asyncio.timeout(60):
        while search.size:
            await asyncio.sleep(0)


@pytest.fixture
def manual(make_sanction: MakeSanction) -> Callable[[datetime], Sanction]:
    """What a moderator gave by hand."""

    def make(at: datetime) -> Sanction:
        case = make_sanction(category="도배", started_at=at)
        return replace(case, rung_before=0, evidence=replace(case.evidence, policy_version=MANUAL, scores={}))

    return make


async def test_sanctions_are_counted_by_stretch_of_time_and_category(
    database: Database, make_sanction: MakeSanction, manual: Callable[[datetime], Sanction], now: datetime
) -> None:
    moments = (now - DAY, now, now + DAY - timedelta(microseconds=1), now + DAY, now + 9 * DAY)
    await add(database, [make_sanction(started_at=moment) for moment in moments])
    async with database.begin() as session:
        await SanctionStore(session).add(manual(now), UserKey(platform="discord", id="5005"))
    async with database.read() as session:
        counts = await CaseLogStore(session).counts(SCOPE, [now, now + DAY])
    assert sorted(counts, key=lambda each: (each.category, each.place)) == [
        CaseCount(place=0, category=MANUAL, count=1),
        CaseCount(place=0, category="정치", count=2),
        CaseCount(place=1, category="정치", count=2),
    ]


async def test_words_of_a_moderators_reason_are_found(
    database: Database, make_sanction: MakeSanction, manual: Callable[[datetime], Sanction], now: datetime
) -> None:
    await add(database, [make_sanction()])
    async with database.begin() as session:
        await SanctionStore(session).add(manual(now), UserKey(platform="discord", id="5005"))
    assert await found(database, EvidenceSearch(), "도배", now) == [2]
    assert await found(database, EvidenceSearch(), "정치", now) == []  # a category is no word that somebody said


async def test_one_stretch_counts_everything_since_its_beginning(
    database: Database, make_sanction: MakeSanction, now: datetime
) -> None:
    await add(database, [make_sanction(started_at=now + DAY * number) for number in range(-1, 3)])
    async with database.read() as session:
        assert await CaseLogStore(session).counts(SCOPE, [now]) == [CaseCount(place=0, category="정치", count=3)]
        assert await CaseLogStore(session).counts(Scope(platform="telegram"), [now]) == []
