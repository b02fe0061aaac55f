"""Statements over the connection that brings their first rows with them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.sqlite_connection import FIRST_ROWS, connect

MANY = 3 * FIRST_ROWS + 7


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    file = tmp_path / "rows.sqlite3"
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}", async_creator=lambda: connect(file, 1.0))
    async with engine.begin() as opened:
        await opened.execute(text("CREATE TABLE numbers (number INTEGER PRIMARY KEY)"))
        yield opened
    await engine.dispose()


async def fill(connection: AsyncConnection, rows: int) -> None:
    await connection.execute(text("INSERT INTO numbers VALUES (:n)"), [{"n": number} for number in range(rows)])


@pytest.mark.parametrize("rows", [0, 1, FIRST_ROWS - 1, FIRST_ROWS, FIRST_ROWS + 1, MANY])
async def test_every_row_comes_back_once_and_in_order(connection: AsyncConnection, rows: int) -> None:
    if rows:
        await fill(connection, rows)
    query = text("SELECT number FROM numbers ORDER BY number")
    assert list(await connection.scalars(query)) == list(range(rows))
    async with connection.stream(query) as stream:
        assert [row.number async for row in stream] == list(range(rows))


async def test_stream_that_is_given_up_leaves_the_connection_in_order(connection: AsyncConnection) -> None:
    await fill(connection, MANY)
    async with connection.stream(text("SELECT number FROM numbers ORDER BY number")) as stream:
        assert (await stream.fetchmany(2))[1].number == 1
    await connection.execute(text("DROP TABLE numbers"))  # SQLite refuses it while a statement still reads


async def test_statement_tells_what_it_changed(connection: AsyncConnection) -> None:
    await fill(connection, 5)
    assert (await connection.execute(text("DELETE FROM numbers WHERE number < 3"))).rowcount == 3
    inserted = await connection.execute(text("INSERT INTO numbers DEFAULT VALUES RETURNING number"))
    assert inserted.scalar_one() == 5


async def test_statement_that_fails_is_an_error_and_the_next_one_works(connection: AsyncConnection) -> None:
    await fill(connection, 1)
    with pytest.raises(IntegrityError):
        await fill(connection, 1)
    with pytest.raises(OperationalError, match="no such table"):
        await connection.execute(text("SELECT * FROM nowhere"))
    assert (await connection.scalar(text("SELECT count(*) FROM numbers"))) == 1


async def test_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await connect(tmp_path / "nowhere" / "rows.sqlite3", 1.0)
