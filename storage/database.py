"""Open the database and hand out its transactions.

What only SQLite needs is here and nowhere else; errors pass through `translation.py`. A database
has two pools, one for writers and one for readers. With SQLite the writers' pool is a single
connection, so writers queue for it first come first served, and each takes the file's write lock
at its start (BEGIN IMMEDIATE), so that writers of other processes queue too instead of failing
halfway. Beside the database stands its keyring; stores find both in the session.
"""

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from storage.audit import NEW_HEAD
from storage.audit_anchor import AuditAnchor
from storage.errors import DatabaseUnavailable
from storage.forgetting import finish_forgetting
from storage.keyring import Keyring
from storage.master_key import MasterKeySource
from storage.migration import MIGRATIONS, check_revision, holds_keys, migrate, newest_revision, revision_of
from storage.settings import StorageSettings
from storage.sqlite_connection import StatementConnection, connect
from storage.translation import corrupt, reached, translated
from storage.url import SQLITE, checked_url, keyring_file, master_key_file, place_of
from storage.vault import Clock, Vault, utc_now

APPLICATION_ID = 0x4F484C52  # "OHLR", in the file's header: `file` and SQLite's tools show it

# Alembic keeps the migration that runs in module globals: one at a time in a process.
_one_migration = threading.Lock()


class Database:
    """Hand out transactions on an open database; made by `open_database`."""

    def __init__(
        self, writer: AsyncEngine, reader: AsyncEngine, vault: Vault, anchor: AuditAnchor | None = None
    ) -> None:
        self.vault = vault
        self._writer = writer
        self._reader = reader
        self._anchor = anchor

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Run one transaction that may write: commit at exit, roll back on any error.

        Keep it short and never open across a model call: other writers wait for it.

        Raises:
            StorageError: the database refused; nothing of the transaction is kept.
        """
        async with _transaction(self._writer, self.vault) as session:
            yield session
        head = session.info.get(NEW_HEAD)
        if head is not None and self._anchor is not None:
            await asyncio.to_thread(self._anchor.move_to, head)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Run one transaction that sees one state of the database and waits for no writer.

        Raises:
            StorageError: the database refused, or the transaction tried to write.
        """
        async with _transaction(self._reader, self.vault) as session:
            yield session


@asynccontextmanager
async def open_database(settings: StorageSettings, clock: Clock = utc_now) -> AsyncIterator[Database]:
    """Create or migrate the database, keep it open, and close every connection at exit.

    Finishes first what a crash left of somebody's being forgotten. `clock` dates new keys.

    Raises:
        StorageError: it cannot be used, for one of the reasons in `storage/errors.py`; its
            content is as it was.
    """
    await upgrade(settings, clock=clock)
    async with _engine(settings, writes=True) as writer, _engine(settings, writes=False) as reader:
        database = Database(writer, reader, Vault(open_keyring(settings), clock), audit_anchor(settings))
        await finish_forgetting(database, clock())
        yield database


@asynccontextmanager
async def open_to_read(settings: StorageSettings) -> AsyncIterator[Database]:
    """Open a database that is there and of this version, and change nothing of it.

    Raises:
        StorageError: it is not there, its migrations are missing, or it cannot be read.
    """
    place, revision = place_of(checked_url(settings)), await current_revision(settings)
    if revision != newest_revision():
        what = "there is no database yet" if revision is None else f"its revision is {revision}"
        raise DatabaseUnavailable(f"{place} cannot be read: {what}; run: python main.py db upgrade")
    async with _engine(settings, writes=False) as reader:
        yield Database(reader, reader, Vault(open_keyring(settings), utc_now))


def audit_anchor(settings: StorageSettings) -> AuditAnchor | None:
    """Return where the audit's head is written beside the database; None for one that is no file."""
    url = checked_url(settings)
    return AuditAnchor(Path(str(url.database))) if url.drivername == SQLITE else None


def open_keyring(settings: StorageSettings) -> Keyring:
    """Return the keyring of a database, without looking whether it is there.

    Raises:
        InvalidDatabaseUrl: the settings do not say where it is.
    """
    source = MasterKeySource(settings.master_key, master_key_file(settings))
    return Keyring(keyring_file(settings), source, settings.busy_timeout_s)


async def upgrade(settings: StorageSettings, scripts: Path = MIGRATIONS, clock: Clock = utc_now) -> str | None:
    """Bring the database to the newest revision, all or nothing, and return that revision.

    Creates the file, its folder, its keyring and the master key where they are missing. Runs in a
    thread of its own, so that the caller's loop goes on.

    Raises:
        StorageError: as for `open_database`.
    """

    def upgrade_here() -> str | None:
        with _one_migration:
            return asyncio.run(_upgrade(settings, scripts, clock))

    return await asyncio.to_thread(upgrade_here)


async def current_revision(settings: StorageSettings) -> str | None:
    """Return the database's revision, None when it is empty or not there; create nothing.

    Raises:
        StorageError: it cannot be read.
    """
    url = checked_url(settings)
    if url.drivername == SQLITE and not _exists(Path(str(url.database))):
        return None
    with translated(place_of(url)), reached(place_of(url)):
        if url.drivername == SQLITE:
            await asyncio.to_thread(_try_open, Path(str(url.database)))
        async with _engine(settings, writes=False) as engine, engine.connect() as connection:
            return await connection.run_sync(revision_of)


async def _upgrade(settings: StorageSettings, scripts: Path, clock: Clock) -> str | None:
    place, keyring = place_of(checked_url(settings)), open_keyring(settings)
    with translated(place), reached(place):
        needs_keys = await _inspect(settings, scripts, place)
        keyring.prepare(is_needed=needs_keys, now=clock())
        return await _migrate(settings, scripts, place, keyring)


async def _inspect(settings: StorageSettings, scripts: Path, place: str) -> bool:
    """Look at the database without changing it; refuse what is damaged, newer or not ours. Tell whether it needs its keyring."""
    url = checked_url(settings)
    if url.drivername == SQLITE:
        _create_folder(Path(str(url.database)))
        await asyncio.to_thread(_try_open, Path(str(url.database)))
    async with _engine(settings, writes=False) as engine, engine.connect() as connection:
        if url.drivername == SQLITE:
            await connection.run_sync(_check_file, place)
        await connection.run_sync(check_revision, scripts, place)
        return await connection.run_sync(holds_keys)


async def _migrate(settings: StorageSettings, scripts: Path, place: str, keyring: Keyring) -> str | None:
    """Run every missing migration in one transaction, on one connection."""
    sqlite = checked_url(settings).drivername == SQLITE
    async with _engine(settings, writes=True) as engine:
        if sqlite:
            async with engine.execution_options(sqlite_begin=None).connect() as connection:
                await connection.run_sync(_prepare_file)
        async with engine.begin() as connection:
            if sqlite:
                await connection.run_sync(_mark_file)
            # Again, now with the lock held: another process may have migrated in between.
            before = revision = await connection.run_sync(check_revision, scripts, place)
            if before != newest_revision(scripts):
                revision = await connection.run_sync(migrate, scripts, keyring)
            if sqlite:
                await connection.run_sync(_check_references, place)
        if sqlite and before not in (None, revision):
            async with engine.execution_options(sqlite_begin=None).connect() as connection:
                await connection.run_sync(_compact)
        return revision


@asynccontextmanager
async def _transaction(engine: AsyncEngine, vault: Vault) -> AsyncIterator[AsyncSession]:
    with translated(place_of(engine.url), writes=not _is_reader(engine)):
        make = async_sessionmaker(engine, expire_on_commit=False, info={"vault": vault})
        async with make.begin() as session:  # ends in order also when the task is cancelled meanwhile
            with reached(place_of(engine.url)):
                await session.connection()  # BEGIN now: a writer holds the lock from here on
            yield session


# --- the engine and its connections ---


@asynccontextmanager
async def _engine(settings: StorageSettings, *, writes: bool) -> AsyncIterator[AsyncEngine]:
    url = checked_url(settings)
    opened: WeakSet[StatementConnection] = WeakSet()
    if url.drivername == SQLITE:
        options = _sqlite_options(settings, opened, writes)
    else:
        options = _postgresql_options(settings, writes)
    try:
        engine = create_async_engine(
            url,
            echo=settings.echo,
            hide_parameters=True,  # what users wrote stays out of logs and error messages
            json_serializer=partial(json.dumps, ensure_ascii=False),
            pool_timeout=settings.queue_timeout_s,
            **options,
        )
    except ModuleNotFoundError as error:
        raise DatabaseUnavailable(f"the driver {error.name} is not installed; run: pip install {error.name}") from error
    if url.drivername == SQLITE:
        event.listen(engine.sync_engine, "connect", partial(_set_up_connection, writes))
        event.listen(engine.sync_engine, "begin", _begin)
    try:
        yield engine
    finally:
        await engine.dispose()
        # Those that a transaction still has: the pool would not know them when they come back, and nobody would close them.
        for connection in list(opened):
            await connection.close()


def _sqlite_options(settings: StorageSettings, opened: WeakSet[StatementConnection], writes: bool) -> dict[str, Any]:
    file = Path(str(checked_url(settings).database))

    async def open_connection() -> StatementConnection:
        connection = await connect(file, settings.busy_timeout_s)
        opened.add(connection)
        return connection

    options: dict[str, Any] = {
        "async_creator": open_connection,
        "execution_options": {"reader": not writes},
    }
    if writes:
        options |= {
            "pool_size": 1,
            "max_overflow": 0,
            "execution_options": {"sqlite_begin": "BEGIN IMMEDIATE"},
        }
    return options


def _postgresql_options(settings: StorageSettings, writes: bool) -> dict[str, Any]:
    lock_timeout = str(round(settings.busy_timeout_s * 1000))  # milliseconds
    return {
        "connect_args": {
            "timeout": settings.busy_timeout_s,
            "server_settings": {"lock_timeout": lock_timeout},
        },
        "execution_options": {"reader": not writes, "postgresql_readonly": not writes},
    }


def _is_reader(engine: AsyncEngine) -> bool:
    return bool(engine.get_execution_options().get("reader", False))


def _set_up_connection(writes: bool, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself; `_begin` does
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        cursor.close()
    except sqlite3.Error:
        connection.close()  # the pool does not know it yet, so nobody else would close it
        raise


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if statement is not None:
        connection.exec_driver_sql(statement)


# --- the SQLite file ---


def _exists(file: Path) -> bool:
    return file.exists()


def _try_open(file: Path) -> None:
    """Open the file once plainly: a connect that fails would leave aiosqlite's thread behind, talking to a closed loop."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA schema_version")


def _create_folder(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)


def _check_file(connection: Connection, place: str) -> None:
    finding = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if finding != "ok":
        raise corrupt(place)


def _prepare_file(connection: Connection) -> None:
    """Set what SQLite can set only outside a transaction, once the file is known to be ours."""
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    # A migration may rewrite a table that others refer to; `_check_references` looks at the end.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")


def _mark_file(connection: Connection) -> None:
    """Write the application id: a file that cannot be written shows it now, not in a turn."""
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _compact(connection: Connection) -> None:
    """Write the file anew, so that nothing of what a migration sealed or took away is left in its free pages or its log."""
    connection.exec_driver_sql("VACUUM")
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def _check_references(connection: Connection, place: str) -> None:
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise corrupt(place)
