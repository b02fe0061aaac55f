"""Kill processes at random moments of sanctions, decisions, appeals and /forgetme, and look at what they leave behind.

`make crash` kills many more than `make test`: as many as OHLORA_TEST_KILLS says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from storage.appeals import AppealStore
from storage.audit import AuditStore
from storage.audit_anchor import AuditAnchor
from storage.audit_check import check_audit
from storage.database import Database, open_database
from storage.memories import MemoryStore
from storage.records import Appeal, Sanction
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from storage.tables import SanctionRow
from tests.e2e.sanction_target import CLIMBER, OFFENCES_EACH, USERS

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).with_name("sanction_target.py")
KILLS, AT_ONCE = int(os.environ.get("OHLORA_TEST_KILLS", "60")), 10
LOOKS_EVERY = 3  # rounds, and at the end
LONGEST_LIFE_S = 0.06
Told = dict[str, Any]


class Server:
    """The target, as the test drives it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, kind: str, seed: int, count: int) -> list[int]:
        """Fork processes, and return their ids."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {seed} {count}\n")
        self._process.stdin.flush()
        return self._numbers()

    def end(self) -> list[int]:
        """Wait for the processes that were forked last, and return their exit codes."""
        return self._numbers()

    def _numbers(self) -> list[int]:
        assert self._process.stdout is not None
        return [int(word) for word in self._process.stdout.readline().split()]


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Start the target; end it, however the test ends."""
    with subprocess.Popen(
        [sys.executable, str(TARGET), str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        start_new_session=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it forked


def kill_at_random(processes: list[int], files: list[Path], rng: random.Random, *, at_start: bool) -> None:
    """Kill each process at a moment of its own: while it starts, or once it has told something."""
    for process, file in zip(processes, files, strict=True):
        deadline = time.monotonic() + 60
        while not at_start and not (file.exists() and file.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(rng.uniform(0, LONGEST_LIFE_S / len(processes)))
        os.kill(process, signal.SIGKILL)


def told_lines(folder: Path) -> list[Told]:
    """Return everything that was told, whole lines only."""
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]
    ]


async def assert_audit_is_whole(database: Database, folder: Path) -> None:
    """Check the chain against both heads, and that every decision of a person is in it."""
    async with database.read() as session:
        audit = AuditStore(session)
        anchor = AuditAnchor(folder / "ohlora.sqlite3").read()
        heads = [head for head in (await audit.head(), anchor) if head is not None]
        assert (await check_audit(audit, *heads))[1] is None
        acts = Counter(entry.action for entry in await audit.newest(1_000_000))
        sanctions = await session.scalars(select(SanctionRow.id))
        changes = Counter(change.action.value for change in await SanctionStore(session).changes(list(sanctions)))
        decided = [each for user in USERS for each in await AppealStore(session).of_user(user) if each.decided_at]
    assert {action: count for action, count in acts.items() if action.startswith("sanction.")} == {
        f"sanction.{action}": count for action, count in changes.items()
    }
    assert acts["appeal.decided"] == len(decided)


async def assert_nobody_is_half_forgotten(database: Database, told: list[Told]) -> None:
    """Check each user: what was forgotten is gone up to one moment, and nothing of before that moment is left."""
    async with database.read() as session:
        for user in USERS:
            sanctions = (await SanctionStore(session).of_user(user))[::-1]
            forgotten = [each.id or 0 for each in sanctions if not each.evidence.text]
            last = max(forgotten, default=0)
            assert [each.id for each in sanctions if (each.id or 0) <= last] == forgotten
            assert all(each.evidence.reply is None for each in sanctions if (each.id or 0) <= last)
            assert all(int(memory.value) >= last for memory in await MemoryStore(session).of_user(user))
            appeals = await AppealStore(session).of_user(user)
            has_text = [bool(appeal.text) for appeal in appeals]
            assert has_text == sorted(has_text)
            shown = [each["up_to"] for each in told if each["did"] == "forget" and each["user"] == user.id]
            assert last >= max(shown, default=0)


async def assert_what_was_told_is_kept(database: Database, told: list[Told]) -> None:
    """Check that nothing which somebody was told is lost."""
    async with database.read() as session:
        sanctions: list[Sanction] = []
        appeals: dict[int, Appeal] = {}
        for user in USERS:
            sanctions += await SanctionStore(session).of_user(user)
            appeals |= {appeal.id: appeal for appeal in await AppealStore(session).of_user(user)}
        by_request = {each.evidence.request_id: each for each in sanctions}
        changes = await SanctionStore(session).changes([each.id for each in sanctions if each.id is not None])
    changed = Counter((change.sanction_id, change.action.value) for change in changes)
    for line in told:
        match line["did"]:
            case "offend":
                sanction = by_request[line["request"]]
                assert (sanction.user.id, sanction.level) == (line["user"], line["level"])
            case "decide":
                assert changed[line["sanction"], line["action"]]
            case "appeal":
                assert appeals[line["appeal"]].user.id == line["user"]
            case "answer":
                assert appeals[line["appeal"]].decided_at


async def test_killed_processes_lose_no_decision_and_forget_nobody_by_half(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    settings = StorageSettings.for_data_dir(tmp_path)
    with served(tmp_path) as server:
        rounds = KILLS // AT_ONCE
        for number in range(rounds):
            processes = server.start("work", number, AT_ONCE)
            files = [tmp_path / f"{number}-{each}.jsonl" for each in range(AT_ONCE)]
            kill_at_random(processes, files, rng, at_start=number % 5 == 0)
            assert set(server.end()) == {-signal.SIGKILL}
            if (number + 1) % LOOKS_EVERY and number + 1 < rounds:
                continue
            told = told_lines(tmp_path)
            async with open_database(settings) as database:
                await assert_audit_is_whole(database, tmp_path)
                await assert_nobody_is_half_forgotten(database, told)
                await assert_what_was_told_is_kept(database, told)
    done = Counter(line["did"] for line in told)
    assert set(done) == {"offend", "decide", "appeal", "answer", "remember", "forget"}
    with closing(sqlite3.connect(tmp_path / "ohlora.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_offences_in_several_processes_climb_one_rung_each(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.start("climb", 1, 4)
        assert server.end() == [0] * 4
    async with open_database(StorageSettings.for_data_dir(tmp_path)) as database, database.read() as session:
        sanctions = (await SanctionStore(session).of_user(CLIMBER))[::-1]
    by_category: dict[str, list[tuple[int, int]]] = {}
    for each in sorted(sanctions, key=lambda sanction: sanction.id or 0):
        by_category.setdefault(each.category, []).append((each.rung_before, each.level))
    assert len(sanctions) == 4 * OFFENCES_EACH
    for rungs in by_category.values():
        assert rungs == [(level - 1, level) for level in range(1, len(rungs) + 1)]
