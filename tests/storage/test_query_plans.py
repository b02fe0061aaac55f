"""Check that what moderators look at is found by an index, however long the log is: by the plan, not by the clock."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncSession

from storage.appeals import AppealStore
from storage.audit import AuditStore
from storage.case_log import CaseLogStore
from storage.database import Database
from storage.notes import NoteStore
from storage.observations import ObservationStore
from storage.records import CaseFilter, SanctionKind, SanctionState, Scope, UserKey
from storage.sanctions import SanctionStore

NOW = datetime.fromisoformat("2026-03-14T06:30:00+00:00")
PLATFORM, COMMUNITY = Scope(platform="discord"), Scope(platform="discord", community="9")
USER = UserKey(platform="discord", id="1001")
Look = Callable[[AsyncSession], Awaitable[object]]


def page(scope: Scope, wanted: CaseFilter) -> Look:
    return lambda session: CaseLogStore(session).page(scope, wanted, NOW, limit=50, before=9000)


PAGES: dict[str, Look] = {
    "whole platform": page(PLATFORM, CaseFilter()),
    "community": page(COMMUNITY, CaseFilter()),
    "user": page(PLATFORM, CaseFilter(user="1001")),
    "category": page(PLATFORM, CaseFilter(category="정치")),
    "category in a community": page(COMMUNITY, CaseFilter(category="정치")),
    "kind": page(PLATFORM, CaseFilter(kind=SanctionKind.BLOCK)),
    "active": page(PLATFORM, CaseFilter(state=SanctionState.ACTIVE)),
    "expired": page(PLATFORM, CaseFilter(state=SanctionState.EXPIRED)),
    "overturned": page(PLATFORM, CaseFilter(state=SanctionState.OVERTURNED)),
    "time": page(PLATFORM, CaseFilter(since=NOW - timedelta(days=7), until=NOW)),
}
OTHER_QUERIES: dict[str, Look] = {
    "charts": lambda session: CaseLogStore(session).counts(PLATFORM, [NOW, NOW + timedelta(days=1)]),
    "one sanction": lambda session: SanctionStore(session).get(17, COMMUNITY),
    "gate": lambda session: SanctionStore(session).active_block(USER, NOW, "9"),
    "ladder": lambda session: SanctionStore(session).rungs(USER),
    "history of a user": lambda session: SanctionStore(session).of_user_within(USER, COMMUNITY),
    "charts of a community": lambda session: CaseLogStore(session).counts(COMMUNITY, [NOW, NOW + timedelta(days=1)]),
    "blocks in force": lambda session: SanctionStore(session).in_force(NOW, COMMUNITY),
    "count of blocks in force": lambda session: SanctionStore(session).count_in_force(NOW, COMMUNITY),
    "changes of a sanction": lambda session: SanctionStore(session).changes([17]),
    "appeals of a sanction": lambda session: AppealStore(session).of_sanction(17),
    "appeals of a user": lambda session: AppealStore(session).of_user(USER),
    "notes on a user": lambda session: NoteStore(session).of_user(USER, COMMUNITY),
    "observations of a user": lambda session: ObservationStore(session).of_user(USER),
    "audit of a sanction": lambda session: AuditStore(session).of_subject("sanction:17"),
    "newest of the audit": lambda session: AuditStore(session).newest(50, before=9000),
}


async def plans_of(database: Database, look: Look) -> list[list[str]]:
    """Return the steps by which SQLite finds what each query of `look` asks for."""
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    async with database.read() as session:
        connection = (await session.connection()).sync_connection
        event.listen(connection, "before_cursor_execute", note)
        await look(session)
        event.remove(connection, "before_cursor_execute", note)
        plans: list[list[str]] = []
        for statement, parameters in asked:
            found = await (await session.connection()).exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append([step["detail"] for step in found.mappings()])
    assert plans
    return plans


@pytest.mark.parametrize("look", PAGES.values(), ids=PAGES.keys())
async def test_page_of_the_log_is_read_along_an_index_in_its_order(database: Database, look: Look) -> None:
    numbers = (await plans_of(database, look))[0]  # the second query reads the rows of the page by these
    assert not [step for step in numbers if step.startswith(("SCAN", "USE TEMP B-TREE"))]
    assert " USING " in numbers[0]


@pytest.mark.parametrize("look", OTHER_QUERIES.values(), ids=OTHER_QUERIES.keys())
async def test_other_query_of_moderators_and_gate_searches_by_an_index(database: Database, look: Look) -> None:
    steps = [step for plan in await plans_of(database, look) for step in plan]
    assert not [step for step in steps if step.startswith("SCAN") and " USING " not in step]
