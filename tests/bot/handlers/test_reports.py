"""Check reports: taken once a message, told to the modlog, closed by moderators of the place."""

from __future__ import annotations

from datetime import timedelta

from bot.answers import Answer, ReportedMessage
from tests.bot.handlers.lobby import ADMIN, MODERATOR, Lobby, Person, user_key


async def report(
    lobby: Lobby, person: Person, number: int = 1, author: str = "2002", link: str | None = None
) -> Answer:
    address = f"https://example.org/{number}" if link is None else link
    message = ReportedMessage(author=user_key(author), author_name="철수", text=f"욕설 {number}", link=address)
    return await lobby.desk.report(person.actor, message)


async def test_report_is_told_to_the_modlog_with_its_link(lobby: Lobby) -> None:
    await lobby.person(community="9", rights=ADMIN).run("setup modlog", channel="88")
    answer = await report(lobby, lobby.person(community="9"))
    assert answer.text == "The moderators have been told. Thank you."
    (told,) = answer.announcements
    assert told.channel == "88"
    assert told.text.startswith("메시지 하나가 신고되었어요 (R1). https://example.org/1")
    assert "2002" not in told.text  # nothing edits this line when they ask to be forgotten
    assert "욕설" not in told.text


async def test_message_is_reported_once_but_everybody_is_thanked(lobby: Lobby) -> None:
    await lobby.person(community="9", rights=ADMIN).run("setup modlog", channel="88")
    await report(lobby, lobby.person(community="9"))
    again = await report(lobby, lobby.person("4004", community="9"))
    assert (again.text, again.announcements) == ("The moderators have been told. Thank you.", ())
    listed = await lobby.person("3003", community="9", rights=MODERATOR).run("sanctions open")
    assert listed.text.count("Report R") == 1


async def test_reports_without_a_link_are_kept_apart(lobby: Lobby) -> None:
    for number in (1, 2):
        await report(lobby, lobby.person(community="9"), number, link="")
    listed = await lobby.person("3003", community="9", rights=MODERATOR).run("sanctions open")
    assert listed.text.count("Report R") == 2


async def test_ones_own_message_or_one_in_private_is_not_reported(lobby: Lobby) -> None:
    assert (await report(lobby, lobby.person("2002", community="9"))).text == "You cannot report your own message."
    assert (await report(lobby, lobby.person())).text == "Messages can be reported in servers and groups only."


async def test_ten_reports_an_hour_are_enough(lobby: Lobby) -> None:
    person = lobby.person(community="9")
    for number in range(10):
        assert (await report(lobby, person, number)).text.startswith("The moderators have been told")
    assert (await report(lobby, person, 10)).text.startswith("That was a lot")
    lobby.clock.advance(timedelta(hours=1, seconds=1))
    assert (await report(lobby, person, 10)).text.startswith("The moderators have been told")


async def test_moderator_reads_and_closes_a_report(lobby: Lobby) -> None:
    await report(lobby, lobby.person(community="9"))
    moderator = lobby.person("3003", community="9", rights=MODERATOR)
    listed = await moderator.run("sanctions open")
    first, second = [await moderator.press(listed, "R1") for _ in range(2)]
    assert first.text.splitlines() == [
        "Report R1",
        "Author: 2002 · reported by 1001 · 11 Mar 2026, 15:30 +0900",
        "Message: 욕설 1",
        "https://example.org/1",
    ]
    assert (await moderator.press(first, "Close")).text == "Report R1 was closed."
    assert (await moderator.press(second, "Close")).text == "Report R1 was already closed."
    assert await moderator.ask("sanctions open") == "Nothing is open."


async def test_report_of_another_place_is_neither_listed_nor_closed(lobby: Lobby) -> None:
    await report(lobby, lobby.person(community="9"))
    elsewhere = lobby.person("3003", community="10", rights=MODERATOR)
    assert await elsewhere.ask("sanctions open") == "Nothing is open."


async def test_report_as_a_command_explains_itself(lobby: Lobby) -> None:
    assert (await lobby.person(community="9").ask("report")).startswith("Reply to the message")
