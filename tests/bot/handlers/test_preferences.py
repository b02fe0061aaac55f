"""Check what a person chooses: language, zone, recording, the overview with its buttons, and /reset."""

from __future__ import annotations

import pytest

from bot.handlers.preferences import find_zone
from storage.conversations import ConversationStore
from storage.records import ConversationKey
from tests.bot.handlers.lobby import Lobby, labels


async def test_language_is_answered_in_itself(lobby: Lobby) -> None:
    assert await lobby.person(locale="en").ask("language", language="ko") == "이제부터 한국어로 안내할게요."
    assert (
        await lobby.person(locale="en").ask("language", language="en") == "I'll write notices in English from now on."
    )


async def test_zone_is_answered_with_the_time_there(lobby: Lobby) -> None:
    assert await lobby.person().ask("timezone", zone="europe/paris") == (
        "Your time zone is now Europe/Paris. It is 11 Mar 2026, 07:30 +0100 there."
    )
    assert (await lobby.person().ask("timezone", zone="Atlantis")).startswith("I know no such time zone")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Asia/Seoul", "Asia/Seoul"),
        ("asia/seoul", "Asia/Seoul"),
        ("Seoul", "Asia/Seoul"),
        (" New York ", "America/New_York"),
        ("서울", "Asia/Seoul"),
        (" 뉴욕 ", "America/New_York"),
        ("utc", "UTC"),
        ("", None),
        ("../../etc/passwd", None),
        ("Asia", None),
    ],
)
def test_zone_is_found_by_name_or_city(typed: str, name: str | None) -> None:
    assert find_zone(typed) == name


async def test_korean_cities_are_suggested(lobby: Lobby) -> None:
    assert await lobby.person(locale="ko").complete("timezone", "zone", "서울") == {"Asia/Seoul": "서울 (Asia/Seoul)"}
    assert await lobby.person(locale="en").complete("timezone", "zone", "seoul") == {"Asia/Seoul": "Asia/Seoul"}


async def test_recording_is_paused_and_resumed(lobby: Lobby) -> None:
    person = lobby.person()
    assert (await person.ask("memory pause", state="on")).startswith("All right, I won't")
    assert (await person.ask("memory pause", state="on")).startswith("All right, I won't")
    assert (await person.ask("memory pause")).startswith("I'll remember again")
    assert (await person.ask("memory pause")).startswith("All right, I won't")
    assert (await person.ask("memory pause", state="off")).startswith("I'll remember again")


async def test_overview_shows_settings_and_changes_them_by_buttons(lobby: Lobby) -> None:
    person = lobby.person(platform="telegram")
    overview = await person.run("settings")
    assert "as my app" in overview.text
    assert "Remembering: on" in overview.text
    assert labels(overview) == [["한국어 (Korean)", "English", "as my app"], ["Stop remembering"]]
    korean = await person.press(overview, "한국어 (Korean)")
    assert korean.replaces
    assert "언어: 한국어" in korean.text
    paused = await person.press(korean, "기억 멈추기")
    assert "새로 기억하기: 끄기" in paused.text
    assert labels(paused)[1] == ["다시 기억하기"]
    assert "Language: as my app" in (await person.press(paused, "앱 언어대로")).text


async def test_reset_forgets_where_this_conversation_stood(lobby: Lobby) -> None:
    keys = [ConversationKey(platform="discord", id=name) for name in ("77", "78")]
    async with lobby.database.begin() as session:
        for key in keys:
            await ConversationStore(session).save_summary(key, "인사함", lobby.clock())
    begun_anew: list[ConversationKey] = []
    lobby.desk.when_reset(begun_anew.append)
    assert await lobby.person().ask("reset") == "All right, let's start afresh!"
    assert begun_anew == keys[:1]
    async with lobby.database.read() as session:
        found = [await ConversationStore(session).get(key) for key in keys]
    assert [(each.last_summary, each.turns) for each in found if each] == [(None, 1), ("인사함", 1)]
