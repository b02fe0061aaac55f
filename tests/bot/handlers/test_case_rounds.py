"""Check that cards follow their cases and that users are told: also after failures, deletions, restarts, and only once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import pytest

from bot.answers import Answer, Rights
from bot.case_post import Buttons
from bot.errors import DeliveryGivenUp, PlaceGone
from bot.handlers.case_rounds import CaseRounds
from storage.appeals import AppealStore
from storage.case_cards import CaseCardStore
from storage.forgetting import forget_user
from storage.records import AppealState, CaseCard, UserKey
from storage.sanctions import SanctionStore
from tests.bot.conftest import SEOUL
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import ADMIN, MODERATOR, OWNER, Lobby, Person, user_key

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STRANGER = "You may not press this button."


@dataclass(kw_only=True)
class Board:
    """A platform that keeps what is written, and fails from what a test put before it."""

    cards: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)  # channel, text, labels
    told: list[tuple[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    failures: deque[Exception] = field(default_factory=deque)
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)

    async def post_card(self, channel: str, text: str, buttons: Buttons, name: str) -> str:
        self.names.append(name)
        self._fail()
        message = f"m{next(self.numbers)}"
        self._put(message, channel, text, buttons)
        return message

    async def edit_card(self, channel: str, message: str, text: str, buttons: Buttons) -> None:
        self._fail()
        if message not in self.cards:
            raise PlaceGone("deleted")
        self._put(message, channel, text, buttons)

    async def tell_user(self, user: UserKey, text: str, name: str) -> None:
        self._fail()
        self.told.append((user.id, text))

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()

    def _put(self, message: str, channel: str, text: str, buttons: Buttons) -> None:
        self.cards[message] = (channel, text, [button.label for row in buttons for button in row])
        self.tokens = {button.label: button.token for row in buttons for button in row}


@pytest.fixture
def board(lobby: Lobby) -> Board:
    board = Board()
    lobby.desk.offer_post("discord", board)
    return board


@pytest.fixture
async def moderator(lobby: Lobby) -> Person:
    await lobby.person(community="9", rights=ADMIN).run("setup modlog", channel="88")
    return lobby.person("3003", community="9", rights=MODERATOR)


async def look(lobby: Lobby, rounds: CaseRounds | None = None) -> None:
    rounds = rounds or lobby.desk.rounds
    await rounds.look()
    await rounds.settled()


async def appeal(lobby: Lobby, number: int = 1, user: str = "1001") -> Answer:
    person = lobby.person(user)
    return await person.fill_in(await person.run("appeal", sanction=number), text="농담이었어요")


async def card_of(lobby: Lobby, number: int = 1) -> CaseCard | None:
    async with lobby.database.read() as session:
        return await CaseCardStore(session).of_sanction(number)


async def rule(person: Person, board: Board, label: str, **values: str) -> str:
    """Press a button of the card as it stands and fill its form in."""
    asked = await person.desk.press(person.actor, board.tokens[label])
    return asked.text if asked.form is None else (await person.fill_in(asked, **values)).text


async def test_card_follows_its_case_from_the_sanction_to_the_decision(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9", text="나쁜 말 @everyone"))
    await look(lobby)
    (channel, text, labels) = board.cards["m0"]
    assert (channel, labels) == ("88", ["자세히", "줄이거나 풀기", "취소(잘못된 제재)"])
    assert text.splitlines()[1:] == ["상태: 유효"]
    assert "나쁜 말" not in text
    await appeal(lobby)
    await look(lobby)
    assert board.cards["m0"][1].endswith("⏳ 이의신청이 결정을 기다리고 있어요.")
    assert "농담" not in board.cards["m0"][1]
    assert await rule(moderator, board, "줄이거나 풀기", reason="처음이라서", remaining="1d") == (
        "The block #1 now ends 12 Mar 2026, 15:30 +0900."
    )
    await look(lobby)
    assert list(board.cards) == ["m0"]
    assert "상태: 줄어듦" in board.cards["m0"][1]
    assert "3003 님이 2026년 3월 12일 오후 3:30까지로 줄였어요: 처음이라서" in board.cards["m0"][1]
    assert board.told == [
        ("1001", "Your appeal was granted: the block #1 now ends 12 Mar 2026, 15:30 +0900.\nReason: 처음이라서")
    ]


async def test_card_changes_when_the_clock_ends_the_block(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=DAY, community="9"))
    await look(lobby)
    lobby.clock.advance(DAY)
    await look(lobby)
    assert "상태: 기간이 끝남" in board.cards["m0"][1]
    assert board.cards["m0"][2] == ["자세히", "취소(잘못된 제재)"]
    card = await card_of(lobby)
    assert card is not None
    assert card.due_at is None


async def test_sanctions_without_a_modlog_or_in_private_have_no_card(
    lobby: Lobby, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="10"))
    await lobby.sanction(make_case())
    await look(lobby)
    assert board.cards == {}
    assert await card_of(lobby, 2) is None
    await lobby.person(community="10", rights=ADMIN).run("setup modlog", channel="99")
    await appeal(lobby)
    await look(lobby)
    assert [card[0] for card in board.cards.values()] == ["99"]


async def test_what_the_platform_did_not_take_is_written_later_under_the_same_name(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    board.failures += [DeliveryGivenUp("away"), OSError("down")]
    await look(lobby)
    await look(lobby)
    assert board.cards == {}, "not before its time"
    lobby.clock.advance(timedelta(seconds=5))
    await look(lobby)
    lobby.clock.advance(timedelta(seconds=10))
    await look(lobby, CaseRounds(lobby.database, lobby.clock, "ko", SEOUL))  # nothing is offered to these
    assert board.cards == {}
    restarted = CaseRounds(lobby.database, lobby.clock, "ko", SEOUL)
    restarted.offer("discord", board)
    await look(lobby, restarted)
    assert list(board.cards) == ["m0"]
    assert board.names == ["case-1-1"] * 3


async def test_deleted_card_is_written_anew_when_something_happens_but_not_for_the_clock(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=DAY, community="9"))
    await look(lobby)
    del board.cards["m0"]
    lobby.clock.advance(DAY)
    await look(lobby)
    assert board.cards == {}
    await appeal(lobby)
    await look(lobby)
    assert list(board.cards) == ["m1"]
    assert board.names == ["case-1-1", "case-1-2"]


async def test_channel_that_is_gone_loses_nothing(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    board.failures.append(PlaceGone("no such channel"))
    await look(lobby)
    card = await card_of(lobby)
    assert card is not None
    assert (card.due_at, card.message_id) == (None, None)
    await lobby.person(community="9", rights=ADMIN).run("setup modlog", channel="99")
    await appeal(lobby)
    await look(lobby)
    assert [(channel, "⏳" in text) for channel, text, _ in board.cards.values()] == [("99", True)]


async def test_case_that_changes_while_its_card_is_written_is_written_again(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    card = await card_of(lobby)
    assert card is not None
    await appeal(lobby)  # after the text of the card was read
    async with lobby.database.begin() as session:
        await CaseCardStore(session).begin_message(1, "88")
        await CaseCardStore(session).note_shown(card, "m0", None)
    board.cards["m0"] = ("88", "old", [])
    await look(lobby)
    assert "⏳" in board.cards["m0"][1]


async def test_card_is_written_once_however_often_the_rounds_look_meanwhile(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    for _ in range(15):
        await lobby.sanction(make_case(community="9"))
    for _ in range(25):
        await lobby.desk.rounds.look()
    await lobby.desk.rounds.settled()
    assert len(board.cards) == 15
    assert len(board.names) == len(set(board.names)) == 15


async def forget(lobby: Lobby, user: str = "1001") -> None:
    """What /forgetme does."""
    await forget_user(lobby.database, user_key(user), lobby.clock())


async def test_card_names_a_forgotten_user_no_more_also_when_the_platform_was_away(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    for user in ("1001", "2002"):
        await lobby.sanction(make_case(user=user, block=7 * DAY, community="9"))
    async with lobby.database.begin() as session:
        await SanctionStore(session).end(1, lobby.clock(), user_key("3003"), "1001이 사과함", lobby.clock())
    await look(lobby)
    assert len(board.cards) == 2
    before = dict(board.cards)
    await forget(lobby)
    board.failures += [DeliveryGivenUp("away")]
    await look(lobby)
    assert board.cards == before
    lobby.clock.advance(timedelta(seconds=5))
    await look(lobby)
    changed = [message for message in before if board.cards[message] != before[message]]
    (text,) = [board.cards[message][1] for message in changed]
    assert text.startswith("#1 사용자 (삭제됨) · ")
    assert "풀었어요: (삭제됨)" in text
    assert "1001" not in text
    assert len(board.cards) == 2


async def test_card_that_is_written_while_its_user_is_forgotten_is_written_again(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    card = await card_of(lobby)
    assert card is not None
    await forget(lobby)  # after the text of the card was read
    async with lobby.database.begin() as session:
        await CaseCardStore(session).begin_message(1, "88")
        await CaseCardStore(session).note_shown(card, "m0", None)
    board.cards["m0"] = ("88", "#1 사용자 1001", [])
    await look(lobby)
    assert "1001" not in board.cards["m0"][1]


async def test_no_new_card_is_written_for_a_forgotten_user_where_the_old_one_is_gone(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    await look(lobby)
    board.cards.clear()
    await forget(lobby)
    await look(lobby)
    assert board.cards == {}
    card = await card_of(lobby)
    assert card is not None
    assert (card.due_at, card.message_id) == (None, None)


async def test_user_who_cannot_be_reached_is_told_when_they_come(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    await appeal(lobby)
    await look(lobby)
    assert await rule(moderator, board, "유지", reason="분명한 욕설") == "#1 is upheld."
    board.cards.clear()
    board.failures += [
        PlaceGone("gone")
    ] * 3  # the card that is edited, the one that would replace it, the user; in any order
    await look(lobby)
    board.failures.clear()
    await look(lobby)
    assert board.told == []
    said = "Your appeal of #1 was looked at, and the decision stands.\nReason: 분명한 욕설"
    person = lobby.person()
    assert (await person.ask("status")).startswith(said)
    assert said not in await person.ask("status")
    async with lobby.database.read() as session:
        (kept,) = await AppealStore(session).of_sanction(1)
    assert kept.told_at == lobby.clock()


async def test_news_wait_for_a_place_where_only_the_user_sees_them(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(community="9"))
    await appeal(lobby)
    await moderator.desk.cases.decide(await moderator.desk.visit(moderator.actor), 1, AppealState.DENIED, "분명한 욕설")
    board.failures += [PlaceGone("x"), PlaceGone("x")]
    await look(lobby)
    assert await lobby.desk.news_for(lobby.person("2002").actor) == []
    (news,) = await lobby.desk.news_for(lobby.person(locale="ko").actor)
    assert news.startswith("1번 제재에 대한 이의신청을 살펴봤지만")
    assert await lobby.desk.news_for(lobby.person().actor) == []


async def test_answer_is_tried_again_while_the_platform_is_away(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case())
    await appeal(lobby)
    owner = lobby.person("3003", rights=OWNER)
    visit = await lobby.desk.visit(owner.actor)
    await lobby.desk.cases.decide(visit, 1, AppealState.GRANTED, "맞는 말")
    board.failures += [DeliveryGivenUp("away"), DeliveryGivenUp("away")]
    await look(lobby)
    lobby.clock.advance(timedelta(seconds=5))
    await look(lobby)
    lobby.clock.advance(timedelta(seconds=5))
    await look(lobby)
    assert board.told == []
    lobby.clock.advance(timedelta(seconds=5))
    await look(lobby)
    assert [text.splitlines()[0] for _, text in board.told] == [
        "Your appeal was granted: #1 is overturned and counts no longer."
    ]
    await look(lobby)
    assert len(board.told) == 1


# --- who may press ---


async def test_card_does_nothing_for_strangers_and_moderators_of_other_places(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9", text="나쁜 말"))
    await appeal(lobby)
    await look(lobby)
    others = [
        lobby.person("5005", community="9"),
        lobby.person("5005", community="10", rights=MODERATOR),
        lobby.person("5005", rights=MODERATOR),
        lobby.person("5005", community="9", rights=MODERATOR, platform="telegram"),
    ]
    for person in others:
        for token in ("~case:1", "~end:1", "~overturn:1", "~uphold:1"):
            answer = await person.desk.press(person.actor, token)
            assert (answer.form, answer.buttons) == (None, ())
            assert answer.text == STRANGER
    assert await lobby.is_blocked()


@pytest.mark.parametrize("about", ["", "2", "-1", "1.0", "1 OR 1=1", "١", "9" * 24, "1:1", "../1"])
async def test_made_up_tokens_find_no_case(lobby: Lobby, moderator: Person, make_case: MakeCase, about: str) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9", text="나쁜 말"))
    for name in ("case", "end", "overturn", "uphold"):
        answer = await lobby.desk.press(moderator.actor, f"~{name}:{about}")
        assert (answer.form, answer.text) == (None, STRANGER)


async def test_rights_are_read_in_the_community_of_the_case(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    asked: list[tuple[str, str | None]] = []

    async def rights_of(user: UserKey, community: str | None) -> Rights | None:
        asked.append((user.id, community))
        return MODERATOR if user.id == "3003" else None

    lobby.desk.offer_rights("discord", rights_of)
    await lobby.sanction(make_case(block=7 * DAY, community="9", text="나쁜 말"))
    await look(lobby)
    council = lobby.person("3003", community="77")  # the modlog is a group of its own
    shown = await council.desk.press(council.actor, "~case:1")
    assert "나쁜 말" in shown.text
    assert asked == [("3003", "9")]
    assert await rule(council, board, "줄이거나 풀기", reason="오해", remaining="") == "The block #1 is lifted."
    stranger = lobby.person("5005", community="77", rights=MODERATOR)
    assert (await stranger.desk.press(stranger.actor, "~case:1")).text == STRANGER


async def test_moderator_who_lost_the_role_meanwhile_decides_nothing(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    await look(lobby)
    asked = await lobby.desk.press(moderator.actor, board.tokens["줄이거나 풀기"])
    former = lobby.person("3003", community="9")
    assert (await former.fill_in(asked, reason="오해", remaining="")).text == STRANGER
    assert await lobby.is_blocked()


@pytest.mark.parametrize("rights", [MODERATOR, ADMIN, OWNER])
async def test_nobody_decides_on_their_own_appeal(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase, rights: Rights
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9", user="3003"))
    await appeal(lobby, user="3003")
    await look(lobby)
    own = lobby.person("3003", community="9", rights=rights)
    for label in ("줄이거나 풀기", "취소(잘못된 제재)", "유지"):
        assert await rule(own, board, label, reason="나야", remaining="") == "You cannot decide your own case."
    assert await own.ask("lift", sanction=1, reason="나야") == "You cannot decide your own case."
    assert await lobby.is_blocked("3003")


async def test_of_two_moderators_one_decides_and_the_other_is_told(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    await appeal(lobby)
    await look(lobby)
    second = lobby.person("4004", community="9", rights=MODERATOR)
    forms = [await lobby.desk.press(each.actor, board.tokens["유지"]) for each in (moderator, second)]
    third = await lobby.desk.press(second.actor, board.tokens["취소(잘못된 제재)"])
    assert (await moderator.fill_in(forms[0], reason="욕설")).text == "#1 is upheld."
    for form in (forms[1], third):
        assert (await second.fill_in(form, reason="아님")).text.startswith("The appeal of #1 is decided already")
    async with lobby.database.read() as session:
        (kept,) = await AppealStore(session).of_sanction(1)
    assert (kept.state, kept.reason) == (AppealState.DENIED, "욕설")
    assert await lobby.is_blocked()


async def test_stale_form_does_not_decide_on_a_later_appeal(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=30 * DAY, community="9"))
    await appeal(lobby)
    await look(lobby)
    stale = await lobby.desk.press(moderator.actor, board.tokens["유지"])
    await rule(moderator, board, "유지", reason="욕설")
    lobby.clock.advance(timedelta(minutes=5))
    async with lobby.database.begin() as session:
        sanction = (await lobby.sanctions())[0]
        await AppealStore(session).open(sanction, "다시", lobby.clock())
    assert (await moderator.fill_in(stale, reason="욕설")).text.startswith("The appeal of #1 is decided already")


async def test_reason_is_needed_and_its_length_is_bounded(
    lobby: Lobby, moderator: Person, board: Board, make_case: MakeCase
) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    await look(lobby)
    for reason in ("", "  ", "가" * 501):
        assert (await rule(moderator, board, "취소(잘못된 제재)", reason=reason)).startswith("Write a reason")
    assert (await rule(moderator, board, "줄이거나 풀기", reason="오해", remaining="8d")).startswith(
        "That is not shorter"
    )
    assert await rule(moderator, board, "취소(잘못된 제재)", reason="가" * 500) == (
        "#1 is overturned, and its rung is given back."
    )
    await look(lobby)
    assert "가" * 199 + "…" in board.cards["m0"][1]
    assert "가" * 201 not in board.cards["m0"][1]
    assert board.cards["m0"][2] == ["자세히"]
    assert board.told == []
