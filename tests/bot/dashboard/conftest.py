"""Give each test of the dashboard a house with an open door."""

from __future__ import annotations

import pytest

from storage.database import Database
from tests.bot.conftest import NOW, FixedClock
from tests.bot.dashboard.visiting import House, open_house
from tests.bot.handlers.conftest import make_case
from tests.bot.handlers.lobby import Lobby

__all__ = ["make_case"]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def lobby(database: Database, clock: FixedClock) -> Lobby:
    """A desk without a dashboard."""
    return open_house(database, clock, url="").lobby


@pytest.fixture
def house(database: Database, clock: FixedClock) -> House:
    return open_house(database, clock)
