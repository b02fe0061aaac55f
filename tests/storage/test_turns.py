"""Check turns against a real database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.database import Database
from storage.errors import StorageError
from storage.records import Scope, Turn, UserKey
from storage.tables import TurnRow
from storage.turns import TurnStore


async def test_recent_turns_come_back_whole_newest_first(
    database: Database,
    user: UserKey,
    stranger: UserKey,
    make_turn: Callable[..., Turn],
    now: datetime,
) -> None:
    turns = [make_turn(f"r-{i}", now + timedelta(minutes=i)) for i in (2, 0, 3, 1)]
    turns[0] = replace(turns[0], outcome="rejection", reason="too_long; '\"--")
    async with database.begin() as session:
        for turn in turns:
            await TurnStore(session).add(turn)
        await TurnStore(session).add(make_turn("r-other", of=stranger))
    async with database.read() as session:
        assert await TurnStore(session).recent(user, 3) == [turns[2], turns[0], turns[3]]


async def test_request_id_is_stored_once(database: Database, make_turn: Callable[..., Turn]) -> None:
    async with database.begin() as session:
        await TurnStore(session).add(make_turn("r-1"))
    with pytest.raises(StorageError, match="refused an operation"):
        async with database.begin() as session:
            await TurnStore(session).add(make_turn("r-1"))


def test_turns_table_has_no_column_for_text() -> None:
    names = set(TurnRow.__table__.columns.keys())
    assert not names & {"text", "reply", "message", "summary"}


async def test_totals_count_outcomes_and_users_within_scope_and_time(
    database: Database, user: UserKey, make_turn: Callable[..., Turn], now: datetime
) -> None:
    other = replace(user, id="2002")
    turns = [
        replace(make_turn("r-1"), community="9"),
        replace(make_turn("r-2"), community="9", outcome="rejection", reason="error"),
        replace(make_turn("r-3", of=other), community="10"),
        replace(make_turn("r-4", of=other, received_at=now - timedelta(hours=1)), community="9"),
    ]
    async with database.begin() as session:
        for turn in turns:
            await TurnStore(session).add(turn)
    async with database.read() as session:
        store = TurnStore(session)
        here = await store.totals(Scope(platform="discord", community="9"), now)
        assert (here.by_outcome, here.by_reason, here.users) == ({"reply": 1, "rejection": 1}, {"error": 1}, 1)
        everywhere = await store.totals(Scope(platform="discord"), now - timedelta(hours=1))
        assert (everywhere.by_outcome, everywhere.users) == ({"reply": 3, "rejection": 1}, 2)
        nothing = await store.totals(Scope(platform="telegram"), now)
        assert (nothing.by_outcome, nothing.users) == ({}, 0)
