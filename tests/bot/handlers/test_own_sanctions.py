"""Check /status and /appeal: one's own log, what moderators did about it, and appeals."""

from __future__ import annotations

from datetime import timedelta

from bot.handlers.own_sanctions import MOST_APPEALS
from bot.rendering import Texts
from storage.appeals import AppealStore
from storage.records import AppealState
from tests.bot.conftest import SEOUL
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import Lobby, labels, user_key

DAY = timedelta(days=1)
ENGLISH = Texts("en", SEOUL)


async def test_status_lists_own_sanctions_by_the_number_to_appeal(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    await lobby.sanction(make_case(user="2002"))
    await lobby.sanction(make_case(level=2, block=3 * DAY))
    assert (await lobby.person().ask("status")).splitlines() == [
        "Your warnings and blocks:",
        "#3 Block · politics level 2 · 11 Mar 2026, 15:30 +0900 – 14 Mar 2026, 15:30 +0900 (active)",
        "#1 Warning · politics level 1 · 11 Mar 2026, 15:30 +0900",
    ]
    assert await lobby.person("4004").ask("status") == "No warnings or blocks. All clear!"


async def test_appeal_is_of_the_newest_or_of_the_given_sanction(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    await lobby.sanction(make_case(level=2, block=3 * DAY))
    person = lobby.person()
    newest, given = await person.run("appeal"), await person.run("appeal", sanction=1)
    assert newest.form is not None
    assert given.form is not None
    assert (newest.form.title, given.form.title) == ("Appeal #2", "Appeal #1")
    assert list(await person.complete("appeal", "sanction", "#2")) == ["2"]


async def test_appeal_of_somebody_elses_sanction_is_refused(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(user="2002"))
    answer = await lobby.person().run("appeal", sanction=1)
    assert answer.form is None
    assert answer.text.startswith("You have no such warning")


async def test_appeal_is_kept_in_its_language_and_shown_in_the_status(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(community="9"))
    person = lobby.person()
    taken = await person.fill_in(await person.run("appeal"), text=" 농담이었어요 ")
    assert taken.text.startswith("Your appeal of #1 has been received")
    async with lobby.database.read() as session:
        (kept,) = await AppealStore(session).of_sanction(1)
    assert (kept.text, kept.language, kept.state) == ("농담이었어요", "en", AppealState.OPEN)
    detail = await person.press(await person.run("status"), "#1")
    assert "Appeal (open, 11 Mar 2026, 15:30 +0900): 농담이었어요" in detail.text
    assert labels(detail) == [["Back to the list"]]


async def test_second_appeal_waits_for_the_first(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    person = lobby.person()
    first, second = await person.run("appeal"), await person.run("appeal")
    await person.fill_in(first, text="하나")
    assert (await person.fill_in(second, text="둘")).text == "There is already an open appeal for it."


async def test_form_is_not_opened_while_an_appeal_waits(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    person = lobby.person()
    detail = await person.press(await person.run("status"), "#1")
    await person.fill_in(await person.run("appeal"), text="하나")
    for asked in (await person.run("appeal"), await person.press(detail, "Appeal")):
        assert (asked.form, asked.text) == (None, "There is already an open appeal for it.")


async def test_form_is_not_opened_once_all_appeals_were_denied(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    person = lobby.person()
    for _ in range(MOST_APPEALS):
        await person.fill_in(await person.run("appeal"), text="한 번만")
        async with lobby.database.begin() as session:
            judge = user_key("3003")
            await AppealStore(session).decide(1, AppealState.DENIED, judge, "아니요", lobby.clock())
        lobby.clock.advance(7 * DAY)
    asked = await person.run("appeal")
    assert (asked.form, asked.text) == (None, ENGLISH.get("appeal.enough", most=MOST_APPEALS))


async def test_denied_appeal_is_followed_by_a_cooldown(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    await lobby.sanction(make_case(level=2))
    person = lobby.person()
    asked = await person.run("appeal", sanction=1)
    await person.fill_in(await person.run("appeal", sanction=1), text="한 번만")
    async with lobby.database.begin() as session:
        await AppealStore(session).decide(1, AppealState.DENIED, user_key("3003"), "아니요", lobby.clock())
    soon = "Your last appeal of it was denied not long ago. You can appeal again from 18 Mar 2026, 15:30 +0900."
    assert await person.ask("appeal", sanction=1) == soon
    assert (await person.fill_in(asked, text="또")).text.endswith(soon)
    assert (await person.run("appeal", sanction=2)).form is not None
    lobby.clock.advance(7 * DAY)
    assert (await person.run("appeal", sanction=1)).form is not None


async def test_form_is_taken_once_and_not_without_words(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    person = lobby.person()
    for text in ("", "   ", "가" * 1001):
        assert (
            await person.fill_in(await person.run("appeal"), text=text)
        ).text == "Please write 1 to 1000 characters."
    asked = await person.run("appeal")
    await person.fill_in(asked, text="하나")
    assert (await person.fill_in(asked, text="둘")).text.startswith("This button has expired")


async def test_status_button_opens_the_appeal(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case())
    person = lobby.person()
    detail = await person.press(await person.run("status"), "#1")
    assert detail.buttons[0][0].opens_form
    assert (await person.press(detail, "Appeal")).form is not None
    assert (await person.press(detail, "Back to the list")).text.startswith("Your warnings")
