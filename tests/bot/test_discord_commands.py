"""Check the commands as Discord registers them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.commands import DISCORD, commands_of
from bot.discord_commands import command_payload, report_menu_name
from tests.e2e.discord_spec import NO_SPEC, SPEC_FILE, DiscordSpec

_DOCS = Path(__file__).resolve().parents[2] / "docs" / "discord.md"
_NAME = re.compile(r"[-_'\w]{1,32}")  # Discord's own rule for names of commands and options


def named_parts(payload: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return commands, subcommands and options, without the context menu, whose name is free."""
    parts = [command for command in payload if command["type"] == 1]
    for part in parts:
        parts += part.get("options", [])
    return parts


@pytest.mark.skipif(SPEC_FILE is None, reason=NO_SPEC)
def test_payload_is_what_the_official_description_asks_for() -> None:
    assert SPEC_FILE is not None
    assert DiscordSpec(SPEC_FILE).request_problem("PUT", "/applications/1/commands", command_payload()) is None


def test_every_command_is_registered_once() -> None:
    registered = []
    for command in command_payload()[:-1]:
        words = [option["name"] for option in command["options"] if option["type"] == 1]
        registered += [f"{command['name']} {word}" for word in words] or [command["name"]]
    assert sorted(registered) == sorted(command.name for command in commands_of(DISCORD))


def test_names_keep_to_discords_rule_in_both_languages() -> None:
    for part in named_parts(command_payload()):
        for name in (part["name"], part["name_localizations"]["ko"]):
            assert _NAME.fullmatch(name), name
            assert name == name.lower()


def test_no_name_stands_twice_beside_another() -> None:
    payload = command_payload()
    for siblings in [payload, *(part["options"] for part in named_parts(payload) if part.get("options"))]:
        for names in (
            [part["name"] for part in siblings],
            [part["name_localizations"]["ko"] for part in siblings],
        ):
            assert len(names) == len(set(names)), names


def test_descriptions_fit_in_both_languages() -> None:
    for part in named_parts(command_payload()):
        assert 1 <= len(part["description"]) <= 100
        assert 1 <= len(part["description_localizations"]["ko"]) <= 100


def test_required_options_come_first() -> None:
    for part in named_parts(command_payload()):
        wanted = [option["required"] for option in part.get("options", []) if "required" in option]
        assert wanted == sorted(wanted, reverse=True), part["name"]


def test_tools_of_moderators_and_admins_are_hidden_from_others_at_first() -> None:
    shown_to = {command["name"]: command.get("default_member_permissions") for command in command_payload()}
    assert shown_to["help"] is None
    assert shown_to["memory"] is None
    assert shown_to["warn"] == 1 << 40
    assert shown_to["setup"] == 1 << 5
    assert shown_to["sync"] == 1 << 3


def test_report_stands_in_the_menu_of_messages() -> None:
    menu = command_payload()[-1]
    assert (menu["type"], menu["name"], menu["name_localizations"]["ko"]) == (3, report_menu_name(), "신고")
    assert "description" not in menu


def test_docs_give_the_number_of_commands_and_an_invitation_with_what_she_needs() -> None:
    docs = _DOCS.read_text(encoding="utf-8")
    needed = discord.Permissions(
        view_channel=True,
        send_messages=True,
        send_messages_in_threads=True,
        attach_files=True,
        read_message_history=True,
    )
    assert f"{len(command_payload())} commands registered" in docs
    assert f"scope=bot+applications.commands&permissions={needed.value}" in docs
