"""Connect to a SQLite file so that a statement is one call on the connection's thread.

aiosqlite gives SQLite a thread and awaits each call on it. Used as it comes, a statement is four such calls (make a cursor, execute,
fetch the rows, close), and each costs the event loop more than SQLite itself needs for a small statement. Here the four are one, unless
there are many rows (docs/performance.md has the measurement). SQLAlchemy takes such a connection through `async_creator`.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL

FIRST_ROWS = 256
"""Rows that come with their statement; further ones are fetched when they are asked for."""


class StatementConnection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors bring the first rows of a statement with it."""

    def stop(self) -> None:
        """End the thread, and have nobody told: the loop that would hear of it may be closed by then."""
        self._running = False
        self._tx.put_nowait((None, self._close_and_end))

    def _close_and_end(self) -> object:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        return _STOP_RUNNING_SENTINEL

    def cursor(self) -> "StatementCursor":  # type: ignore[override]  # aiosqlite's is awaited, this one needs no call
        """Return a cursor; nothing runs yet."""
        return StatementCursor(self)

    async def call(self, function: Any, *arguments: Any) -> Any:
        """Run a function on the connection's thread.

        Raises:
            sqlite3.Error: what it raises.
        """
        return await self._execute(function, *arguments)  # type: ignore[no-untyped-call]

    async def run(self, sql: str, parameters: Iterable[Any], *, many: bool) -> tuple[sqlite3.Cursor, list[Any]]:
        """Run a statement; return SQLite's cursor and the first rows. With fewer than `FIRST_ROWS`, they are all, and it is closed."""
        result: tuple[sqlite3.Cursor, list[Any]] = await self.call(_run, self._conn, sql, parameters, many)
        return result


class StatementCursor:
    """What SQLAlchemy's asyncio adapter uses of a cursor (PEP 249, with coroutines)."""

    arraysize = 1

    def __init__(self, connection: StatementConnection) -> None:
        """Made by `StatementConnection.cursor`."""
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self._has_more = False

    @property
    def description(self) -> Any:
        """The columns of the last statement; None where it has no rows."""
        return self._cursor.description if self._cursor else None

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed; -1 where that is unknown."""
        return self._cursor.rowcount if self._cursor else -1

    @property
    def lastrowid(self) -> int | None:
        """The row that the last statement inserted."""
        return self._cursor.lastrowid if self._cursor else None

    async def __aenter__(self) -> Self:
        """Return itself: there is nothing to open."""
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Run a statement."""
        return await self._run(sql, parameters, many=False)

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Run a statement for each of `parameters`."""
        return await self._run(sql, parameters, many=True)

    async def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows, at most `size`; none at the end."""
        if self._has_more and not self._rows:
            assert self._cursor is not None
            self._rows = await self._connection.call(self._cursor.fetchmany, size)
            self._has_more = bool(self._rows)
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    async def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        taken, self._rows = self._rows, []
        if self._has_more:
            assert self._cursor is not None
            self._has_more = False
            taken += await self._connection.call(self._cursor.fetchall)
        return taken

    async def close(self) -> None:
        """Give up the rows that are left."""
        if self._has_more:
            assert self._cursor is not None
            self._has_more = False
            await self._connection.call(self._cursor.close)

    async def _run(self, sql: str, parameters: Iterable[Any], *, many: bool) -> Self:
        self._cursor, self._rows = await self._connection.run(sql, parameters, many=many)
        self._has_more = len(self._rows) == FIRST_ROWS
        return self


async def connect(file: Path, timeout_s: float) -> StatementConnection:
    """Open a SQLite file, creating it where it is missing; statements wait `timeout_s` for its locks.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    # Any thread may close it: a connection that was lost is collected where it is found.
    connection = StatementConnection(
        lambda: sqlite3.connect(file, timeout=timeout_s, check_same_thread=False), iter_chunk_size=64
    )
    # As SQLAlchemy has it: a connection that was never closed does not keep the program alive.
    connection._thread.daemon = True
    await connection
    return connection


def _run(connection: sqlite3.Connection, sql: str, parameters: Any, many: bool) -> tuple[sqlite3.Cursor, list[Any]]:
    cursor = connection.cursor()
    rows: list[Any] = []
    try:
        (cursor.executemany if many else cursor.execute)(sql, parameters)
        if cursor.description:
            rows = cursor.fetchmany(FIRST_ROWS)
    finally:
        if len(rows) < FIRST_ROWS:
            cursor.close()
    return cursor, rows
