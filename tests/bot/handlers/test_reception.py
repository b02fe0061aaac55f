"""Check the desk itself: who may do what and where, languages, buttons, duplicates, and failures that nobody sees a traceback of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.answers import Answer, ReportedMessage, Rights
from bot.commands import COMMANDS, Context, Role, find_command
from bot.rendering import Texts
from bot.spoken import FaceMode
from storage.errors import DatabaseBusy
from storage.records import CommunityKey, UserSettings
from storage.user_settings import UserSettingsStore
from tests.bot.conftest import SEOUL
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import ADMIN, MODERATOR, OWNER, Lobby, user_key

VALUES: dict[str, str | int | float] = {
    "number": 1,
    "value": "수영",
    "state": "on",
    "language": "ko",
    "zone": "Asia/Seoul",
    "sanction": 1,
    "category": "정치",
    "reason": "첫 번째라서",
    "user": "2002",
    "length": "3d",
    "text": "지켜보기",
    "role": "55",
    "mode": "emoji",
}
RIGHTS = {Role.EVERYONE: Rights(), Role.MODERATOR: MODERATOR, Role.ADMIN: ADMIN, Role.OWNER: OWNER}
ENGLISH = Texts("en", SEOUL)
REFUSALS = {ENGLISH.get(f"desk.{name}") for name in ("unknown_command", "not_allowed", "wrong_place")}


def arguments(name: str) -> dict[str, str | int | float]:
    command = find_command(name)
    assert command is not None
    return {option.name: VALUES[option.name] for option in command.options if option.required}


NEEDS_TURNS = "interview "  # these commands are turns of the engine: test_interview.py


@pytest.mark.parametrize("name", [each.name for each in COMMANDS if not each.name.startswith(NEEDS_TURNS)])
async def test_every_command_answers_those_who_may_use_it(lobby: Lobby, name: str) -> None:
    command = find_command(name)
    assert command is not None
    person = lobby.person(community="9", rights=RIGHTS[command.who])
    answer = await person.run(name, **arguments(name))
    assert answer.text or answer.form
    assert answer.text not in REFUSALS
    assert "request" not in answer.text
    assert answer.is_private == command.ephemeral


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.who is not Role.EVERYONE])
async def test_command_is_refused_without_the_right(lobby: Lobby, name: str) -> None:
    command = find_command(name)
    assert command is not None
    below = {Role.MODERATOR: Rights(roles=("8",)), Role.ADMIN: MODERATOR, Role.OWNER: ADMIN}[command.who]
    answer = await lobby.person(community="9", rights=below).run(name, **arguments(name))
    assert answer == Answer(text=ENGLISH.get("desk.not_allowed"))


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if Context.PRIVATE not in command.contexts])
async def test_command_of_a_community_is_refused_in_private(lobby: Lobby, name: str) -> None:
    answer = await lobby.person(rights=OWNER).run(name, **arguments(name))
    assert answer.text == ENGLISH.get("desk.wrong_place")


async def test_command_without_a_needed_option_is_answered_with_its_usage(lobby: Lobby) -> None:
    text = await lobby.person().ask("memory forget")
    assert text.startswith("Write it like this: /memory forget <number>")
    assert await lobby.person().ask("memory forget", number="x") == text
    assert await lobby.person().ask("dance") == ENGLISH.get("desk.unknown_command")


async def test_role_that_admins_set_makes_a_moderator_there_only(lobby: Lobby) -> None:
    helper = lobby.person("3003", community="9", rights=Rights(roles=("55", "56")))
    assert await helper.ask("sanctions open") == ENGLISH.get("desk.not_allowed")
    await lobby.person(community="9", rights=ADMIN).run("setup role", role="55")
    assert await helper.ask("sanctions open") == ENGLISH.get("cases.nothing_open")
    elsewhere = lobby.person("3003", community="10", rights=Rights(roles=("55",)))
    assert await elsewhere.ask("sanctions open") == ENGLISH.get("desk.not_allowed")
    await lobby.person(community="9", rights=ADMIN).run("setup role", role="55", state="off")
    assert await helper.ask("sanctions open") == ENGLISH.get("desk.not_allowed")


async def test_stranger_who_presses_gets_a_short_private_answer(lobby: Lobby) -> None:
    await lobby.remember("이름", "민지")
    answer = await lobby.person().run("memory list")
    pressed = await lobby.person("6666").press(answer, "1")
    assert pressed == Answer(text=ENGLISH.get("press.stranger"))
    assert (await lobby.person().press(answer, "1")).text.startswith("[이름: 민지]")


async def test_button_of_another_time_or_of_nobody_is_expired(lobby: Lobby) -> None:
    await lobby.remember("이름", "민지")
    answer = await lobby.person().run("memory list")
    lobby.clock.advance(timedelta(minutes=15))
    assert (await lobby.person().press(answer, "1")).text == ENGLISH.get("press.expired")
    assert (await lobby.desk.press(lobby.person().actor, "x" * 500)).text == ENGLISH.get("press.expired")
    assert (await lobby.desk.submit(lobby.person().actor, "", {})).text == ENGLISH.get("press.expired")


async def test_right_that_is_gone_makes_its_buttons_useless(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(user="2002", community="9", block=timedelta(days=1)))
    answer = await lobby.person(community="9", rights=MODERATOR).run("sanctions open")
    pressed = await lobby.person(community="9").press(answer, "#1")
    assert pressed.text == ENGLISH.get("press.not_allowed")


@pytest.mark.parametrize(("locale", "language"), [("ko", "ko"), ("en-GB", "en"), ("ja", "en"), ("", "ko")])
async def test_language_is_that_of_the_client_until_one_is_chosen(lobby: Lobby, locale: str, language: str) -> None:
    person = lobby.person(locale=locale)
    assert (await lobby.desk.manner_of(person.actor)).language == language
    assert await person.ask("report") in {Texts(language, SEOUL).get("desk.wrong_place")}
    await person.run("language", language="ko")
    assert (await lobby.desk.manner_of(lobby.person(locale="en").actor)).language == "ko"
    await person.run("language", language="auto")
    assert (await lobby.desk.manner_of(person.actor)).language == language


async def test_zone_is_the_owners_until_one_is_chosen(lobby: Lobby) -> None:
    assert (await lobby.desk.manner_of(lobby.person().actor)).zone.key == "Asia/Seoul"
    await lobby.person().run("timezone", zone="new york")
    assert (await lobby.desk.manner_of(lobby.person().actor)).zone.key == "America/New_York"


async def test_update_is_new_once(lobby: Lobby) -> None:
    assert await lobby.desk.is_new("telegram", "7")
    assert not await lobby.desk.is_new("telegram", "7")
    assert await lobby.desk.is_new("discord", "7")


async def test_failure_is_told_with_a_request_id_and_logged_without_text(
    lobby: Lobby, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> int:
        raise ValueError("비밀 일기")

    lobby.desk.offer_sync("discord", fail)
    text = await lobby.person(rights=OWNER).ask("sync")
    (record,) = caplog.records
    request_id = record.getMessage().split()[1].rstrip(":")
    assert text == ENGLISH.get("rejection.error", request_id=request_id)
    assert "비밀" not in caplog.text
    assert "ValueError" in caplog.text


async def test_what_the_database_says_is_logged(lobby: Lobby, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> int:
        raise DatabaseBusy("the database file was kept locked")

    lobby.desk.offer_sync("discord", fail)
    await lobby.person(rights=OWNER).run("sync")
    assert "DatabaseBusy: the database file was kept locked" in caplog.text


async def test_zone_that_this_machine_no_longer_knows_is_the_owners(lobby: Lobby) -> None:
    async with lobby.database.begin() as session:
        await UserSettingsStore(session).save(user_key("1001"), UserSettings(time_zone="Asia/Atlantis"))
    assert (await lobby.desk.manner_of(lobby.person().actor)).zone.key == "Asia/Seoul"
    assert "Asia/Seoul" in await lobby.person(platform="discord").ask("settings")


async def test_suggestions_are_at_most_25_and_none_without_the_right(lobby: Lobby, make_case: MakeCase) -> None:
    for number in range(30):
        await lobby.remember(f"취미{number}", "수영" * 40)
    found = await lobby.person().complete("memory forget", "number")
    assert len(found) == 25
    assert all(len(label) <= 100 for label in found.values())
    assert set(await lobby.person().complete("memory forget", "number", "취미29")) == {"30"}
    await lobby.sanction(make_case(community="9"))
    assert await lobby.person(community="9").complete("sanctions category", "category") == {}
    moderator = lobby.person(community="9", rights=MODERATOR)
    assert await moderator.complete("sanctions category", "category", "pol") == {"정치": "politics"}
    assert await moderator.complete("sanctions category", "user") == {}
    assert "Asia/Seoul" in await moderator.complete("timezone", "zone", "seo")
    assert list(await moderator.complete("help", "command", "/memo")) == ["memory"]


async def test_report_is_taken_from_the_desk(lobby: Lobby) -> None:
    message = ReportedMessage(author=user_key("2002"), author_name="철수", text="욕설", link="https://example.org/1")
    answer = await lobby.desk.report(lobby.person(community="9").actor, message)
    assert answer.text == ENGLISH.get("report.taken")


async def test_manner_and_talk_channels_are_those_of_the_community(lobby: Lobby) -> None:
    here, elsewhere, alone = lobby.person(community="9"), lobby.person(community="10"), lobby.person()
    server = CommunityKey(platform="discord", id="9")
    for person in (here, elsewhere, alone):
        manner = await lobby.desk.manner_of(person.actor)
        assert (manner.face_mode, manner.temperature) == (FaceMode.PICTURE, None)
    assert not await lobby.desk.talks_freely(server, ["77"])
    admin = lobby.person(community="9", rights=ADMIN)
    await admin.run("setup face", mode="off")
    await admin.run("persona temperature", temperature=0.9)
    await admin.run("setup channel")
    chosen = await lobby.desk.manner_of(here.actor)
    assert (chosen.face_mode, chosen.temperature) == (FaceMode.OFF, 0.9)
    for person in (elsewhere, alone, lobby.person(community="9", platform="telegram")):
        assert (await lobby.desk.manner_of(person.actor)).face_mode is FaceMode.PICTURE
    assert await lobby.desk.talks_freely(server, ["78", "77"])
    assert not await lobby.desk.talks_freely(server, ["78"])
    assert not await lobby.desk.talks_freely(CommunityKey(platform="telegram", id="9"), ["77"])
