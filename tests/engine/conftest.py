"""Give each test of the engine a database of its own, requests, and a pipeline over fake models."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime

import hypothesis
import pytest

from engine.care import load_care
from engine.load import Load
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.sanction_policy import SanctionPolicy
from engine.types import ChatRequest
from models.profile import Profile, load_profile
from storage.database import Database
from tests.engine.rig import NOW, FixedClock, MakeRequest, MakeRig, Rig, conversation_key, user_key
from tests.fakes import FakeEmbedder, FakeGenerator

hypothesis.settings.register_profile("engine", deadline=None)
hypothesis.settings.load_profile("engine")


@pytest.fixture
def make_request() -> MakeRequest:
    numbers = itertools.count(1)

    def make(
        text: str = "안녕?", *, user: str = "1001", conversation: str = "room", received_at: datetime = NOW
    ) -> ChatRequest:
        return ChatRequest(
            request_id=f"r-{next(numbers)}",
            user=user_key(user),
            conversation=conversation_key(conversation),
            text=text,
            received_at=received_at,
        )

    return make


@pytest.fixture
def make_rig(database: Database, make_request: MakeRequest) -> MakeRig:
    def make(
        scores: Mapping[str, Mapping[str, float]] | None = None,
        *,
        generator: FakeGenerator | None = None,
        embedder: FakeEmbedder | None = None,
        profile: Profile | None = None,
        policy: SanctionPolicy | None = None,
        load: Load | None = None,
    ) -> Rig:
        clock = FixedClock(NOW)
        generator = generator or FakeGenerator()
        embedder = embedder or FakeEmbedder(scores)
        pipeline = ChatPipeline(
            profile=profile or load_profile("ohlora-v4"),
            policy=policy or load_policy("default"),
            care=load_care(),
            generator=generator,
            embedder=embedder,
            database=database,
            clock=clock,
            seed=7,
            load=load,
        )
        return Rig(
            pipeline=pipeline,
            generator=generator,
            database=database,
            clock=clock,
            make_request=make_request,
            embedder=embedder,
        )

    return make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()
