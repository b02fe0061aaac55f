"""Check `main.py audit verify`."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import main as program
from storage.audit import AuditStore
from storage.database import open_database
from storage.records import AT_TERMINAL, AuditAction
from storage.settings import StorageSettings

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def head(tmp_path: Path) -> str:
    """The head of an audit of three rows."""

    async def fill() -> str:
        async with open_database(StorageSettings.for_data_dir(tmp_path)) as database, database.begin() as session:
            for number in range(3):
                subject = f"sanction:{number}"
                entry = await AuditStore(session).append(AT_TERMINAL, AuditAction.SANCTION_LIFTED, subject, {}, NOW)
        return f"{entry.number}:{entry.hash}"

    return asyncio.run(fill())


def verify(folder: Path, *arguments: str) -> int:
    return program.main(["audit", "verify", "--data-dir", str(folder), *arguments])


def tamper(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "ohlora.sqlite3")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


def test_whole_audit_is_told_with_its_head(tmp_path: Path, head: str, capsys: Captured) -> None:
    assert verify(tmp_path) == 0
    assert capsys.readouterr().out == f"the audit is whole: 3 rows; head {head}\n"
    assert verify(tmp_path, "--expect", head) == 0


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE audit SET actor_id = 'somebody' WHERE number = 2", "row 2 is changed"),
        ("DELETE FROM audit WHERE number = 3", "row 3 is missing"),
        ("UPDATE audit SET number = number + 1 WHERE number = 3", "row 3 is missing"),
    ],
)
def test_first_bad_row_is_told_with_exit_code_1(
    tmp_path: Path, head: str, capsys: Captured, statement: str, line: str
) -> None:
    assert head
    tamper(tmp_path, statement)
    assert verify(tmp_path) == 1
    assert capsys.readouterr().out == f"{line}; the rows before it are as they were written\n"


def test_head_that_was_kept_elsewhere_finds_what_was_written_anew(tmp_path: Path, head: str, capsys: Captured) -> None:
    assert verify(tmp_path, "--expect", f"3:{'0' * 64}") == 1
    assert "row 3 is rewritten" in capsys.readouterr().out
    assert verify(tmp_path, "--expect", f"9:{head[2:]}") == 1
    assert "row 4 is missing" in capsys.readouterr().out


def test_what_is_no_head_is_refused(tmp_path: Path, head: str, capsys: Captured) -> None:
    assert verify(tmp_path, "--expect", head[2:]) == 2
    assert "write NUMBER:HASH" in capsys.readouterr().err
    (tmp_path / "ohlora.audit-head").write_text("nonsense")
    assert verify(tmp_path) == 2
    assert "ohlora.audit-head is no head of an audit" in capsys.readouterr().err


def test_audit_of_no_database_is_refused(tmp_path: Path, capsys: Captured) -> None:
    assert verify(tmp_path / "nowhere") == 2
    assert "there is no database yet" in capsys.readouterr().err
