"""Check /setup and /persona: each community keeps its own settings."""

from __future__ import annotations

import pytest

from bot.handlers.communities import MOST_LISTED
from storage.community_settings import CommunitySettingsStore
from storage.records import CommunityKey, CommunitySettings
from tests.bot.handlers.lobby import ADMIN, Lobby, Person, user_key


@pytest.fixture
def admin(lobby: Lobby) -> Person:
    return lobby.person(community="9", rights=ADMIN)


async def test_overview_shows_what_holds_before_anything_is_chosen(admin: Person) -> None:
    assert (await admin.ask("setup show")).splitlines()[1:] == [
        "Channels where she answers everything: none",
        "Moderator roles: none",
        "Moderation log: none",
        "Face: picture",
        "Temperature: 0.6",
    ]


async def test_overview_shows_what_was_chosen(admin: Person) -> None:
    await admin.run("setup channel")
    await admin.run("setup channel", channel="78")
    await admin.run("setup role", role="55")
    await admin.run("setup modlog", channel="88")
    await admin.run("setup face", mode="emoji")
    await admin.run("persona temperature", temperature=0.856)
    assert (await admin.ask("setup show")).splitlines()[1:] == [
        "Channels where she answers everything: <#77>, <#78>",
        "Moderator roles: <@&55>",
        "Moderation log: <#88>",
        "Face: emoji",
        "Temperature: 0.86",
    ]


async def test_chats_of_telegram_are_shown_by_their_ids(lobby: Lobby) -> None:
    admin = lobby.person(community="-1009", rights=ADMIN, platform="telegram", channel="-1009")
    assert await admin.ask("setup modlog", channel="-1009:5") == "The moderation log now goes to channel -1009:5."


async def test_settings_are_taken_back(lobby: Lobby, admin: Person) -> None:
    before = await admin.ask("setup show")
    for command, values in (("channel", {}), ("role", {"role": "55"}), ("modlog", {})):
        await admin.run(f"setup {command}", **values)
        await admin.run(f"setup {command}", **values, state="off")
    await admin.run("setup face", mode="off")
    await admin.run("setup face", mode="default")
    await admin.run("persona temperature", temperature=1)
    assert await admin.ask("persona temperature") == "The temperature is now 0.6."
    assert await admin.ask("setup show") == before


async def test_communities_do_not_share_settings(lobby: Lobby, admin: Person) -> None:
    await admin.run("persona temperature", temperature=1.2)
    other = lobby.person(community="10", rights=ADMIN)
    assert await admin.ask("persona show") == "Profile embedded, temperature 1.2"
    assert await other.ask("persona show") == "Profile embedded, temperature 0.6"


@pytest.mark.parametrize("temperature", [0.0, 0.09, 1.21, -1, float("nan"), float("inf"), "hot"])
async def test_temperature_outside_its_bounds_is_refused(admin: Person, temperature: float) -> None:
    assert (await admin.ask("persona temperature", temperature=temperature)).startswith("Write it like this")
    assert await admin.ask("persona show") == "Profile embedded, temperature 0.6"


async def test_list_keeps_the_newest_channels(lobby: Lobby, admin: Person) -> None:
    server = CommunityKey(platform="discord", id="9")
    full = CommunitySettings(talk_channels=tuple(str(number) for number in range(MOST_LISTED)))
    async with lobby.database.begin() as session:
        await CommunitySettingsStore(session).save(server, full, user_key("3003"), lobby.clock())
    await admin.run("setup channel", channel=str(MOST_LISTED))
    assert not await lobby.desk.talks_freely(server, ["0"])
    assert await lobby.desk.talks_freely(server, ["1"])
    assert await lobby.desk.talks_freely(server, [str(MOST_LISTED)])
