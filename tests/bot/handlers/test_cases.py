"""Check /sanctions: lists within the moderator's scope, evidence, and decisions on appeals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.answers import ReportedMessage
from bot.handlers.cases import MOST
from storage.appeals import AppealStore
from storage.records import AppealState
from storage.sanctions import SanctionStore
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import MODERATOR, OWNER, Lobby, Person, button, labels, user_key
from tests.fakes import HATE

DAY = timedelta(days=1)


@pytest.fixture
def moderator(lobby: Lobby) -> Person:
    return lobby.person("3003", community="9", rights=MODERATOR)


async def appeal(lobby: Lobby, number: int, text: str = "농담이었어요", user: str = "1001") -> None:
    person = lobby.person(user)
    await person.fill_in(await person.run("appeal", sanction=number), text=text)


async def states(lobby: Lobby) -> list[AppealState]:
    async with lobby.database.read() as session:
        return [each.state for each in await AppealStore(session).of_user(user_key("1001"))]


async def test_open_cases_are_appeals_then_reports_then_blocks(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=DAY, community="9", text="나쁜 말"))
    await lobby.sanction(make_case(community="9"))
    await appeal(lobby, 2)
    message = ReportedMessage(author=user_key("2002"), author_name="철수", text="욕설", link="https://example.org/1")
    await lobby.desk.report(lobby.person(community="9").actor, message)
    answer = await moderator.run("sanctions open")
    assert [line.split(" · ")[0] for line in answer.text.splitlines()] == [
        "Open cases and blocks in force:",
        "Appeal: #2 user 1001",
        "Report R1: user 2002",
        "#1 user 1001",
    ]
    assert labels(answer) == [["#2", "R1", "#1"]]
    assert answer.text.endswith("“나쁜 말”")


async def test_lists_hold_what_came_about_here_and_everything_for_owners(lobby: Lobby, make_case: MakeCase) -> None:
    for community in ("9", "10", None):
        await lobby.sanction(make_case(block=DAY, community=community))
    shown = {}
    for place, rights in (("9", MODERATOR), ("10", MODERATOR), ("11", MODERATOR), (None, OWNER)):
        person = lobby.person("3003", community=place, rights=rights)
        for command, values in (
            ("sanctions open", {}),
            ("sanctions user", {"user": "1001"}),
            ("sanctions category", {"category": "politics"}),
        ):
            answer = await person.run(command, **values)
            shown[place, command] = [label for row in labels(answer) for label in row]
    assert [names for (place, _), names in shown.items() if place == "9"] == [["#1"], ["#1"], ["#1"]]
    assert shown["10", "sanctions category"] == ["#2"]
    assert shown["11", "sanctions user"] == []
    assert shown[None, "sanctions open"] == ["#3", "#2", "#1"]


async def test_category_is_named_as_shown_or_as_stored(lobby: Lobby, moderator: Person, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(HATE, community="9"))
    await lobby.sanction(make_case(community="9"))
    for name in ("hate or crime", HATE):
        assert labels(await moderator.run("sanctions category", category=name)) == [["#1"]]
    assert await moderator.ask("sanctions category", category="weather") == "There are no records."


async def test_detail_shows_the_evidence_and_what_was_done(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9", text="나쁜 말"))
    await moderator.run("lift", sanction=1, reason="처음이라서", remaining="1d")
    await appeal(lobby, 1)
    detail = await moderator.press(await moderator.run("sanctions user", user="1001"), "#1")
    assert detail.text.splitlines() == [
        "#1 user 1001 · Block · politics level 1 · 11 Mar 2026, 15:30 +0900 – 12 Mar 2026, 15:30 +0900 (active)",
        "Rungs: 0 → 1 · 0.02 over the threshold",
        "Message: 나쁜 말",
        "Reply: 미안, 부담스러워 😅",
        "Score: politics 0.97 (threshold 0.95)",
        "Score: ordinary talk 0.10 (threshold -)",
        "Profile embedded · policy 2026-11-1 · request r-1",
        "Shortened until 12 Mar 2026, 15:30 +0900: 처음이라서 (11 Mar 2026, 15:30 +0900)",
        "Appeal (open, 11 Mar 2026, 15:30 +0900): 농담이었어요",
    ]
    assert labels(detail) == [["Shorten or lift", "Overturn", "Uphold"]]
    assert all(each.opens_form for each in detail.buttons[0])


async def test_evidence_by_hand_names_who_gave_it(lobby: Lobby, moderator: Person) -> None:
    await moderator.run("warn", user="1001", reason="도배")
    detail = await moderator.press(await moderator.run("sanctions user", user="1001"), "#1")
    assert detail.text.splitlines()[1:] == ["Given by a moderator (user 3003)"]
    assert labels(detail) == [["Overturn"]]


async def test_block_is_lifted_by_its_form(lobby: Lobby, moderator: Person, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    detail = await moderator.press(await moderator.run("sanctions open"), "#1")
    form = await moderator.press(detail, "Shorten or lift")
    assert form.form is not None
    assert [(field.name, field.is_required) for field in form.form.fields] == [("reason", True), ("remaining", False)]
    assert (await moderator.fill_in(form, reason="", remaining="")).text.startswith("Write a reason")
    form = await moderator.press(detail, "Shorten or lift")
    assert (await moderator.fill_in(form, reason="오해", remaining="soon")).text.startswith("Write a length")
    form = await moderator.press(detail, "Shorten or lift")
    assert "now ends" in (await moderator.fill_in(form, reason="오해", remaining="1d")).text
    form = await moderator.press(detail, "Shorten or lift")
    assert (await moderator.fill_in(form, reason="오해", remaining="")).text == "The block #1 is lifted."
    assert not await lobby.is_blocked()


async def test_appeal_is_denied_with_a_reason_that_the_user_sees(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    await appeal(lobby, 1)
    listed = await moderator.run("sanctions open")
    detail = await lobby.desk.press(moderator.actor, listed.buttons[0][0].token)
    form = await moderator.press(detail, "Uphold")
    assert (await moderator.fill_in(form, reason="분명한 욕설")).text == "#1 is upheld."
    assert await states(lobby) == [AppealState.DENIED]
    assert await lobby.is_blocked()
    person = lobby.person()
    shown = await person.press(await person.run("status"), "#1")
    assert "Appeal denied (11 Mar 2026, 15:30 +0900): 농담이었어요\n→ 분명한 욕설" in shown.text
    assert labels(shown) == [["Appeal", "Back to the list"]]
    assert (await person.press(shown, "Appeal")).form is None


async def test_appeal_of_a_warning_is_granted_without_an_end(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    await appeal(lobby, 1)
    detail = await moderator.press(await moderator.run("sanctions open"), "#1")
    assert labels(detail) == [["Overturn", "Uphold"]]
    form, second = [await moderator.press(detail, label) for label in ("Overturn", "Uphold")]
    assert (await moderator.fill_in(form, reason="농담이 맞음")).text == "#1 is overturned, and its rung is given back."
    assert (await moderator.fill_in(second, reason="아님")).text.startswith("The appeal of #1 is decided already")
    assert await states(lobby) == [AppealState.GRANTED]


async def test_moderator_decides_no_case_of_their_own(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(user="3003", block=DAY, community="9"))
    await appeal(lobby, 1, user="3003")
    own = lobby.person("3003", community="9", rights=MODERATOR)
    listed = await own.run("sanctions open")
    detail = await lobby.desk.press(own.actor, listed.buttons[0][0].token)
    assert detail.buttons == ()


async def test_case_of_another_place_is_not_shown_by_an_old_button(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=DAY, community="9", text="나쁜 말"))
    here = lobby.person("3003", community="9", rights=MODERATOR)
    listed = await here.run("sanctions open")
    elsewhere = lobby.person("3003", community="10", rights=MODERATOR)
    answer = await lobby.desk.press(elsewhere.actor, button(listed, "#1").token)
    assert answer.text == "There is no record #1 here."


async def test_list_of_very_many_ends_with_the_newest_and_says_so(lobby: Lobby, make_case: MakeCase) -> None:
    async with lobby.database.begin() as session:
        for _ in range(MOST + 1):
            await SanctionStore(session).add(make_case(community="9"))
    moderator = lobby.person(community="9", rights=MODERATOR)
    answer = await moderator.run("sanctions category", category="정치")
    assert "(page 1 of 21)" in answer.text
    assert f"#{MOST + 1} user" in answer.text
    for _ in range(20):
        answer = await moderator.press(answer, "Next ▶")
    assert answer.text.splitlines()[1:] == [
        f"Only the newest {MOST} are listed. See /dashboard for the rest.",
        "(page 21 of 21)",
    ]
