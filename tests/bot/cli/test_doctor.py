"""Check that the doctor finds what is broken and says how to mend it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import main
from storage.database import open_database
from storage.memories import MemoryStore
from storage.records import UserKey
from storage.settings import StorageSettings
from storage.vault import utc_now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with something sealed in it."""

    async def fill() -> None:
        async with (
            open_database(StorageSettings.for_data_dir(tmp_path / "data")) as database,
            database.begin() as session,
        ):
            await MemoryStore(session).remember(UserKey(platform="discord", id="1"), "이름", "하나", utc_now(), None)

    asyncio.run(fill())
    return tmp_path / "data"


def examined(folder: Path, capsys: pytest.CaptureFixture[str], code: int) -> dict[str, dict[str, str]]:
    assert main.main(["doctor", "--data-dir", str(folder), "--json"]) == code
    return {finding["part"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_whole_installation_is_found_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = examined(folder, capsys, 0)
    assert {part for part, finding in found.items() if finding["health"] == "ok"} >= {
        "settings",
        "database",
        "keys",
        "models",
    }
    assert found["keys"]["text"].startswith("1 in use")


def test_lost_key_and_damaged_database_are_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.with_name("data.key").unlink()
    file = folder / "ohlora.sqlite3"
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"\xa5" * 4096
    file.write_bytes(content)
    found = examined(folder, capsys, 1)
    assert {part for part, finding in found.items() if finding["health"] == "broken"} == {"database", "keys"}
    assert "restore" in found["database"]["mend"]
    assert "put the right file back" in found["keys"]["mend"]


def test_new_place_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = examined(tmp_path / "new", capsys, 0)
    assert found["database"]["text"].startswith("there is none yet")
    assert not (tmp_path / "new").exists()
