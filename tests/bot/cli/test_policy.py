"""Check `main.py policy`: what it says of a file, and of the stored log under another policy."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import main as program
from engine.policy_file import POLICIES_DIR, load_policy, to_record
from engine.sentencing import Sentencing
from engine.types import ChatRequest
from models.profile import load_profile
from storage.database import open_database
from storage.observations import ObservationStore
from storage.records import ConversationKey, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from tests.fakes import HATE, NORMAL, POLITICS

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
DEFAULT = (POLICIES_DIR / "default.toml").read_text(encoding="utf-8")


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """A policy that blocks for hate for three days at first, and looks at politics from 0.8 on."""
    file = tmp_path / "new.toml"
    text = DEFAULT.replace('ladder = ["1 d", "7 d"', 'ladder = ["3 d", "7 d"').replace("2026-11-2", "2026-12-1")
    file.write_text(text.replace('[categories."정치"]', '[categories."정치"]\nthreshold = 0.8'), encoding="utf-8")
    return file


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A log of one block and of one message that was only observed."""

    async def fill() -> None:
        async with open_database(StorageSettings.for_data_dir(tmp_path)) as database, database.begin() as session:
            policy, profile = load_policy("default"), load_profile("ohlora-v4")
            sentencing = Sentencing(profile=profile, policy=policy, database=database, clock=lambda: NOW)
            near = {POLITICS: 0.85, NORMAL: 0.1}
            later = NOW + timedelta(days=2)
            await sentencing.sentence(SanctionStore(session), said("1001", "r-1"), {HATE: 0.95}, (HATE,), None)
            await sentencing.observe(ObservationStore(session), said("1001", "r-2"), near, "미안 😅", later)
            await sentencing.observe(ObservationStore(session), said("1002", "r-3"), near, "미안 😅", NOW)

    asyncio.run(fill())
    return tmp_path


def said(user: str, request_id: str) -> ChatRequest:
    return ChatRequest(
        request_id=request_id,
        user=UserKey(platform="discord", id=user),
        conversation=ConversationKey(platform="discord", id="room"),
        text="…",
        received_at=NOW,
    )


def test_policy_in_order_is_told_with_its_digest(stricter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["policy", "check", str(stricter)]) == 0
    digest = to_record(load_policy(str(stricter))).digest
    assert capsys.readouterr().out == f"policy 2026-12-1 is in order; 4 categories, digest {digest}\n"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"7 d", "30 d", "1461 d"]', '"7 weeks"]', r"categories.패드립.ladder.0: '7 weeks' is no length"),
        ('[categories."패드립"]', '[categories."욕"]', "do not both know 욕, 패드립; allowed are"),
    ],
)
def test_policy_out_of_order_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, what: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(DEFAULT.replace(old, new), encoding="utf-8")
    assert program.main(["policy", "check", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: sanction policy {file}: ")
    assert what in err
    assert err.count("\n") == 1


def test_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["policy", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["categories"]


def test_replay_tells_who_would_lose_what(data_dir: Path, stricter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["policy", "replay", "--policy", str(stricter), "--data-dir", str(data_dir)]
    before = (data_dir / "ohlora.sqlite3").read_bytes()
    assert program.main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    nothing = {"warnings": 0, "blocks": 0, "blocked_hours": 0, "highest_level": 0}
    warned = {**nothing, "warnings": 1, "highest_level": 1}
    block = {**nothing, "blocks": 1, "highest_level": 1}
    assert (found["policy"], found["users"], found["messages"], found["unsaid"]) == ("2026-12-1", 2, 3, 1)
    assert found["categories"][POLITICS] == {"given": nothing, "replayed": warned}
    assert [(each["user"], each["category"], each["given"], each["replayed"]) for each in found["changes"]] == [
        ("1001", HATE, {**block, "blocked_hours": 24}, {**block, "blocked_hours": 72}),
        ("1002", POLITICS, nothing, warned),
    ]
    assert program.main(command) == 0
    shown = capsys.readouterr().out
    assert "3 messages of 2 users: 2 users would fare otherwise" in shown
    assert "24 → 72" in shown
    assert (data_dir / "ohlora.sqlite3").read_bytes() == before


def test_replay_of_the_same_policy_finds_nothing(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["policy", "replay", "--policy", "default", "--data-dir", str(data_dir), "--json"]
    assert program.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


def test_replay_without_a_database_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["policy", "replay", "--policy", "default", "--data-dir", str(tmp_path / "nowhere")]
    assert program.main(arguments) == 2
    assert "there is no database yet; run: python main.py db upgrade" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
