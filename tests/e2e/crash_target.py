"""The program that the crash test kills: real console, queue, pipeline and storage over fake models that take their time.

    crash_target.py serve FOLDER      fork one process for each line of standard input, and write its id
    crash_target.py listen FOLDER     talk with one user over standard input, as `main.py chat --json` does

A line `talk SEED USER…` lets the users talk until they are killed; `ask SEED USER…` lets each say one line. What a user is
shown is in FOLDER/USER.jsonl. Forking saves the imports of each start, and what a process does for the first time.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from bot.console import Console, ConsoleOptions, read_lines
from bot.handlers.chat import ChatHandler
from bot.handlers.interview_cards import InterviewCards
from bot.handlers.memory import MemoryHandler
from bot.handlers.sanctions import SanctionHandler
from engine.care import load_care
from engine.interview_banks import BankShelf
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.queue import TurnQueue, open_queue
from engine.settings import EngineSettings
from models.profile import load_profile
from models.types import Embeddings, Generation, Sampling
from storage.database import Database, open_database
from storage.settings import StorageSettings
from tests.fakes import HATE, LOVE, PAEDRIP, POLITICS, FakeEmbedder, FakeGenerator, make_firewall

OFFENCES = {
    "사랑해": {LOVE: 0.99},
    "대통령 어때?": {POLITICS: 0.97},
    "부모 욕": {PAEDRIP: 0.95},
    "범죄 얘기": {HATE: 0.95},
}
LONGEST_PAUSE_S = 0.004


class SlowGenerator(FakeGenerator):
    """Declines offences, remembers numbers, and pauses before every answer."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    async def generate(
        self, adapter: str, prompt: str, sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        """Answer after a pause of a few milliseconds."""
        await asyncio.sleep(self._rng.uniform(0, LONGEST_PAUSE_S))
        if adapter == "output_message" and any(text in prompt for text in OFFENCES):
            self.enqueue(adapter, "미안, 그건 부담스러워 😅")
        if adapter == "memory" and "숫자" in prompt:
            number = self._rng.randrange(10)
            self.enqueue(adapter, f"[숫자 {number % 3}: {number}]")
        if adapter == "summary":
            self.enqueue(adapter, f"{self._rng.randrange(10**9)}번째로 대답함")
        return await super().generate(adapter, prompt, sampling, on_text=on_text)


class SlowEmbedder(FakeEmbedder):
    """Pauses before every embedding."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(OFFENCES)
        self._rng = rng

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        """Embed after a pause of a few milliseconds."""
        await asyncio.sleep(self._rng.uniform(0, LONGEST_PAUSE_S))
        return await super().embed(encoder, texts)


def now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_engine(folder: Path, rng: random.Random) -> AsyncIterator[tuple[TurnQueue, Database]]:
    """Nest the lifetimes as `main.py` does, with fake models."""
    async with open_database(StorageSettings.for_data_dir(folder)) as database:
        pipeline = ChatPipeline(
            profile=load_profile("ohlora-v4"),
            policy=load_policy("default"),
            care=load_care(),
            generator=SlowGenerator(rng),
            embedder=SlowEmbedder(rng),
            database=database,
            clock=now,
        )
        async with open_queue(pipeline.run, EngineSettings(max_concurrent_turns=8)) as queue:
            yield queue, database


def make_console(queue: TurnQueue, database: Database, user: str, out: TextIO) -> Console:
    """Return a console that prints JSON lines."""
    return Console(
        chat=ChatHandler(queue, now),
        cards=InterviewCards(database, BankShelf()),
        memory=MemoryHandler(database, now, make_firewall()),
        sanctions=SanctionHandler(database),
        clock=now,
        options=ConsoleOptions(user=user, locale="ko", zone=ZoneInfo("Asia/Seoul"), as_json=True, card_folder=Path()),
        out=out,
    )


async def say_much(rng: random.Random) -> AsyncIterator[str]:
    """Yield messages for ever: small talk, things to remember, and about one offence in seven."""
    while True:
        draw = rng.random()
        if draw < 0.03:
            yield rng.choice(["부모 욕", "범죄 얘기"])
        elif draw < 0.15:
            yield rng.choice(["사랑해", "대통령 어때?"])
        else:
            yield rng.choice(["안녕!", "밥 먹었어?", "숫자 하나 기억해 줘", "숫자 또 하나", " ", "말 " * 50])


async def say_once() -> AsyncIterator[str]:
    """Yield one harmless message."""
    yield "안녕!"


async def talk(folder: Path, kind: str, seed: int, users: Sequence[str]) -> None:
    """Let `users` talk at once."""
    rng = random.Random(seed)
    async with open_engine(folder, rng) as (queue, database), asyncio.TaskGroup() as group:
        for user in users:
            out = (folder / f"{user}.jsonl").open("a", encoding="utf-8")
            console = make_console(queue, database, user, out)
            group.create_task(console.run_piped(say_once() if kind == "ask" else say_much(rng)))


def serve(folder: Path) -> None:
    """Fork a talking process for each line that comes in, and wait for its end; talk once elsewhere before."""
    with tempfile.TemporaryDirectory() as elsewhere:
        (Path(elsewhere) / "data").mkdir()
        asyncio.run(talk(Path(elsewhere) / "data", "ask", 0, ["me"]))
    for line in sys.stdin:
        kind, seed, *users = line.split()
        child = os.fork()
        if child == 0:
            asyncio.run(talk(folder, kind, int(seed), users))
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


async def listen(folder: Path) -> None:
    """Answer standard input."""
    async with open_engine(folder, random.Random(7)) as (queue, database):
        await make_console(queue, database, "me", sys.stdout).run_piped(read_lines())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        try:
            asyncio.run(listen(Path(sys.argv[2])))
        except KeyboardInterrupt:
            sys.exit(130)
