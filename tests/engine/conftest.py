"""Give each test of the engine a database of its own, requests, and a pipeline over fake models."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path

import hypothesis
import pytest

from engine.pipeline import ChatPipeline
from engine.sanction_policy import load_policy
from engine.types import ChatRequest
from models.profile import load_profile
from storage.database import Database, open_database, upgrade
from storage.settings import StorageSettings
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


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a migrated, empty database to copy."""
    folder = tmp_path_factory.mktemp("template")
    asyncio.run(upgrade(StorageSettings.for_data_dir(folder)))
    return folder


@pytest.fixture
async def database(tmp_path: Path, migrated_folder: Path) -> AsyncIterator[Database]:
    shutil.copytree(migrated_folder, tmp_path / "data")
    async with open_database(StorageSettings.for_data_dir(tmp_path / "data")) as database:
        yield database


@pytest.fixture
def make_rig(database: Database, make_request: MakeRequest) -> MakeRig:
    def make(
        scores: Mapping[str, Mapping[str, float]] | None = None,
        *,
        generator: FakeGenerator | None = None,
        embedder: FakeEmbedder | None = None,
    ) -> Rig:
        clock = FixedClock(NOW)
        generator = generator or FakeGenerator()
        embedder = embedder or FakeEmbedder(scores)
        pipeline = ChatPipeline(
            profile=load_profile("ohlora-v4"),
            policy=load_policy("default"),
            generator=generator,
            embedder=embedder,
            database=database,
            clock=clock,
            seed=7,
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
