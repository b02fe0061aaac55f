"""Forms that are asked question by question."""

from __future__ import annotations

import pytest

from bot.answers import Actor, Form, FormField, Place
from bot.telegram_forms import KEPT_S, FormDesk, Taken
from storage.records import ConversationKey, UserKey

FORM = Form(
    token="f1",
    title="이의 제기",
    fields=(FormField(name="why", label="왜?", max_length=5), FormField(name="more", label="더?", is_required=False)),
)
ACTOR = Actor(
    user=UserKey(platform="telegram", id="7"), place=Place(conversation=ConversationKey(platform="telegram", id="7"))
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> FormDesk:
    return FormDesk(clock=clock)


def test_questions_come_one_after_another(desk: FormDesk) -> None:
    opened = desk.begin(7, 7, FORM, ACTOR)
    assert opened.field.name == "why"
    assert opened.take(" 몰라 ") is Taken.NEXT
    assert opened.field.name == "more"
    assert opened.take("") is Taken.DONE
    assert opened.values == {"why": "몰라", "more": ""}


def test_answer_that_does_not_fit_is_asked_again(desk: FormDesk) -> None:
    opened = desk.begin(7, 7, FORM, ACTOR)
    assert opened.take("  ") is Taken.EMPTY
    assert opened.take("너무 긴 대답") is Taken.TOO_LONG
    assert opened.field.name == "why"


def test_only_a_reply_to_the_question_by_the_same_person_counts(desk: FormDesk) -> None:
    opened = desk.begin(7, 7, FORM, ACTOR)
    opened.question = 100
    assert desk.find(7, 7, 100) is opened
    assert desk.find(7, 7, 99) is None
    assert desk.find(7, 8, 100) is None
    assert desk.find(7, 7) is opened


def test_form_lapses(desk: FormDesk, clock: Clock) -> None:
    desk.begin(7, 7, FORM, ACTOR)
    clock.now = KEPT_S
    assert desk.find(7, 7) is None


def test_form_is_closed_once_and_a_new_one_replaces_an_old_one(desk: FormDesk) -> None:
    first = desk.begin(7, 7, FORM, ACTOR)
    second = desk.begin(7, 7, FORM, ACTOR)
    assert desk.find(7, 7) is second is not first
    assert desk.close(7, 7)
    assert not desk.close(7, 7)
