"""Check tokens: who may use them, how long, and how many there are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.answers import Actor, Place, Rights
from bot.button_book import LIFETIME, ButtonBook, PressRefusal
from bot.commands import Role
from storage.records import ConversationKey
from tests.bot.conftest import FixedClock, user_key


def actor(name: str = "민지", *, rights: Rights | None = None) -> Actor:
    place = Place(conversation=ConversationKey(platform="console", id="room"))
    return Actor(user=user_key(name), place=place, rights=rights or Rights())


@pytest.fixture
def book(clock: FixedClock) -> ButtonBook[str]:
    return ButtonBook(clock)


def test_token_is_opaque_and_fits_into_callback_data(book: ButtonBook[str]) -> None:
    tokens = {book.issue("next page", presser=user_key("민지")) for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token.encode()) <= 32 and "민지" not in token for token in tokens)


def test_only_the_person_who_asked_may_press(book: ButtonBook[str]) -> None:
    token = book.issue("next page", presser=user_key("민지"))
    assert book.redeem(token, actor("철수")) is PressRefusal.STRANGER
    assert book.redeem(token, actor()) == "next page"
    assert book.redeem(token, actor()) == "next page"


def test_right_is_asked_for_at_the_press(book: ButtonBook[str]) -> None:
    token = book.issue("lift", presser=None, who=Role.MODERATOR)
    assert book.redeem(token, actor("철수")) is PressRefusal.NOT_ALLOWED
    assert book.redeem(token, actor("영희", rights=Rights(is_moderator=True))) == "lift"


def test_press_after_the_lifetime_or_of_an_unknown_token_is_expired(book: ButtonBook[str], clock: FixedClock) -> None:
    token = book.issue("next page", presser=user_key("민지"))
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert book.redeem(token, actor()) == "next page"
    clock.advance(timedelta(seconds=1))
    assert book.redeem(token, actor()) is PressRefusal.EXPIRED
    assert book.redeem("made up", actor()) is PressRefusal.EXPIRED
    assert len(book) == 0


def test_token_that_works_once_is_spent_by_a_rightful_press_only(book: ButtonBook[str]) -> None:
    token = book.issue("delete all", presser=user_key("민지"), once=True)
    assert book.redeem(token, actor("철수")) is PressRefusal.STRANGER
    assert book.redeem(token, actor()) == "delete all"
    assert book.redeem(token, actor()) is PressRefusal.EXPIRED


def test_oldest_tokens_go_when_the_book_is_full(clock: FixedClock) -> None:
    book = ButtonBook[int](clock, capacity=3)
    tokens = [book.issue(number, presser=None) for number in range(5)]
    assert len(book) == 3
    assert [book.redeem(token, actor()) for token in tokens[2:]] == [2, 3, 4]
    assert book.redeem(tokens[0], actor()) is PressRefusal.EXPIRED


def test_expired_tokens_take_no_room(book: ButtonBook[str], clock: FixedClock) -> None:
    for _ in range(10):
        book.issue("next page", presser=None)
    clock.advance(LIFETIME)
    book.issue("next page", presser=None)
    assert len(book) == 1


def test_token_that_lives_long_outlives_expired_ones_in_a_full_book(clock: FixedClock) -> None:
    book = ButtonBook[str](clock, capacity=3)
    hint = book.issue("hint", presser=None, lifetime=timedelta(days=1))
    for _ in range(2):
        book.issue("next page", presser=None)
    clock.advance(LIFETIME)
    later = [book.issue("next page", presser=None) for _ in range(2)]
    assert [book.redeem(token, actor()) for token in (hint, *later)] == ["hint", "next page", "next page"]


def test_tokens_of_a_person_can_be_forgotten(book: ButtonBook[str]) -> None:
    mine, theirs = (book.issue("next page", presser=user_key(name)) for name in ("민지", "철수"))
    book.forget(user_key("민지"))
    assert book.redeem(mine, actor()) is PressRefusal.EXPIRED
    assert book.redeem(theirs, actor("철수")) == "next page"
