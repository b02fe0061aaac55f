"""Translate the errors of SQLAlchemy and the drivers into this package's own: the one place."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from storage.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseUnavailable,
    StorageError,
)


@contextmanager
def translated(place: str, *, writes: bool = True) -> Iterator[None]:
    """Turn the errors raised inside, at commit too, into this package's own.

    `place` names the database for a person; `writes` is False inside a reader.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseBusy(
            f"{place} was still busy with the program's own transactions; nothing of this step was kept. "
            "Use a faster disk, or lower max_concurrent_turns."
        ) from error
    except DBAPIError as error:
        raise _translate(error.orig or error, place, writes) from error
    except sqlite3.Error as error:
        raise _translate(error, place, writes) from error
    except StatementError as error:  # a value that a column type refused, before any SQL ran
        raise StorageError(f"{place} cannot hold a value: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"{place} was used wrongly: {type(error).__name__}") from error


@contextmanager
def reached(place: str) -> Iterator[None]:
    """Turn the system's errors while reaching the database (a folder, a socket) into ours."""
    try:
        yield
    except OSError as error:
        raise unavailable(place, error) from error


def _translate(error: BaseException, place: str, writes: bool) -> StorageError:
    kind = _kind(error)
    if kind == "readonly" and not writes:
        return StorageError("a write inside database.read(); write inside database.begin().")
    if kind == "busy":
        return _busy(place)
    if kind == "corrupt":
        return corrupt(place)
    if kind == "full":
        return DatabaseFull(
            f"there is no room left to write to {place}; nothing of this step was kept. "
            "Free some disk space, or name a database on another disk."
        )
    if kind in ("readonly", "unavailable"):
        return unavailable(place, error)
    return StorageError(f"{place} refused an operation ({type(error).__name__}); this is a bug.")


_SQLITE_KINDS = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_CANTOPEN: "unavailable",
    sqlite3.SQLITE_PERM: "unavailable",
    sqlite3.SQLITE_IOERR: "unavailable",
}

# By the start of the SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_KINDS = {
    "40": "busy",
    "55P03": "busy",
    "XX001": "corrupt",
    "XX002": "corrupt",
    "53100": "full",
    "25006": "readonly",
    "08": "unavailable",
    "28": "unavailable",
    "3D": "unavailable",
    "53": "unavailable",
    "57P": "unavailable",
}


def _kind(error: BaseException) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_KINDS.get(code & 0xFF)  # the low byte; the others detail it
    state = getattr(error, "sqlstate", None) or ""
    found = (kind for start, kind in _POSTGRESQL_KINDS.items() if state.startswith(start))
    return next(found, None)


def _busy(place: str) -> DatabaseBusy:
    return DatabaseBusy(
        f"{place} was kept locked by another writer for too long; nothing of this step was kept. "
        "Stop the other program that uses it, or raise busy_timeout_s."
    )


def corrupt(place: str) -> DatabaseCorrupt:
    """Say that the database is damaged."""
    return DatabaseCorrupt(
        f"{place} is damaged or is not a database; nothing was changed. "
        "Restore it from a backup, or move it away to start afresh."
    )


def unavailable(place: str, error: BaseException) -> DatabaseUnavailable:
    """Say that the database cannot be opened, reached or written to, and why."""
    return DatabaseUnavailable(
        f"{place} cannot be opened or written to ({error}); check that it exists, that this user "
        "may write to it and to its folder, and that it is not read-only."
    )
