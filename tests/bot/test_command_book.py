"""Check the file that remembers what was registered with a platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.command_book import CommandBook, name_of
from bot.discord_commands import command_payload


def test_name_is_that_of_the_bot_and_of_what_is_declared() -> None:
    payload = command_payload()
    name = name_of(7, payload)
    assert name_of(7, command_payload()) == name
    assert name_of(8, payload) != name
    payload[0]["description"] += "!"
    assert name_of(7, payload) != name


def test_name_is_remembered_in_a_folder_that_it_makes(tmp_path: Path) -> None:
    path = tmp_path / "data" / "commands.txt"
    assert CommandBook(path).read() == ""
    CommandBook(path).write("7:abc")
    assert CommandBook(path).read() == "7:abc"


def test_file_that_cannot_be_read_or_written_only_costs_a_registration(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "commands.txt").write_bytes(b"\xff\xfe")
    assert CommandBook(tmp_path / "commands.txt").read() == ""
    CommandBook(tmp_path / "commands.txt" / "below" / "a file").write("7:abc")
    assert "cannot be written" in caplog.text
