"""Copy the database while it is used, and bring a copy back; a copy counts only once it has been opened and looked through.

The keyring is not in the copy: see docs/decisions/0022-texts-are-sealed.md.
"""

import asyncio
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from storage.audit import AuditStore
from storage.audit_anchor import AuditAnchor
from storage.audit_check import check_audit
from storage.database import APPLICATION_ID, open_database, open_keyring
from storage.errors import DatabaseCorrupt, DatabaseUnavailable, InvalidDatabaseUrl, KeyringMissing
from storage.settings import StorageSettings
from storage.translation import reached, translated
from storage.url import SQLITE, checked_url, place_of

_PREFIX, _SUFFIX, _STAMP = "ohlora-", ".sqlite3", "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a copy holds: the file, its revision, and how many rows each table has."""

    file: Path
    revision: str | None
    rows: Mapping[str, int]


async def back_up(settings: StorageSettings, folder: Path, now: datetime, kept: int | None = None) -> Copy:
    """Copy the database into a new file in `folder`, look through the copy, and keep the newest `kept` of them.

    Raises:
        InvalidDatabaseUrl: the database is no SQLite file.
        DatabaseUnavailable: there is none yet, or the folder cannot be written, or the copy is there already.
        DatabaseCorrupt: the copy does not hold what the database holds.
    """
    source = _file_of(settings)
    target = folder / f"{_PREFIX}{now.astimezone(UTC):{_STAMP}}{_SUFFIX}"
    with reached(f"the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    _refuse_existing(target)
    draft = target.with_suffix(".partial")
    try:
        counted = await asyncio.to_thread(_copy, source, draft)
        copy = await look_through(draft)
        if copy.rows != counted:
            raise DatabaseCorrupt(
                f"the copy of {source} has other rows than the database; nothing was kept. Try again."
            )
        _put(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    taken = copies_in(folder)
    for moment in sorted(taken)[: -kept if kept else 0]:
        taken[moment].unlink()
    return replace(copy, file=target)


def copies_in(folder: Path) -> dict[datetime, Path]:
    """Return the copies in a folder by the moment (UTC) in their name; files of other names are left alone."""
    found = {}
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(ValueError):
            stamp = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
            found[datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)] = path
    return found


async def restore(settings: StorageSettings, file: Path, now: datetime) -> Copy:
    """Put a copy in the place of the database, which must not be there; whom the keyring knows as forgotten is erased again.

    The copy is migrated and opened before it takes its place. The head of the audit that stood beside the old database is kept
    under another name, since the restored audit ends earlier.

    Raises:
        DatabaseUnavailable: there is a database in that place, or no such copy.
        KeyringMissing: the keyring is not the one of that copy.
        StorageError: the copy cannot be used; nothing was changed.
    """
    target = _file_of(settings)
    _refuse_existing(target)
    before = await look_through(file)
    draft = target.with_name(f".{target.name}.restoring")
    await asyncio.to_thread(_refuse_other_keyring, settings, file)
    with reached(f"the folder {target.parent}"):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        await asyncio.to_thread(_copy, file, draft)
        own = open_keyring(settings)
        url = URL.create(SQLITE, database=str(draft)).render_as_string()
        chosen = replace(settings, url=url, keyring=own.file, master_key_file=own.source.file)
        async with open_database(chosen):
            pass
        copy = await look_through(draft)
        anchor = AuditAnchor(target).path
        if anchor.exists():
            anchor.replace(anchor.with_name(f"{anchor.name}.{now:%Y%m%dT%H%M%SZ}"))
        _put(draft, target)
    finally:
        for left in target.parent.glob(f"{draft.name}*"):
            left.unlink()
    return replace(copy, file=target, rows=copy.rows or before.rows)


async def look_through(file: Path) -> Copy:
    """Open a copy and look at every page, reference and row of the audit.

    Raises:
        DatabaseUnavailable: there is no such file.
        DatabaseCorrupt: something in it is not as it was written.
    """
    if not file.is_file():
        raise DatabaseUnavailable(f"there is no file {file}; name a copy that `main.py backup` made.")
    with translated(f"the copy {file}"):
        copy = await asyncio.to_thread(_inspect, file)
        if "audit" in copy.rows:
            await _check_audit(file)
    return copy


async def _check_audit(file: Path) -> None:
    engine = create_async_engine(URL.create(SQLITE, database=str(file)), poolclass=NullPool, hide_parameters=True)
    try:
        async with AsyncSession(engine) as session:
            store = AuditStore(session)
            _, finding = await check_audit(store, await store.head())
    finally:
        await engine.dispose()
    if finding is not None:
        raise DatabaseCorrupt(
            f"the copy {file}: row {finding.number} of its audit is {finding.fault}; use another copy."
        )


def _inspect(file: Path) -> Copy:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise DatabaseCorrupt(f"{file} is no database of this program; nothing was changed.")
        findings = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        if findings != ["ok"] or connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise DatabaseCorrupt(f"the copy {file} is damaged; nothing was changed. Use another copy.")
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return Copy(file=file, revision=revision and revision[0], rows=_count_rows(connection))


def _copy(source: Path, target: Path) -> dict[str, int]:
    """Copy one state of a database by SQLite's online backup into a new file; return how many rows that state has."""
    if not source.is_file():
        raise DatabaseUnavailable(f"there is no database file {source} yet; `main.py db upgrade` makes one.")
    with translated(f"the database file {source}"), reached(f"the file {target}"):
        target.touch(mode=0o600, exist_ok=False)
        with (
            closing(sqlite3.connect(source, isolation_level=None)) as reader,
            closing(sqlite3.connect(target)) as writer,
        ):
            reader.execute("BEGIN")  # one state for the count and the copy; with a WAL this keeps no writer waiting
            counted = _count_rows(reader)
            reader.backup(writer)
            reader.execute("COMMIT")
            writer.execute("PRAGMA journal_mode = DELETE")  # the copy is one file
    return counted


def _count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    names = sorted(row[0] for row in tables)
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def _refuse_other_keyring(settings: StorageSettings, file: Path) -> None:
    """Refuse a copy that the keyring does not know the keys of."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        has_keys = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'data_keys'").fetchone()
        used = {row[0] for row in connection.execute("SELECT key_id FROM data_keys")} if has_keys else set()
    if not used:
        return
    keyring = open_keyring(settings)
    if not keyring.file.exists():
        raise KeyringMissing(f"{keyring.place} is not there, and only it opens {file}; put a copy of it back first.")
    state = keyring.state()
    if unknown := used - state.living - state.destroyed:
        raise KeyringMissing(
            f"{keyring.place} does not know {len(unknown)} of the {len(used)} keys of {file}; put the right keyring back."
        )


def _refuse_existing(file: Path) -> None:
    if file.exists():
        raise DatabaseUnavailable(f"{file} is there already and is not overwritten; move it away first.")


def _put(draft: Path, target: Path) -> None:
    """Give a finished file its name, down to the disk; never over another one."""
    with reached(f"the file {target}"):
        descriptor = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, target)
        except FileExistsError:
            _refuse_existing(target)
        draft.unlink()


def _file_of(settings: StorageSettings) -> Path:
    url = checked_url(settings)
    if url.drivername != SQLITE:
        raise InvalidDatabaseUrl(f"{place_of(url)} is no SQLite file; copy it with the tools of its own (pg_dump).")
    return Path(str(url.database))
