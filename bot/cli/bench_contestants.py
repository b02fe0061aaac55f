"""The contestants of `bench turns`, each in a process of its own, so that its memory and its processor time are its own.

A process is asked through a pipe and answers when it is done; only one of them is ever at work.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from models.benchmark.contest import Contest, ContestResult, TurnServer, drive
from models.benchmark.course import Course
from models.benchmark.workload import Workload
from models.errors import ModelError
from models.profile import Profile, with_one_draft
from models.settings import ModelSettings

CONTESTANTS = ("sequential", "peft-mixed", "transformers-cb", "engine", "engine-shipped")
_START_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestantSettings:
    """How the models of a contestant are loaded, and how many turns it may serve at once."""

    profile: Profile
    models: ModelSettings
    turns_at_once: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What shall be recorded: `conversations` of `turns` from `messages`."""

    messages: tuple[str, ...]
    conversations: int
    turns: int
    seed: int


class ContestantProcess:
    """One contestant: loads its models at the start and keeps them."""

    def __init__(self, name: str, settings: ContestantSettings) -> None:
        """Start the process; it loads while the caller goes on."""
        context = get_context("spawn")
        self.name = name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(name, settings, theirs), name=name, daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, what: Any, tell: Callable[[int], None] = lambda _: None) -> Any:
        """Hand it work and wait for the answer; `tell` gets the progress.

        Raises:
            ModelError: it failed, with its reason.
        """
        self._pipe.send(what)
        while True:
            try:
                answer = self._pipe.recv()
            except EOFError:
                raise ModelError(f"{self.name} ended by itself (exit code {self._process.exitcode})") from None
            if isinstance(answer, int):
                tell(answer)
            elif isinstance(answer, _Failure):
                raise ModelError(answer.reason)
            else:
                return answer

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=30)
        if self._process.is_alive():
            self._process.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    reason: str


def _main(name: str, settings: ContestantSettings, pipe: Connection) -> None:
    try:
        asyncio.run(_serve(name, settings, pipe))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
    except Exception as error:
        print("".join(traceback.format_exception(error)[-6:]), file=sys.stderr)
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        reason = str(cause).splitlines()[0] if str(cause) else ""
        pipe.send(_Failure(reason=f"{type(cause).__name__}: {reason}"))


async def _serve(name: str, settings: ContestantSettings, pipe: Connection) -> None:
    async with _open(name, settings) as (server, runtime):
        while True:
            what = await asyncio.to_thread(pipe.recv)
            if isinstance(what, Recording):
                from bot.cli.bench_engine import record_workload

                pipe.send(
                    await record_workload(
                        runtime,
                        with_one_draft(settings.profile),
                        what.messages,
                        (what.conversations, what.turns),
                        what.seed,
                        pipe.send,
                    )
                )
            else:
                workload, contest = what
                pipe.send(await _round(server, workload, contest, pipe.send))


async def _round(
    server: TurnServer, workload: Workload, contest: Contest, tell: Callable[[int], None]
) -> ContestResult:
    from models.benchmark.gpu_memory import gpu_peak_mb

    course = Course(contest.users * contest.turns, tell, seconds=contest.seconds)
    wall, cpu = time.perf_counter(), time.process_time()
    times = await drive(server, workload, contest, course.note)
    return ContestResult(
        times=tuple(times),
        wall_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        course=tuple(course.milestones),
        gpu_peak_mb=gpu_peak_mb(),
    )


@asynccontextmanager
async def _open(name: str, settings: ContestantSettings) -> AsyncIterator[tuple[TurnServer, Any]]:
    """Open a contestant by name; the engine's runtime beside it, for recording."""
    if name in ("engine", "engine-shipped"):
        from bot.cli.bench_engine import open_engine_server
        from models.runtime import open_models

        is_equal_work = name == "engine"
        profile = with_one_draft(settings.profile) if is_equal_work else settings.profile
        async with (
            open_models(profile, settings.models) as runtime,
            open_engine_server(runtime, profile, settings.turns_at_once, is_equal_work=is_equal_work) as engine,
        ):
            yield engine, runtime
        return
    from models.benchmark.peft_models import load_peft_models

    models = load_peft_models(settings.profile, settings.models)
    if name == "sequential":
        from models.benchmark.sequential import SequentialServer

        yield SequentialServer(models), None
    elif name == "peft-mixed":
        from models.benchmark.peft_mixed import PeftMixedServer

        mixed = PeftMixedServer(models, settings.turns_at_once)
        worker = asyncio.create_task(mixed.work(), name="peft-mixed")
        try:
            yield mixed, None
        finally:
            worker.cancel()
    else:
        from models.benchmark.transformers_cb import open_transformers_server

        with open_transformers_server(models) as server:
            yield server, None


def check_names(names: Sequence[str]) -> None:
    """Check that there are such contestants.

    Raises:
        ModelError: one is unknown.
    """
    if odd := [name for name in names if name not in CONTESTANTS]:
        raise ModelError(f"no contestant {odd[0]!r}; choose of {', '.join(CONTESTANTS)}")
