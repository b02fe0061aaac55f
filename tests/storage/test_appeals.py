"""Check appeals against a real database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.appeals import AppealStore
from storage.database import Database
from storage.records import AppealState, Sanction, Scope, UserKey
from storage.sanctions import SanctionStore


async def test_sanction_has_one_open_appeal_at_a_time(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        sanction = await SanctionStore(session).add(make_sanction())
        store = AppealStore(session)
        first = await store.open(sanction, "억울해요", now)
        assert first is not None
        assert (first.user, first.state, first.text) == (user, AppealState.OPEN, "억울해요")
        assert await store.open(sanction, "정말로", now) is None
        later = now + timedelta(hours=1)
        decided = await store.decide(first.sanction_id, AppealState.DENIED, stranger, "욕설", later)
        assert decided == replace(first, state=AppealState.DENIED, decided_at=later, reason="욕설")
        assert await store.decide(first.sanction_id, AppealState.GRANTED, stranger, "다시", later) is None
        second = await store.open(sanction, "정말로", later)
        assert second is not None
        assert await store.of_user(user) == await store.of_sanction(first.sanction_id) == [decided, second]
        assert await store.of_user(stranger) == []


async def test_waiting_appeals_are_those_of_sanctions_in_the_scope(
    database: Database, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        for community, of in (("9", None), ("10", None), ("9", stranger)):
            sanction = replace(make_sanction(of=of) if of else make_sanction(), community=community)
            await AppealStore(session).open(await SanctionStore(session).add(sanction), "억울해요", now)
        store = AppealStore(session)
        assert [each.sanction_id for each in await store.waiting(Scope(platform="discord", community="9"))] == [1]
        assert [each.sanction_id for each in await store.waiting(Scope(platform="discord"))] == [1, 2]
        await store.decide(1, AppealState.GRANTED, stranger, "오해", now)
        assert [each.sanction_id for each in await store.waiting(Scope(platform="discord"))] == [2]


async def test_sanction_that_is_not_stored_cannot_be_appealed(
    database: Database, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        with pytest.raises(ValueError, match="not stored"):
            await AppealStore(session).open(make_sanction(), "억울해요", now)
