"""Check that migrations and tables agree, and that a migration is all or nothing."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect

from storage.conversations import ConversationStore
from storage.database import current_revision, open_database, open_keyring, upgrade
from storage.errors import DatabaseTooNew
from storage.keyring import Keyring
from storage.memories import MemoryStore
from storage.migration import MIGRATIONS, config_for
from storage.records import MANUAL, ConversationKey, Scope, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from storage.tables import Base

HEAD = "0010"
BEFORE_SEALING = "0006"
NEXT_REVISION = '''
"""Add a column and a table, then meet what the test asks for."""
import os, signal
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"

def upgrade():
    with op.batch_alter_table("memories") as batch:
        batch.add_column(sa.Column("mood", sa.Text(), nullable=False, server_default="calm"))
        batch.alter_column("value", type_=sa.String())
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
    {end}
'''


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """The migrations of a later version of the program."""
    return later_migrations(tmp_path, "pass")


def later_migrations(folder: Path, end: str) -> Path:
    scripts = folder / "migrations 100%"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    text = NEXT_REVISION.format(head=HEAD, end=end)
    (scripts / "versions" / "9999_next.py").write_text(text)
    return scripts


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


def run_on(file: Path, revision: str, keyring: Keyring | None = None) -> None:
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config = config_for(MIGRATIONS)
        config.attributes["connection"] = connection
        config.attributes["keyring"] = keyring
        command.downgrade(config, revision)
    engine.dispose()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


async def test_migrations_make_exactly_the_declared_tables(settings: StorageSettings, file: Path) -> None:
    assert await upgrade(settings) == HEAD
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_constraint_names_are_the_declared_ones(settings: StorageSettings, file: Path, tmp_path: Path) -> None:
    await upgrade(settings)
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite3'}")
    migrated = create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(declared)
    for table in Base.metadata.tables:
        for names in ("get_pk_constraint", "get_unique_constraints", "get_foreign_keys"):
            expected = getattr(inspect(declared), names)(table)
            assert getattr(inspect(migrated), names)(table) == expected
    declared.dispose()
    migrated.dispose()


async def test_downgrade_empties_the_database_and_upgrade_fills_it_again(settings: StorageSettings, file: Path) -> None:
    await upgrade(settings)
    whole = tables(file)
    run_on(file, "base")
    left = {"alembic_version", "sqlite_autoindex_alembic_version_1"}
    assert tables(file) == left
    assert await current_revision(settings) is None
    assert await upgrade(settings) == HEAD
    assert tables(file) == whole


async def test_revision_of_a_missing_database_is_none_and_creates_nothing(
    settings: StorageSettings, tmp_path: Path
) -> None:
    assert await current_revision(settings) is None
    assert list(tmp_path.iterdir()) == []


async def test_upgrade_says_nothing_on_the_terminal(
    settings: StorageSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    await upgrade(settings)
    assert await current_revision(settings) == HEAD
    assert capfd.readouterr() == ("", "")


async def test_newer_database_is_refused_and_kept(settings: StorageSettings, file: Path, next_version: Path) -> None:
    assert await upgrade(settings, next_version) == "9999"
    content = file.read_bytes()
    with pytest.raises(DatabaseTooNew, match="Update the program"):
        async with open_database(settings):
            pass
    assert await current_revision(settings) == "9999"
    assert file.read_bytes() == content


async def test_older_database_is_migrated_with_its_rows(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path, next_version: Path
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)
    assert await upgrade(settings, next_version) == "9999"
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT mood FROM memories").fetchall() == [("calm",)]
        assert connection.execute("SELECT count(*) FROM memory_changes").fetchone() == (1,)


async def test_sanctions_of_before_their_lifecycle_keep_their_standing(settings: StorageSettings, file: Path) -> None:
    """Revision 0004 derives rungs, states and margins of what was stored before."""
    await upgrade(settings)
    run_on(file, "0003")
    with closing(sqlite3.connect(file)) as connection:
        insert = (
            "INSERT INTO sanctions (id, platform, user_id, category, level, kind, started_at, expires_at, ended_at, text,"
            " reply, scores, thresholds, profile, policy_version, request_id) VALUES (?, 'discord', '1', '정치', ?, ?,"
            " '2026-03-14 06:30:00.000000', ?, ?, 't', ?, ?, ?, 'p', ?, 'r')"
        )
        end, lifted = "2026-03-17 06:30:00.000000", "2026-03-15 06:30:00.000000"
        scores, thresholds = '{"정치": 0.97}', '{"정치": 0.95}'
        connection.executemany(
            insert,
            [
                (1, 1, "warning", None, None, "미안, 부담스러워", scores, thresholds, "1"),
                (2, 2, "block", end, lifted, None, scores, thresholds, "1"),
                (3, 1, "block", end, None, None, "{}", "{}", "manual"),
            ],
        )
        connection.execute(
            "INSERT INTO sanction_changes VALUES (1, 2, 'lifted', 'discord', '7', '오해', ?, ?, ?)",
            (lifted, end, lifted),
        )
        connection.commit()
    assert await upgrade(settings) == HEAD
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT rung_before, counts_as, state, margin, declined FROM sanctions").fetchall()
    assert [(*row[:4], row[4] and json.loads(row[4])) for row in found] == [
        (0, 1, "active", 0.02, ["미안", "부담"]),
        (1, 2, "lifted", 0.02, None),
        (0, 0, "active", None, None),
    ]


def plain_database(file: Path) -> None:
    """Make a database of the revision before texts were sealed, with a text in each of three tables."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config = config_for(MIGRATIONS)
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE_SEALING)
        moment, owner = "2026-03-14 06:30:12", "'discord', '1001'"
        for statement in (
            f"INSERT INTO memories VALUES (1, {owner}, '이름', '이 름', '하나', '{moment}', '{moment}', 0, NULL)",
            f"INSERT INTO memories VALUES (2, {owner}, NULL, '취미', '수영', '{moment}', '{moment}', 0, NULL)",
            f"INSERT INTO memory_changes VALUES (1, 1, 'created', NULL, '하나', '{moment}', NULL, NULL)",
            f"INSERT INTO conversations VALUES ('discord', 'room', '요약이다', 3, '{moment}')",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()


async def test_texts_of_before_are_sealed_when_the_database_is_upgraded(
    settings: StorageSettings, file: Path, user: UserKey, now: datetime
) -> None:
    plain_database(file)
    async with open_database(settings) as database:
        async with database.begin() as session:
            memories = MemoryStore(session)
            assert [(each.key, each.value) for each in await memories.of_user(user)] == [("이 름", "하나")]
            assert [change.new_value for change in await memories.history(user)] == ["하나"]
            room = await ConversationStore(session).get(ConversationKey(platform="discord", id="room"))
            assert room is not None
            assert (room.last_summary, room.turns) == ("요약이다", 3)
            assert await memories.remember(user, "이름", "하 나", now, None) is None
        stored = b"".join(path.read_bytes() for path in file.parent.iterdir())
        assert not [word for word in ("하나", "수영", "요약이다") if word.encode() in stored]


async def test_sealed_texts_are_opened_when_the_database_goes_back(settings: StorageSettings, file: Path) -> None:
    plain_database(file)
    with closing(sqlite3.connect(file)) as connection:
        before = connection.execute("SELECT * FROM memories").fetchall()
    await upgrade(settings)
    run_on(file, "0007")  # what came later seals nothing
    with pytest.raises(RuntimeError, match="no keyring given"):
        run_on(file, BEFORE_SEALING)
    run_on(file, BEFORE_SEALING, open_keyring(settings))
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT * FROM memories").fetchall() == before


BY_HAND = (
    "INSERT INTO sanctions (id, platform, user_id, category, level, kind, started_at, text, scores, thresholds, profile,"
    " policy_version, request_id) VALUES (?, 'discord', ?, ?, 1, 'warning', '2026-03-14 06:30:00.000000', '', '{}', '{}', '',"
    " ?, 'manual:9')"
)


async def test_reasons_given_by_hand_are_sealed_and_those_of_forgotten_users_are_gone(
    settings: StorageSettings, file: Path, user: UserKey, now: datetime
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)  # so this user has a key already
    run_on(file, "0008")
    reasons = [
        ("1001", "도배를 함", "manual"),
        ("2002", "욕설", "manual"),
        ("forgotten-ab", "비밀", "manual"),
        ("1", "정치", "1"),
    ]
    with closing(sqlite3.connect(file)) as connection:
        connection.executemany(BY_HAND, [(number, *row) for number, row in enumerate(reasons, start=1)])
        connection.commit()
    async with open_database(settings) as database:
        async with database.read() as session:
            store, scope = SanctionStore(session), Scope(platform="discord")
            found = await store.of_ids([1, 2, 3, 4], scope)
            assert [each.category for each in found] == ["정치", MANUAL, "욕설", "도배를 함"]
            assert await store.categories(scope) == [MANUAL, "정치"]
        stored = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert not [word for word in ("도배를 함", "욕설", "비밀") if word.encode() in stored]
    with pytest.raises(RuntimeError, match="no keyring given"):
        run_on(file, "0008")
    run_on(file, "0008", open_keyring(settings))
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT category FROM sanctions ORDER BY id").fetchall()
    assert rows == [("도배를 함",), ("욕설",), (MANUAL,), ("정치",)]


async def test_reason_in_a_copy_from_before_its_user_was_forgotten_does_not_come_back(
    settings: StorageSettings, file: Path, user: UserKey, now: datetime
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)
    run_on(file, "0008")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(BY_HAND, (1, user.id, "도배를 함", MANUAL))
        connection.commit()
    keyring = open_keyring(settings)
    keyring.destroy(keyring.state().living, now)  # with all keys that were made ahead
    async with open_database(settings) as database, database.read() as session:
        (case,) = await SanctionStore(session).of_user(user)
        assert (case.category, case.user) == (MANUAL, user)
    assert "도배를 함".encode() not in b"".join(path.read_bytes() for path in file.parent.iterdir())


async def test_failed_migration_leaves_the_database_as_it_was(
    settings: StorageSettings, file: Path, tmp_path: Path
) -> None:
    await upgrade(settings)
    before = tables(file)
    with pytest.raises(ZeroDivisionError):
        await upgrade(settings, later_migrations(tmp_path, "1 / 0"))
    assert tables(file) == before
    async with open_database(settings):
        assert await current_revision(settings) == HEAD


async def test_killed_migration_leaves_the_database_as_it_was(
    settings: StorageSettings, file: Path, tmp_path: Path
) -> None:
    await upgrade(settings)
    before = tables(file)
    scripts = later_migrations(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    code = (
        "import asyncio, sys; from pathlib import Path; from storage.database import upgrade;"
        "from storage.settings import StorageSettings as S;"
        "asyncio.run(upgrade(S.for_data_dir(Path(sys.argv[1])), Path(sys.argv[2])))"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, str(file.parent), str(scripts)],
        check=False,
        cwd=MIGRATIONS.parent,
        env={**os.environ, "PYTHONPATH": str(MIGRATIONS.parent)},
    )
    assert done.returncode == -signal.SIGKILL
    assert tables(file) == before
    async with open_database(settings):
        assert await current_revision(settings) == HEAD


def test_migrations_without_a_connection_point_to_the_command() -> None:
    with pytest.raises(RuntimeError, match="db upgrade"):
        command.upgrade(config_for(MIGRATIONS), "head")
