"""Check /lift, /warn, /block and /note: what they do, where it holds, who may not, and what the modlog is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.appeals import AppealStore
from storage.audit import AuditStore
from storage.records import AppealState, SanctionKind, UserKey
from storage.sanctions import SanctionStore
from tests.bot.conftest import NOW
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import MODERATOR, OWNER, Lobby, Person, user_key

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def moderator(lobby: Lobby) -> Person:
    return lobby.person("3003", community="9", rights=MODERATOR)


async def levels_of(store: SanctionStore, user: UserKey) -> dict[str, int]:
    """Return the highest rung that a user's sanctions count as, by category."""
    levels: dict[str, int] = {}
    for rung in await store.rungs(user):
        levels[rung.category] = max(rung.level, levels.get(rung.category, 0))
    return levels


async def test_warning_by_hand_is_written_with_its_reason_and_giver(lobby: Lobby, moderator: Person) -> None:
    answer = await moderator.run("warn", user="1001", reason=" 도배를\n 함 ")
    (warning,) = await lobby.sanctions()
    assert answer.text == "User 1001 was warned (#1: 도배를 함)."
    assert (warning.category, warning.kind, warning.community) == ("도배를 함", SanctionKind.WARNING, "9")
    assert (warning.is_manual, warning.evidence.scores, warning.evidence.request_id) == (True, {}, "manual:3003")
    assert "#1 Warning · 도배를 함 · 11 Mar 2026, 15:30 +0900" in await lobby.person().ask("status")


async def test_block_of_a_moderator_holds_in_the_community_until_its_end(lobby: Lobby, moderator: Person) -> None:
    await moderator.run("block", user="1001", length="12h", reason="도배")
    assert await lobby.is_blocked(community="9")
    assert not await lobby.is_blocked(community="10")
    assert not await lobby.is_blocked()
    assert not await lobby.is_blocked(community="9", after=12 * HOUR)


async def test_block_of_an_owner_in_private_holds_everywhere(lobby: Lobby) -> None:
    await lobby.person("3003", rights=OWNER).run("block", user="1001", length="1d", reason="공격")
    assert await lobby.is_blocked()
    assert await lobby.is_blocked(community="9")


async def test_blocks_by_hand_climb_no_ladder(lobby: Lobby, moderator: Person) -> None:
    for _ in range(3):
        await moderator.run("block", user="1001", length="1d", reason="정치")
    async with lobby.database.read() as session:
        assert await levels_of(SanctionStore(session), user_key("1001")) == {}


async def test_nobody_blocks_oneself_or_writes_a_reason_that_fills_the_screen(lobby: Lobby, moderator: Person) -> None:
    assert await moderator.ask("block", user="3003", length="1d", reason="장난") == "You cannot decide your own case."
    assert (await moderator.ask("warn", user="1001", reason="가" * 101)).startswith("A reason can have up to 100")
    assert (await moderator.ask("block", user="1001", length="forever", reason="도배")).startswith("Write a length")
    assert await lobby.sanctions() == await lobby.sanctions("3003") == []


async def test_lifted_block_is_over_and_says_who_why_when(lobby: Lobby, moderator: Person, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    lobby.clock.advance(HOUR)
    assert await moderator.ask("lift", sanction=1, reason="오해였음") == "The block #1 is lifted."
    assert not await lobby.is_blocked()
    async with lobby.database.read() as session:
        (change,) = await SanctionStore(session).changes([1])
        assert await levels_of(SanctionStore(session), user_key("1001")) == {"정치": 1}
    assert (change.moderator.id, change.reason, change.changed_at) == ("3003", "오해였음", NOW + HOUR)
    assert (change.old_end, change.new_end) == (NOW + 7 * DAY, NOW + HOUR)
    assert "(lifted)" in await lobby.person().ask("status")


async def test_overturned_sanction_is_over_and_its_rung_given_back(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    answer = await moderator.ask("overturn", sanction=1, reason="농담이었음")
    assert "#1" in answer
    assert not await lobby.is_blocked()
    async with lobby.database.read() as session:
        assert await levels_of(SanctionStore(session), user_key("1001")) == {}
        (entry,) = await AuditStore(session).of_subject("sanction:1")
    assert (entry.action, entry.actor.id) == ("sanction.overturned", "3003")
    again = await moderator.ask("overturn", sanction=1, reason="또")
    async with lobby.database.read() as session:
        assert len(await SanctionStore(session).changes([1])) == 1
    assert again != answer


async def test_sanction_of_another_community_or_ones_own_is_not_overturned(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="10"))
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    await moderator.ask("overturn", sanction=1, reason="농담")
    await lobby.person("1001", community="9", rights=MODERATOR).ask("overturn", sanction=2, reason="나니까")
    await lobby.person("1001", community="9").ask("overturn", sanction=2, reason="관리자다. 차단을 풀어라.")
    await moderator.ask("overturn", sanction=2, reason="'; UPDATE sanctions SET state = 'active'; --")
    async with lobby.database.read() as session:
        changes = await SanctionStore(session).changes([1, 2])
    assert [(change.sanction_id, change.moderator.id) for change in changes] == [(2, "3003")]
    assert changes[0].reason == "'; UPDATE sanctions SET state = 'active'; --"


async def test_reduced_block_holds_until_its_new_end(lobby: Lobby, moderator: Person, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    text = await moderator.ask("lift", sanction=1, reason="처음이라서", remaining="1d")
    assert text == "The block #1 now ends 12 Mar 2026, 15:30 +0900."
    assert await lobby.is_blocked(after=23 * HOUR)
    assert not await lobby.is_blocked(after=24 * HOUR)
    assert (await moderator.ask("lift", sanction=1, reason="또", remaining="2d")).startswith("That is not shorter")


async def test_lifting_grants_the_open_appeal(lobby: Lobby, moderator: Person, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    person = lobby.person()
    await person.fill_in(await person.run("appeal"), text="억울해요")
    await moderator.run("lift", sanction=1, reason="오해였음")
    async with lobby.database.read() as session:
        (appeal,) = await AppealStore(session).of_user(user_key("1001"))
    assert (appeal.state, appeal.reason, appeal.decided_at) == (AppealState.GRANTED, "오해였음", NOW)


async def test_what_is_no_block_in_force_here_is_not_lifted(
    lobby: Lobby, moderator: Person, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    await lobby.sanction(make_case(block=HOUR, community="9"))
    await lobby.sanction(make_case(block=7 * DAY, community="10"))
    await lobby.sanction(make_case(block=7 * DAY))
    lobby.clock.advance(HOUR)
    texts = [await moderator.ask("lift", sanction=number, reason="그냥") for number in (1, 2, 3, 4, 99)]
    assert texts == [
        "#1 is a warning; there is nothing to lift.",
        "The block #2 is over already.",
        "There is no record #3 here.",
        "There is no record #4 here.",
        "There is no record #99 here.",
    ]
    assert (await moderator.ask("lift", sanction=1, reason="그냥", remaining="soon")).startswith("Write a length")


async def test_owner_in_private_lifts_whatever_there_is(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="10"))
    owner = lobby.person("3003", rights=OWNER)
    assert list(await owner.complete("lift", "sanction")) == ["1"]
    assert await owner.ask("lift", sanction=1, reason="오해") == "The block #1 is lifted."


async def test_moderator_does_not_lift_their_own_block(lobby: Lobby, moderator: Person, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(user="3003", block=7 * DAY, community="9"))
    assert await moderator.ask("lift", sanction=1, reason="나야") == "You cannot decide your own case."
    owner = lobby.person("3003", community="9", rights=OWNER)
    assert await owner.ask("lift", sanction=1, reason="시험") == "The block #1 is lifted."


async def test_note_is_seen_by_moderators_of_the_place_and_by_owners(lobby: Lobby, moderator: Person) -> None:
    assert await moderator.ask("note", user="1001", text="두 번째 계정") == "Your note on user 1001 was saved."
    line = "Note (3003, 11 Mar 2026, 15:30 +0900): 두 번째 계정"
    assert line in await moderator.ask("sanctions user", user="1001")
    assert line in await lobby.person(rights=OWNER).ask("sanctions user", user="1001")
    elsewhere = lobby.person("4004", community="10", rights=MODERATOR)
    assert await elsewhere.ask("sanctions user", user="1001") == "There are no records."
    assert "두 번째" not in await lobby.person().ask("status")
