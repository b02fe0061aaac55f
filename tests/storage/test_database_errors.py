"""Check that each thing that can be wrong with a database gets its own clear error."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.database import Database, current_revision, open_database
from storage.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    StorageError,
)
from storage.records import Sanction, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings

NOBODY = 65534


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder that the test's process owns while it has no right to ignore permissions."""
    folder = Path(tempfile.mkdtemp(prefix="ohlora-"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


async def refused(settings: StorageSettings, kind: type[StorageError], match: str) -> None:
    with pytest.raises(kind, match=match):
        async with open_database(settings):
            pass


@pytest.mark.parametrize("content", [b"name,value\n" * 200, b"SQLite format 3\0" + b"\xff" * 5000, b"hello"])
async def test_file_that_is_no_database_is_refused_and_kept(
    settings: StorageSettings, file: Path, content: bytes
) -> None:
    file.write_bytes(content)
    await refused(settings, DatabaseCorrupt, "damaged or is not a database; nothing was changed")
    with pytest.raises(DatabaseCorrupt):
        await current_revision(settings)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("kept", [0.25, 0.5, 0.9])
async def test_truncated_database_is_refused_and_kept(settings: StorageSettings, file: Path, kept: float) -> None:
    async with open_database(settings):
        pass
    content = file.read_bytes()[: int(file.stat().st_size * kept)]
    file.write_bytes(content)
    await refused(settings, DatabaseCorrupt, "Restore it from a backup")
    assert file.read_bytes() == content


async def test_database_with_an_overwritten_page_is_refused_and_kept(settings: StorageSettings, file: Path) -> None:
    async with open_database(settings):
        pass
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"\xa5" * 4096
    file.write_bytes(content)
    await refused(settings, DatabaseCorrupt, "damaged")
    assert file.read_bytes() == bytes(content)


async def test_database_of_another_program_is_refused_and_kept(settings: StorageSettings, file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    content = file.read_bytes()
    await refused(settings, InvalidDatabaseUrl, "tables of another program")
    assert file.read_bytes() == content


async def test_folder_in_the_place_of_the_file_is_refused(settings: StorageSettings, file: Path) -> None:
    file.mkdir()
    await refused(settings, DatabaseUnavailable, "cannot be opened or written to")


async def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    settings = StorageSettings.for_data_dir(tmp_path / "data")
    await refused(settings, DatabaseUnavailable, "cannot be opened or written to")


async def test_read_only_file_is_refused_and_kept(unprivileged_folder: Path) -> None:
    settings = StorageSettings.for_data_dir(unprivileged_folder)
    async with open_database(settings):
        pass
    file = unprivileged_folder / "ohlora.sqlite3"
    content = file.read_bytes()
    file.chmod(0o444)
    await refused(settings, DatabaseUnavailable, "it is not read-only")
    assert file.read_bytes() == content


async def test_read_only_folder_is_refused(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o555)
    inside = StorageSettings.for_data_dir(unprivileged_folder)
    below = StorageSettings.for_data_dir(unprivileged_folder / "data")
    for settings in (inside, below):
        await refused(settings, DatabaseUnavailable, "may write to it and to its folder")
    assert list(unprivileged_folder.iterdir()) == []


async def test_database_in_a_read_only_folder_is_refused(unprivileged_folder: Path) -> None:
    settings = StorageSettings.for_data_dir(unprivileged_folder)
    async with open_database(settings):
        pass
    unprivileged_folder.chmod(0o555)
    await refused(settings, DatabaseUnavailable, "cannot be opened or written to")


async def test_full_disk_rolls_back_and_writing_goes_on_when_there_is_room(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction]
) -> None:
    async with database.begin() as session:
        first = await SanctionStore(session).add(make_sanction())
        pages = await session.scalar(text("PRAGMA page_count"))
        await session.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(DatabaseFull, match="Free some disk space"):
        async with database.begin() as session:
            await SanctionStore(session).add(make_sanction(block=timedelta(days=1)))
            await SanctionStore(session).add(make_sanction(text="긴 글" * 50_000))
    async with database.begin() as session:
        assert await SanctionStore(session).of_user(user) == [first]
        await session.execute(text("PRAGMA max_page_count = 1000000"))
        await SanctionStore(session).add(make_sanction(text="긴 글" * 50_000))


async def test_lock_of_another_program_is_waited_for_and_then_refused(settings: StorageSettings, file: Path) -> None:
    hasty = StorageSettings(url=settings.url, busy_timeout_s=0.1)
    async with open_database(hasty) as database:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusy, match="raise busy_timeout_s"):
                async with database.begin():
                    pytest.fail("the lock is held by another program")
            await refused(hasty, DatabaseBusy, "another writer")
            other.execute("ROLLBACK")
        async with database.begin():
            pass


async def test_unreachable_postgresql_server_is_refused_without_its_password() -> None:
    """Whether the driver is installed or not."""
    settings = StorageSettings(
        url="postgresql+asyncpg://lora:s3cret@127.0.0.1:1/chat", keyring=Path("/nowhere/keyring.sqlite3")
    )
    with pytest.raises(DatabaseUnavailable, match="pip install asyncpg|cannot be opened") as caught:
        async with open_database(settings):
            pass
    assert "s3cret" not in str(caught.value)
