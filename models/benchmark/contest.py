"""Let users talk to a server of turns, and time what they wait for. No torch here."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from models.benchmark.workload import TurnWork, Workload
from models.profile import ADAPTER_NAMES


class Arrivals(StrEnum):
    """When messages come: TALKING users write when they have been answered; POISSON messages come by themselves, at a rate."""

    TALKING = "talking"
    POISSON = "poisson"


def _one_each() -> Mapping[str, int]:
    return dict.fromkeys(ADAPTER_NAMES, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """When the first token and the whole reply of a turn were there (`time.perf_counter()`), and how often each adapter generated."""

    first_token_at: float
    reply_at: float
    generations: Mapping[str, int] = field(default_factory=_one_each)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimes:
    """Seconds from a message's arrival to the first token, to the whole reply, and to the end of its turn; what was generated in it."""

    first_token_s: float
    reply_s: float
    turn_s: float
    new_tokens: int
    generations: Mapping[str, int] = field(default_factory=_one_each)


class TurnServer(Protocol):
    """Something that serves turns of many users."""

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> Served:
        """Do a turn, and encode its texts as those of `user` (`as_own`).

        `user` is who is remembered; `sender`, where it is not the same, is who the message comes from for a queue that looks at that.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Who comes: `users` with `turns` each, other people in every `round`; `rate` is messages a second of all together, for POISSON.

    After `seconds` nobody begins another turn, but everybody has one. `flood` is the number of messages that one more sender sends at
    once at the beginning, each in a conversation of its own.
    """

    users: int
    turns: int
    arrivals: Arrivals = Arrivals.TALKING
    rate: float = 1.0
    seed: int = 7
    round: int = 0
    seconds: float = math.inf
    flood: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """Where a round stood after so many turns: seconds on the wall, of the processor, and megabytes resident."""

    turns: int
    wall_s: float
    cpu_s: float
    resident_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestResult:
    """What a contestant did in one round: times in seconds, `cpu_s` of its process on all cores, `peak_mb` of it so far.

    `gpu_peak_mb` is what its tensors held on the GPU at most so far; None where it uses none. `times` are those of the users, without a
    flood's; `course` has a milestone at each tenth of the round.
    """

    times: tuple[TurnTimes, ...]
    wall_s: float
    cpu_s: float
    peak_mb: float
    course: tuple[Milestone, ...] = ()
    gpu_peak_mb: float | None = None


async def drive(
    server: TurnServer, workload: Workload, contest: Contest, tell: Callable[[int], None] = lambda _: None
) -> list[TurnTimes]:
    """Let every user take their turns; `tell` gets the number of turns so far. The times are those of the users."""
    times: list[TurnTimes] = []
    started = time.perf_counter()

    async def turn(user: int, again: int, work: TurnWork) -> None:
        begun = time.perf_counter()
        served = await server.serve(f"{contest.round}-{user}-{again}", work)
        ended = time.perf_counter()
        times.append(
            TurnTimes(
                first_token_s=served.first_token_at - begun,
                reply_s=served.reply_at - begun,
                turn_s=ended - begun,
                new_tokens=sum(work.generation(name).new_tokens * n for name, n in served.generations.items()),
                generations=served.generations,
            )
        )
        tell(len(times))

    async def talk(user: int) -> None:
        waits = random.Random(f"{contest.seed}|{user}")
        for number, (again, _, work) in enumerate(workload.turns_of(user, contest.turns)):
            if contest.arrivals is Arrivals.POISSON:
                await asyncio.sleep(waits.expovariate(contest.rate / contest.users))
            if number and time.perf_counter() - started > contest.seconds:
                return
            await turn(user, again, work)

    async with asyncio.TaskGroup() as group:
        for number in range(contest.flood):
            work = workload.conversations[number % len(workload.conversations)][0]
            name = f"{contest.round}-flood"
            group.create_task(server.serve(f"{name}-{number}", work, name))
        for user in range(contest.users):
            group.create_task(talk(user))
    return times
