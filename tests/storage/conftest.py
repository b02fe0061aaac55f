"""Give each test a real SQLite file of its own, and records to store in it."""

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.database import Database, open_database
from storage.records import (
    ConversationKey,
    Evidence,
    Sanction,
    SanctionKind,
    Turn,
    UserKey,
)
from storage.settings import StorageSettings
from storage.url import master_key_file

NOW = datetime(2026, 3, 14, 6, 30, 12, 345678, tzinfo=UTC)

MakeSanction = Callable[..., Sanction]
MakeTurn = Callable[..., Turn]


@pytest.fixture
def settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings.for_data_dir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ohlora.sqlite3"


@pytest.fixture
async def database(settings: StorageSettings, tmp_path: Path, migrated_folder: Path) -> AsyncIterator[Database]:
    """Open a copy of a migrated, empty database: how one is made is the matter of tests/storage/test_migrations.py."""
    shutil.copytree(migrated_folder / "data", tmp_path, dirs_exist_ok=True)
    shutil.copy(migrated_folder / "data.key", master_key_file(settings))
    async with open_database(settings) as database:
        yield database


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def user() -> UserKey:
    return UserKey(platform="discord", id="1001")


@pytest.fixture
def stranger() -> UserKey:
    """A user of another platform with the same id."""
    return UserKey(platform="telegram", id="1001")


@pytest.fixture
def make_sanction(user: UserKey) -> MakeSanction:
    def make(
        category: str = "정치",
        level: int = 1,
        block: timedelta | None = None,
        of: UserKey = user,
        started_at: datetime = NOW,
        text: str = "국민의힘 어때?",
        reply: str | None = "미안, 그건 부담스러워 😅",
    ) -> Sanction:
        return Sanction(
            user=of,
            category=category,
            level=level,
            kind=SanctionKind.WARNING if block is None else SanctionKind.BLOCK,
            started_at=started_at,
            expires_at=None if block is None else started_at + block,
            rung_before=level - 1,
            evidence=Evidence(
                text=text,
                reply=reply,
                scores={"사랑 고백/만남": 0.01, "일반": 0.1, "정치": 0.97, "패드립": 0.0},
                thresholds={"정치": 0.95},
                profile="embedded",
                policy_version="1",
                request_id="r-1",
            ),
        )

    return make


@pytest.fixture
def make_turn(user: UserKey) -> MakeTurn:
    def make(request_id: str, received_at: datetime = NOW, of: UserKey = user) -> Turn:
        return Turn(
            request_id=request_id,
            user=of,
            conversation=ConversationKey(platform=of.platform, id="room"),
            outcome="reply",
            reason=None,
            received_at=received_at,
            profile="embedded",
            timings_ms={"queue": 0.25, "total": 812.0},
        )

    return make
