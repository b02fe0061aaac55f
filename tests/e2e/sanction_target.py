"""The program that the sanction crash test kills: people offend, appeal and are forgotten, moderators decide, over a real database.

    sanction_target.py FOLDER      for each line of standard input, fork processes that work in FOLDER

A line is `work SEED COUNT` (go on until killed) or `climb SEED COUNT` (each gives `OFFENCES_EACH` to one user, and ends). The ids of
the processes are written on one line, and once all have ended their exit codes on the next. What was committed is told,
after the commit, in FOLDER/SEED-NUMBER.jsonl: this is what a user or a moderator would have been shown. Forking saves the imports,
and what is done for the first time in a process: the parent has done each act once, over a database of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.policy_file import load_policy
from engine.sentencing import Sentencing
from engine.types import ChatRequest
from models.profile import load_profile
from storage.appeals import AppealStore
from storage.database import Database, open_database
from storage.forgetting import forget_user
from storage.memories import MemoryStore
from storage.records import AppealState, ConversationKey, Sanction, Scope, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from tests.fakes import HATE, LOVE, NORMAL

PLATFORM = "discord"
USERS = tuple(UserKey(platform=PLATFORM, id=str(number)) for number in range(6))
CLIMBER, MODERATOR = UserKey(platform=PLATFORM, id="climber"), UserKey(platform=PLATFORM, id="moderator")
EVERYTHING = Scope(platform=PLATFORM)
OFFENCES_EACH = 16
LONGEST_PAUSE_S = 0.02
PROFILE, POLICY = load_profile("ohlora-v4"), load_policy("default")
Told = dict[str, Any]


def now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


class Worker:
    """Does one thing after the other, each in a transaction, and tells each once it is committed."""

    def __init__(self, database: Database, rng: random.Random, name: str, out: int) -> None:
        """Write what was done to the file descriptor `out`."""
        self._database = database
        self._rng = rng
        self._name = name
        self._out = out
        self._done = 0
        self._sentencing = Sentencing(profile=PROFILE, policy=POLICY, database=database, clock=now)

        self.acts: dict[Callable[[], Awaitable[Told | None]], int] = {
            self.offend: 9,
            self.decide: 4,
            self.appeal: 4,
            self.answer: 3,
            self.remember: 3,
            self.forget: 2,
        }

    async def work(self) -> None:
        """Go on for ever."""
        while True:
            (act,) = self._rng.choices(list(self.acts), list(self.acts.values()))
            self.tell(await act())
            await asyncio.sleep(self._rng.uniform(0, LONGEST_PAUSE_S))  # SQLite gives its lock to whoever asks next

    def tell(self, told: Told | None) -> None:
        """Tell what was committed, in one write."""
        if told is not None:
            os.write(self._out, (json.dumps(told) + "\n").encode())

    async def offend(self, user: UserKey | None = None) -> Told:
        """Let somebody offend, although they may be blocked: the message was on its way before."""
        user = user or self._rng.choice(USERS)
        category, reply = self._rng.choice([(HATE, None), (LOVE, "미안 😅")])
        self._done += 1
        request = ChatRequest(
            request_id=f"{self._name}-{self._done}",
            user=user,
            conversation=ConversationKey(platform=PLATFORM, id="room"),
            text="나쁜 말",
            received_at=now(),
        )
        scores = {category: 0.99, NORMAL: 0.1}
        async with self._database.begin() as session:
            (step,) = await self._sentencing.sentence(SanctionStore(session), request, scores, (category,), reply)
        return {"did": "offend", "request": request.request_id, "user": user.id, "level": step.level}

    async def decide(self) -> Told | None:
        """Lift a block, or overturn whatever it is."""
        async with self._database.begin() as session:
            store = SanctionStore(session)
            sanction = await self._any(store)
            if sanction is None or sanction.id is None:
                return None
            if self._rng.random() < 0.5 and sanction.holds(now()):
                change = await store.end(sanction.id, now(), MODERATOR, "오해", now())
            elif sanction.state(now()) == "overturned":
                return None
            else:
                change = await store.overturn(sanction.id, MODERATOR, "오해", now())
        return {"did": "decide", "sanction": change.sanction_id, "action": change.action}

    async def appeal(self) -> Told | None:
        """Appeal against a sanction."""
        async with self._database.begin() as session:
            sanction = await self._any(SanctionStore(session))
            appeal = sanction and await AppealStore(session).open(sanction, "억울해요", now())
        return {"did": "appeal", "appeal": appeal.id, "user": appeal.user.id} if appeal else None

    async def answer(self) -> Told | None:
        """Decide the oldest appeal that waits."""
        async with self._database.begin() as session:
            store = AppealStore(session)
            waiting = await store.waiting(EVERYTHING)
            if not waiting:
                return None
            decided = await store.decide(waiting[0].sanction_id, AppealState.DENIED, MODERATOR, "그대로", now())
        return {"did": "answer", "appeal": decided.id, "user": decided.user.id} if decided else None

    async def remember(self) -> Told:
        """Remember of somebody up to which sanction they had come."""
        user = self._rng.choice(USERS)
        async with self._database.begin() as session:
            top = await self._newest(SanctionStore(session), user)
            await MemoryStore(session).remember(user, f"{self._name} {self._done}", str(top), now(), None)
        return {"did": "remember", "user": user.id}

    async def forget(self) -> Told:
        """Forget somebody."""
        user = self._rng.choice(USERS)
        async with self._database.read() as session:
            top = await self._newest(SanctionStore(session), user)
        await forget_user(self._database, user, now())
        return {"did": "forget", "user": user.id, "up_to": top}

    async def _any(self, store: SanctionStore) -> Sanction | None:
        sanctions = await store.of_user(self._rng.choice(USERS))
        return self._rng.choice(sanctions[:20]) if sanctions else None

    async def _newest(self, store: SanctionStore, user: UserKey) -> int:
        return max((each.id or 0 for each in await store.of_user(user)), default=0)


async def run(folder: Path, kind: str, seed: str, number: int) -> None:
    """Do one process's work."""
    name = f"{seed}-{number}"
    out = os.open(folder / f"{name}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    patient = replace(
        StorageSettings.for_data_dir(folder), busy_timeout_s=60
    )  # many writers, and machines that do other things
    async with open_database(patient) as database:
        worker = Worker(database, random.Random(name), name, out)
        if kind == "work":
            await worker.work()
        for _ in range(OFFENCES_EACH):
            worker.tell(await worker.offend(CLIMBER))


async def warm_up() -> None:
    """Do each act once over a database that nobody looks at."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(StorageSettings.for_data_dir(Path(folder) / "data")) as database:
            worker = Worker(database, random.Random(0), "warm-up", -1)
            for act in worker.acts:
                await act()


def serve(folder: Path) -> None:
    """Fork processes for each line that comes in, and wait for their ends."""
    asyncio.run(warm_up())
    for line in sys.stdin:
        kind, seed, count = line.split()
        children = []
        for number in range(int(count)):
            child = os.fork()
            if child == 0:
                asyncio.run(run(folder, kind, seed, number))
                os._exit(0)
            children.append(child)
        print(*children, flush=True)
        print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
