"""Check that who is forgotten is gone, also from backups, whenever the program is killed, and that a block still holds."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage.appeals import AppealStore
from storage.database import Database, open_database
from storage.forgetting import forget_user
from storage.memories import MemoryStore
from storage.records import Sanction, SanctionKind, Scope, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings

ROOT = Path(__file__).resolve().parent.parent.parent


async def memories_of(database: Database, user: UserKey) -> list[str]:
    async with database.read() as session:
        return [memory.value for memory in await MemoryStore(session).of_user(user)]


async def remember(database: Database, user: UserKey, value: str, now: datetime) -> None:
    async with database.begin() as session:
        await MemoryStore(session).remember(user, "이름", value, now, None)


async def test_forgotten_user_is_gone_from_an_older_backup_too_and_nobody_else_is(
    settings: StorageSettings, user: UserKey, stranger: UserKey, now: datetime, file: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    async with open_database(settings) as database:
        await remember(database, user, "하나", now)
        await remember(database, stranger, "둘", now)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        await forget_user(database, user, now)
        assert await memories_of(database, user) == []
        await remember(database, user, "새 사람", now)
        keyring = database.vault.keyring
    with closing(sqlite3.connect(backup)) as connection:
        ids = dict(connection.execute("SELECT platform, key_id FROM data_keys"))
        assert len(connection.execute("SELECT * FROM memories").fetchall()) == 2
    assert keyring.read(ids.values()).keys() == {ids["telegram"]}  # nothing opens the other's rows any more
    shutil.copy(backup, file)
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    async with open_database(settings) as database:
        assert await memories_of(database, user) == []
        assert await memories_of(database, stranger) == ["둘"]
        await remember(database, user, "또 새 사람", now)
        assert await memories_of(database, user) == ["또 새 사람"]


async def test_block_of_a_forgotten_user_holds_under_a_name_that_leads_to_nobody(
    database: Database,
    user: UserKey,
    stranger: UserKey,
    make_sanction: Callable[..., Sanction],
    now: datetime,
    file: Path,
) -> None:
    async with database.begin() as session:
        given = await SanctionStore(session).add(make_sanction(of=user, level=2, block=timedelta(days=7)))
    await forget_user(database, user, now)
    await forget_user(database, user, now)
    async with database.begin() as session:
        store = SanctionStore(session)
        block = await store.active_block(user, now)
        assert block is not None
        assert (block.id, block.user, block.evidence.text, block.evidence.reply) == (given.id, user, "", None)
        assert [rung.level for rung in await store.rungs(user)] == [2]
        assert await store.active_block(stranger, now) is None
        assert [
            appeal.user for appeal in [await AppealStore(session).open(block, "다시 봐 주세요", now)] if appeal
        ] == [user]
        (seen,) = await store.in_force(now, Scope(platform=user.platform))
        await store.add(replace(make_sanction(of=user, level=3, block=timedelta(days=30)), rung_before=2))
        assert [rung.level for rung in await store.rungs(user)] == [2, 3]
        await store.overturn(given.id or 0, stranger, "잘못 봤어요", now)
        assert [rung.level for rung in await store.rungs(user)] == [2]
    assert seen.user != user
    assert database.vault.is_same(seen.user, user)
    assert not database.vault.is_same(seen.user, stranger)
    with closing(sqlite3.connect(file)) as connection:
        ids = [row[0] for row in connection.execute("SELECT user_id FROM sanctions ORDER BY id")]
    assert ids == [database.vault.pseudonym(user).id, user.id]
    assert user.id not in ids[0]


async def test_erasure_that_fails_erases_nothing(
    database: Database, user: UserKey, now: datetime, tmp_path: Path
) -> None:
    await remember(database, user, "하나", now)
    database.vault.keyring.file.rename(tmp_path / "away")
    with pytest.raises(Exception, match="keyring"):
        await forget_user(database, user, now)
    (tmp_path / "away").rename(database.vault.keyring.file)
    assert await memories_of(database, user) == ["하나"]
    assert database.vault.keyring.state().doomed == set()
    await forget_user(database, user, now)
    assert await memories_of(database, user) == []


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.database import open_database
from storage.forgetting import forget_user
from storage.records import UserKey
from storage.settings import StorageSettings
from storage.vault import Vault

class Killed(Vault):
    async def doom(self, ids):
        self.kill_at("before doom")
        await super().doom(ids)
        self.kill_at("before commit")

    async def destroy(self, ids, now):
        self.kill_at("before destroying")
        await super().destroy(ids, now)
        self.kill_at("at the end")

    def kill_at(self, place):
        if place == sys.argv[2]: os.kill(os.getpid(), signal.SIGKILL)

async def run():
    now = datetime.now(UTC)
    async with open_database(StorageSettings.for_data_dir(Path(sys.argv[1]))) as database:
        database.vault = Killed(database.vault.keyring, lambda: now)
        await forget_user(database, UserKey(platform="discord", id="1001"), now)

asyncio.run(run())
"""


@pytest.mark.parametrize(
    ("place", "is_kept"),
    [("before doom", True), ("before commit", False), ("before destroying", False), ("at the end", False)],
)
async def test_killed_erasure_leaves_everything_or_is_finished_at_the_next_start(
    settings: StorageSettings, user: UserKey, stranger: UserKey, now: datetime, tmp_path: Path,
    make_sanction: Callable[..., Sanction], place: str, is_kept: bool,
) -> None:  # fmt: skip
    async with open_database(settings) as database:
        await remember(database, user, "하나", now)
        await remember(database, stranger, "둘", now)
        async with database.begin() as session:
            await SanctionStore(session).add(make_sanction(of=user, block=timedelta(days=7)))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, str(tmp_path), place],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == -signal.SIGKILL
    async with open_database(settings) as database:
        assert await memories_of(database, user) == (["하나"] if is_kept else [])
        assert await memories_of(database, stranger) == ["둘"]
        state = database.vault.keyring.state()
        assert (len(state.doomed), len(state.destroyed)) == (0, 0 if is_kept else 1)
        async with database.read() as session:
            (sanction,) = await SanctionStore(session).of_user(user)
        assert (sanction.kind, sanction.evidence.text == "") == (SanctionKind.BLOCK, not is_kept)
