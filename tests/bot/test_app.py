"""Check that front ends run side by side, come back after failures, and are left in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

import pytest

from bot.app import App, AppSettings
from bot.desk import Desk as DeskProtocol
from bot.errors import FrontEndError
from bot.handlers.chat import ChatHandler
from bot.talk import Talk
from tests.bot.conftest import SEOUL, Desk, Gate
from tests.bot.test_talk import Manners, actor
from tests.fakes import FakeGenerator

LIMIT_S = 60


class Platform:
    """A front end that fails as it is told, then serves until it is closed."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.serving = asyncio.Event()
        self.closed = asyncio.Event()
        self.runs = 0
        self.on_close: Callable[[], None] = lambda: None

    async def run(self) -> None:
        self.runs += 1
        await asyncio.sleep(0)
        if self.failures:
            failure = self.failures.pop(0)
            if failure is not None:
                raise failure
            return
        self.serving.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.on_close()
        self.closed.set()


class Sleeps:
    """Counts waits in place of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def talk(desk: Desk) -> Talk:
    return Talk(ChatHandler(desk.queue, desk.clock), cast(DeskProtocol, Manners()), default_zone=SEOUL)


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


def app(talk: Talk, sleeps: Sleeps, **front_ends: Platform) -> App:
    return App(front_ends, talk, AppSettings(drain_timeout_s=0.05), sleep=sleeps)


async def stopped(app: App, *ready: asyncio.Event) -> None:
    """Serve until every event is set, then stop."""
    stop = asyncio.Event()
    serving = asyncio.create_task(app.serve(stop))
    async with asyncio.timeout(LIMIT_S):
        for event in ready:
            await event.wait()
        stop.set()
        await serving


async def test_every_front_end_runs_and_is_closed(talk: Talk, sleeps: Sleeps) -> None:
    one, other = Platform(), Platform()
    await stopped(app(talk, sleeps, discord=one, telegram=other), one.serving, other.serving)
    assert one.closed.is_set()
    assert other.closed.is_set()
    assert sleeps.waits == []


@pytest.mark.parametrize("failure", [OSError("no network"), RuntimeError("a bug"), FrontEndError("wrong token"), None])
async def test_failure_of_one_leaves_the_other_alone_and_is_tried_again(
    talk: Talk, sleeps: Sleeps, failure: Exception | None
) -> None:
    failing, steady = Platform(failure), Platform()
    await stopped(app(talk, sleeps, discord=failing, telegram=steady), failing.serving, steady.serving)
    assert (failing.runs, steady.runs) == (2, 1)


async def test_front_end_that_ends_by_being_closed_is_not_started_again(
    talk: Talk, sleeps: Sleeps, caplog: pytest.LogCaptureFixture
) -> None:
    class Polite(Platform):
        async def run(self) -> None:
            self.runs += 1
            self.serving.set()
            await self.closed.wait()

    platform = Polite()
    await stopped(app(talk, sleeps, discord=platform), platform.serving)
    assert platform.runs == 1
    assert "is off" not in caplog.text


async def test_waits_grow_up_to_a_bound(talk: Talk, sleeps: Sleeps) -> None:
    failing = Platform(*(OSError("no network") for _ in range(12)))
    await stopped(app(talk, sleeps, discord=failing), failing.serving)
    assert len(sleeps.waits) == 12
    assert 1.5 <= sleeps.waits[0] <= 2
    assert sleeps.waits[3] > sleeps.waits[0]
    assert 90 <= sleeps.waits[-1] <= 120


async def test_refused_front_end_says_what_to_do_and_waits_longer(
    talk: Talk, sleeps: Sleeps, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Platform(FrontEndError("Discord refuses the token: make a new one"), FrontEndError("again"))
    with caplog.at_level(logging.ERROR):
        await stopped(app(talk, sleeps, discord=failing), failing.serving)
    assert sleeps.waits == [60, 120]
    assert "discord is off: Discord refuses the token: make a new one (trying again in 60 s)" in caplog.text


async def test_running_turn_ends_before_the_front_ends_close(
    talk: Talk, sleeps: Sleeps, generator: FakeGenerator, gate: Gate
) -> None:
    generator._gate = gate
    platform = Platform()
    talking = talk.begin(actor(), "안녕!")
    await gate.reached.wait()
    asyncio.get_running_loop().call_later(0.05, gate.set)
    serving = App({"discord": platform}, talk, AppSettings(drain_timeout_s=LIMIT_S), sleep=sleeps)
    await stopped(serving, platform.serving)
    assert (await talking.outcome()).is_reply


async def test_turn_that_takes_too_long_is_given_up_with_a_friendly_line(
    talk: Talk, sleeps: Sleeps, generator: FakeGenerator, gate: Gate
) -> None:
    generator._gate = gate
    platform = Platform()
    talking = talk.begin(actor(), "안녕!")
    await gate.reached.wait()
    await stopped(app(talk, sleeps, discord=platform), platform.serving)
    assert (await talking.outcome()).text.startswith("나 잠깐 자리 비울게!")
    assert (await talk.begin(actor(), "또 안녕!").outcome()).text.startswith("나 잠깐 자리 비울게!")


async def test_front_end_that_cannot_close_does_not_keep_the_other_open(talk: Talk, sleeps: Sleeps) -> None:
    def fail() -> None:
        raise OSError("gone")

    broken, other = Platform(), Platform()
    broken.on_close = fail
    await stopped(app(talk, sleeps, discord=broken, telegram=other), broken.serving, other.serving)
    assert other.closed.is_set()
