"""The embedded models, loaded once for all end-to-end tests; and a Discord with a channel and two people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.profile import load_profile
from models.settings import Device, ModelSettings, Precision
from tests.e2e.discord_objects import Channel, Person
from tests.e2e.discord_rig import Rig, open_rig, put

if TYPE_CHECKING:
    from models.runtime import ModelRuntime


@pytest.fixture(scope="session")
def embedded_runtime() -> Iterator[ModelRuntime]:
    """The shipped models with their real device thread, in float32; the drafts of a line share a batch, as in production."""
    from models.runtime import open_models  # takes seconds, which tests without models need not wait for

    with asyncio.Runner() as runner:
        models = open_models(
            load_profile("embedded"), ModelSettings(device=Device.CPU, precision=Precision.FLOAT32, max_rows=64)
        )
        runtime = runner.run(models.__aenter__())
        yield runtime
        runner.run(models.__aexit__(None, None, None))


@pytest.fixture
def general() -> Channel:
    return Channel(name="general", guild="to be set")


@pytest.fixture
async def discord(tmp_path: Path, general: Channel) -> AsyncIterator[Rig]:
    """A Discord with one channel, and the front end connected to it."""
    async with open_rig(tmp_path, prepare=lambda server: put(server, general)) as rig:
        yield rig


@pytest.fixture
def mina() -> Person:
    return Person(name="mina")


@pytest.fixture
def juno() -> Person:
    return Person(name="juno")
