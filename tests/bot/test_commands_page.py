"""Check docs/commands.md against the commands that are declared."""

from __future__ import annotations

from pathlib import Path

from bot.command_texts import write_usage
from bot.commands import COMMANDS, Command, Context
from bot.rendering import Texts
from tests.bot.conftest import SEOUL

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def row(command: Command) -> str:
    """Return the row of the page's table that a command has."""
    where = "everywhere" if Context.PRIVATE in command.contexts else "servers and groups"
    if len(command.platforms) == 1:
        where += f", {command.platforms[0].title()} only"
    usage = write_usage(Texts("en", SEOUL), command).replace("|", "\\|")
    return f"| `{usage}` | {command.who} | {where} |"


def test_page_has_the_row_of_every_command_in_order() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == [row(command) for command in COMMANDS]
