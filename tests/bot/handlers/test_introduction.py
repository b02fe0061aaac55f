"""Check /start, /help, /about and /privacy."""

from __future__ import annotations

import pytest

from bot.commands import commands_of
from tests.bot.handlers.lobby import ADMIN, OWNER, Lobby


async def test_help_lists_what_this_person_can_use_here(lobby: Lobby) -> None:
    plain = await lobby.person().ask("help")
    assert "/memory — What 오로라 remembers about you" in plain.splitlines()
    assert not [word for word in ("/block", "/setup", "/sync", "/start") if word in plain]
    admin = await lobby.person(community="9", rights=ADMIN).ask("help")
    assert "/block" in admin
    assert "/setup" in admin
    assert "/sync" not in admin
    assert "/start" in await lobby.person(platform="telegram").ask("help")


@pytest.mark.parametrize("locale", ["ko", "en"])
@pytest.mark.parametrize("platform", ["discord", "telegram"])
async def test_help_fits_into_one_message(lobby: Lobby, locale: str, platform: str) -> None:
    person = lobby.person(community="9", rights=OWNER, locale=locale, platform=platform)
    text = await person.ask("help")
    assert len(text) <= 2000
    assert all(f"/{command.group}" in text for command in commands_of(platform))


async def test_help_explains_a_command_with_its_subcommands(lobby: Lobby) -> None:
    text = await lobby.person().ask("help", command="/memory")
    assert "/memory forget <number>\n   Forget one memory" in text
    assert text.count("/memory") == 5
    assert (await lobby.person().ask("help", command="block")).startswith("There is no such command")
    assert (await lobby.person().ask("help", command="dance")).startswith("There is no such command")


async def test_she_says_who_she_is_and_what_is_kept(lobby: Lobby) -> None:
    assert "embedded" in await lobby.person(locale="ko").ask("about")
    for word in ("/mydata", "/forgetme", "/memory pause"):
        assert word in await lobby.person().ask("privacy")
    assert "오로라" in await lobby.person(platform="telegram", locale="ko").ask("start")


@pytest.mark.parametrize(("locale", "word"), [("ko", "모의 면접"), ("en", "mock interviews")])
async def test_privacy_names_interviews_wherever_it_says_what_is_kept_and_deleted(
    lobby: Lobby, locale: str, word: str
) -> None:
    person = lobby.person(locale=locale)
    assert word in await person.ask("privacy")
    assert word in await person.ask("forgetme")
