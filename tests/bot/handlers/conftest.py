"""Give each test of the handlers a desk over a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.handlers.communities import PersonaDefaults
from bot.handlers.reception import Reception, ReceptionSettings
from storage.database import Database
from storage.records import Evidence, Sanction, SanctionKind
from tests.bot.conftest import NOW, SEOUL, FixedClock
from tests.bot.handlers.lobby import Lobby, user_key
from tests.fakes import HATE, NORMAL, POLITICS, make_firewall

SCORES = {"범죄 얘기": {HATE: 0.95}}
MakeCase = Callable[..., Sanction]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def lobby(database: Database, clock: FixedClock) -> Lobby:
    persona = PersonaDefaults(profile="embedded", temperature=0.6, face_mode="picture")
    settings = ReceptionSettings(locale="ko", zone=SEOUL, persona=persona)
    return Lobby(desk=Reception(database, clock, settings, make_firewall(SCORES)), database=database, clock=clock)


@pytest.fixture
def make_case() -> MakeCase:
    """Make sanctions as the engine gives them."""
    numbers = itertools.count(1)

    def make(
        category: str = POLITICS,
        *,
        user: str = "1001",
        level: int = 1,
        block: timedelta | None = None,
        community: str | None = None,
        text: str = "대통령 어때?",
    ) -> Sanction:
        return Sanction(
            user=user_key(user),
            category=category,
            level=level,
            kind=SanctionKind.WARNING if block is None else SanctionKind.BLOCK,
            started_at=NOW,
            expires_at=None if block is None else NOW + block,
            evidence=Evidence(
                text=text,
                reply="미안, 부담스러워 😅",
                scores={NORMAL: 0.1, category: 0.97},
                thresholds={category: 0.95},
                profile="embedded",
                policy_version="2026-11-1",
                request_id=f"r-{next(numbers)}",
            ),
            community=community,
        )

    return make
