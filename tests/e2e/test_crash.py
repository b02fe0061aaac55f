"""Kill the program at random moments of its turns, and look at what it leaves behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.keyring import Keyring
from storage.master_key import MasterKeySource
from storage.records import ConversationKey, UserKey
from storage.sealing import DataKey, SealedColumn, Sealer, kind_of
from storage.settings import KEYRING_NAME

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).with_name("crash_target.py")
KILLS = int(os.environ.get("OHLORA_TEST_KILLS", "25"))  # `make crash` takes more
USERS_AT_ONCE = 4
DATABASE = "ohlora.sqlite3"
MEMORIES = "SELECT id, opened('memories.value', user_id, value) AS value FROM memories"
CHANGES = (
    "SELECT c.memory_id, c.request_id, opened('memory_changes.new_value', m.user_id, c.new_value) AS new_value "
    "FROM memory_changes c JOIN memories m ON m.id = c.memory_id ORDER BY c.id"
)
CONVERSATIONS = (
    "SELECT id, turns, opened('conversations.last_summary', id, last_summary) AS last_summary FROM conversations"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one user was shown for one message."""

    user: str
    shown: dict[str, Any]

    @property
    def notice(self) -> dict[str, Any] | None:
        notice: dict[str, Any] | None = self.shown["notice"]
        return notice

    @property
    def is_decided_here(self) -> bool:
        """Tell whether this turn drew its sanction, rather than met an earlier block at the gate."""
        return self.notice is not None and self.shown["ethics"] is not None


@contextmanager
def started(command: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the target; end it, however the test ends."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, str(TARGET), command, str(folder)]
    with subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def start_round(server: subprocess.Popen[str], kind: str, seed: int, users: list[str]) -> int:
    """Let users talk in a fresh process, and return its id."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{kind} {seed} {' '.join(users)}\n")
    server.stdin.flush()
    return int(server.stdout.readline())


def end_round(server: subprocess.Popen[str]) -> int:
    """Wait for the process of a round, and return its exit code."""
    assert server.stdout is not None
    return int(server.stdout.readline())


def wait_for_a_line(folder: Path, users: list[str], *, with_block: bool) -> None:
    """Wait until one of the users was shown something, or that they are blocked."""
    deadline = time.monotonic() + 60
    while not any(is_block(line) or not with_block for line in shown_lines(folder) if line.user in users):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def is_block(line: Line) -> bool:
    return line.notice is not None and line.notice["kind"] == "block"


def shown_lines(folder: Path) -> list[Line]:
    """Return the whole lines that were shown, in order for each user."""
    return [
        Line(user=path.stem, shown=json.loads(text))
        for path in sorted(folder.glob("*.jsonl"))
        for text in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]


@contextmanager
def copy_of(folder: Path, place: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the database, so that looking does not repair what the next start finds."""
    place.mkdir()
    for path in [*folder.glob(f"{DATABASE}*"), *folder.glob(f"{KEYRING_NAME}*")]:
        if not path.name.endswith("-shm"):
            shutil.copy(path, place)
    source = MasterKeySource("", folder.with_name(f"{folder.name}.key"))
    with closing(sqlite3.connect(place / DATABASE)) as connection:
        connection.row_factory = sqlite3.Row
        connection.create_function("opened", 3, opener(connection, Keyring(place / KEYRING_NAME, source, 5.0)))
        yield connection
    shutil.rmtree(place)


def opener(database: sqlite3.Connection, keyring: Keyring) -> Callable[[str, str, str | None], str | None]:
    """Return what opens a sealed text, given its column and whose it is."""

    def opened(column: str, owner: str, text: str | None) -> str | None:
        kind = UserKey if column != SealedColumn.SUMMARY else ConversationKey
        subject = kind(platform="console", id=owner)
        query = "SELECT key_id FROM data_keys WHERE kind = ? AND subject_id = ?"
        found = database.execute(query, (kind_of(subject), owner)).fetchall()
        secret = keyring.read([row["key_id"] for row in found]).popitem()[1]
        return Sealer(subject, DataKey(secret)).open_if(SealedColumn(column), text)

    return opened


def rows(database: sqlite3.Connection, query: str) -> list[sqlite3.Row]:
    return database.execute(query).fetchall()


def stored_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def assert_whole(database: sqlite3.Connection) -> None:
    """Check the file itself: every turn is there with all that it wrote, or not at all."""
    assert [row[0] for row in rows(database, "PRAGMA integrity_check")] == ["ok"]
    assert rows(database, "PRAGMA foreign_key_check") == []
    if not rows(database, "SELECT 1 FROM sqlite_master WHERE name = 'turns'"):
        return  # killed before or during the migration, which is all or nothing too
    assert len(rows(database, "SELECT * FROM alembic_version")) == 1
    turns = {row["request_id"]: row for row in rows(database, "SELECT * FROM turns")}
    sanctioned = Counter(row["request_id"] for row in rows(database, "SELECT request_id FROM sanctions"))
    assert set(sanctioned) <= set(turns)
    blocked = {row["user_id"] for row in rows(database, "SELECT user_id FROM sanctions WHERE kind = 'block'")}
    assert {turn["user_id"] for turn in turns.values() if turn["reason"] == "blocked"} <= blocked
    changes = rows(database, CHANGES)
    assert {change["request_id"] for change in changes} <= {
        id for id, turn in turns.items() if turn["outcome"] == "reply"
    }
    memories = {row["id"]: row["value"] for row in rows(database, MEMORIES)}
    assert {change["memory_id"]: change["new_value"] for change in changes} == memories
    replies = Counter(turn["conversation_id"] for turn in turns.values() if turn["outcome"] == "reply")
    assert {row["id"]: row["turns"] for row in rows(database, "SELECT * FROM conversations")} == replies


def assert_kept(database: sqlite3.Connection, lines: list[Line]) -> None:
    """Check what was shown: it is stored, and nothing failed."""
    turns = {row["request_id"]: row for row in rows(database, "SELECT * FROM turns")} if lines else {}
    sanctions = rows(database, "SELECT * FROM sanctions") if lines else []
    changes = rows(database, CHANGES) if lines else []
    for line in lines:
        shown, notice = line.shown, line.notice
        assert shown["reason"] in (None, "blocked", "empty", "too_long")
        if notice is not None and not line.is_decided_here:
            ends = [stored_moment(row["expires_at"]) for row in sanctions if row["user_id"] == line.user]
            assert datetime.fromisoformat(notice["expires_at"]) in ends
            continue
        turn = turns[shown["request_id"]]
        assert (turn["user_id"], turn["outcome"], turn["reason"]) == (line.user, shown["kind"], shown["reason"])
        own = [row for row in sanctions if row["request_id"] == shown["request_id"]]
        assert [row["category"] for row in own] == (notice["categories"] if notice else [])
        if notice is not None:
            assert {(row["user_id"], row["kind"], row["level"]) for row in own} == {
                (line.user, notice["kind"], notice["level"])
            }
            end = notice["expires_at"] and datetime.fromisoformat(notice["expires_at"])
            assert {stored_moment(row["expires_at"]) for row in own} == {end}
        saved = [row["new_value"] for row in changes if row["request_id"] == shown["request_id"]]
        assert saved == [text.split(": ")[1].removesuffix("]") for text in shown["memories_saved"]]


def assert_summaries_kept(database: sqlite3.Connection, lines: list[Line]) -> None:
    """Check that a conversation stands at the summary that was shown last, or one turn further."""
    last = {line.user: line for line in lines if line.shown["kind"] == "reply"}
    replies = Counter(line.user for line in lines if line.shown["kind"] == "reply")
    if not last:
        return
    for row in rows(database, CONVERSATIONS):
        assert row["turns"] - replies[row["id"]] in (0, 1)
        if row["turns"] == replies[row["id"]]:
            assert row["last_summary"] == last[row["id"]].shown["summary"]


def test_killed_program_leaves_whole_turns_and_every_shown_sanction(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    folder.mkdir()
    rng = random.Random(20261121)
    with started("serve", folder) as server:
        for number in range(KILLS):
            users = [f"user-{number}-{letter}" for letter in "abcdefgh"[:USERS_AT_ONCE]]
            process = start_round(server, "talk", number, users)
            if number % 5:
                # every fifth is killed while it starts, the others at work, the one after it behind a block
                wait_for_a_line(folder, users, with_block=number % 5 == 1)
            time.sleep(rng.uniform(0, 0.3))
            os.kill(process, signal.SIGKILL)
            assert end_round(server) == -signal.SIGKILL
            with copy_of(folder, copy) as database:
                assert_whole(database)
        lines = shown_lines(folder)
        with copy_of(folder, copy) as database:
            assert_kept(database, lines)
            assert_summaries_kept(database, lines)
        blocks = {line.user: line.notice for line in lines if is_block(line)}
        kinds = Counter(line.notice["kind"] for line in lines if line.notice)
        assert len(lines) >= KILLS * 4 // 5  # the kills hit programs at work
        assert blocks
        assert kinds["warning"]

        start_round(server, "ask", 0, list(blocks))
        assert end_round(server) == 0
    answers = {line.user: line.shown for line in shown_lines(folder) if line.user in blocks}  # the last of each user
    assert {user: (answer["reason"], answer["notice"]) for user, answer in answers.items()} == {
        user: ("blocked", notice) for user, notice in blocks.items()
    }
    assert {line.shown["request_id"] for line in lines}.isdisjoint(answer["request_id"] for answer in answers.values())
    with copy_of(folder, copy) as database:
        assert_whole(database)


@pytest.mark.parametrize("ends", ["interrupt", "end of input"])
def test_program_that_waits_for_a_line_ends_in_order(tmp_path: Path, ends: str) -> None:
    with started("listen", tmp_path) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("안녕!\n")
        program.stdin.flush()
        assert json.loads(program.stdout.readline())["kind"] == "reply"
        if ends == "interrupt":
            program.send_signal(signal.SIGINT)
        else:
            program.stdin.close()
        assert program.wait(60) == (130 if ends == "interrupt" else 0)
    assert not list(tmp_path.glob(f"{DATABASE}-*"))  # the database was closed
