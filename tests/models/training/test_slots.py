"""Check slots, word lists and the particles that follow a word."""

from __future__ import annotations

import random

import pytest

from models.training.slots import (
    WEEKDAYS,
    SlotError,
    choose_particle,
    draw_values,
    exchange_word,
    fill,
    has_final_consonant,
    read_slot_lists,
    slot_names,
    without_slots,
)


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("김밥", "을/를", "을"), ("피자", "을/를", "를"), ("수박", "이/가", "이"), ("사과", "이/가", "가"),
        ("서울", "으로/로", "로"), ("부산", "으로/로", "으로"), ("대구", "으로/로", "로"), ("물", "을/를", "을"),
        ("연필", "으로/로", "로"), ("지은", "아/야", "아"), ("민수", "아/야", "야"), ("지은", "이/", "이"), ("민수", "이/", ""),
        ("MBTI", "이/가", "가"), ("토익 900점", "을/를", "을"), ("3", "을/를", "을"), ("2", "을/를", "를"), ("10", "이/가", "이"),
        ("ISFP", "이/가", "가"), ("GPU", "을/를", "를"), ("피자!", "을/를", "를"), ("김밥😊", "을/를", "을"),
        ("7", "으로/로", "로"), ("1", "으로/로", "로"), ("8", "으로/로", "로"), ("3", "으로/로", "으로"),
        ("서울!", "으로/로", "로"), ("LOL", "으로/로", "로"),
    ],
)  # fmt: skip
def test_particle_fits_the_word(word: str, pair: str, expected: str) -> None:
    after_consonant, _, after_vowel = pair.partition("/")
    assert choose_particle(word, after_consonant, after_vowel) == expected


def test_final_consonant_of_no_letters_at_all() -> None:
    assert not has_final_consonant("")
    assert not has_final_consonant("😊")
    assert choose_particle("", "을", "를") == "를"


def test_lists_are_read_and_other_lines_ignored() -> None:
    lines = ["# 설명", "@음식: 김밥, 라면 ,, 피자 ", "> 안녕", "@빈것:", "@색:빨강"]
    assert read_slot_lists(lines) == {"음식": ["김밥", "라면", "피자"], "빈것": [], "색": ["빨강"]}


def test_names_and_form_of_a_line() -> None:
    text = "{음식:이랑/랑} {음식2:을/를} 먹은 {요일}"
    assert slot_names(text) == {"음식", "음식2", "요일"}
    assert without_slots(text) == "X X 먹은 X"


def test_filled_slot_carries_its_particle() -> None:
    values = {"음식": "김밥", "음식2": "피자", "이름": "지은", "도시": "서울"}
    text = "{이름:아/야} {음식:이랑/랑} {음식2:을/를} 들고 {도시:으로/로} 가자, {음식}!"
    assert fill(text, values) == "지은아 김밥이랑 피자를 들고 서울로 가자, 김밥!"


@pytest.mark.parametrize("seed", range(20))
def test_slots_of_one_list_differ_and_weekdays_follow_each_other(seed: int) -> None:
    names = {"음식", "음식2", "요일", "다음요일", "어제요일", "때"}
    values = draw_values(names, {"음식": ["김밥", "피자"]}, random.Random(seed))
    assert values["음식"] != values["음식2"]
    day = WEEKDAYS.index(values["요일"])
    assert values["다음요일"] == WEEKDAYS[(day + 1) % 7]
    assert values["어제요일"] == WEEKDAYS[(day - 1) % 7]
    assert values["때"] in {"오전", "오후", "저녁"}


def test_draw_is_decided_by_the_seed() -> None:
    lists = {"음식": [str(number) for number in range(50)]}
    names = ["음식", "음식2", "요일", "때"]
    assert draw_values(names, lists, random.Random(4)) == draw_values(names[::-1], lists, random.Random(4))


@pytest.mark.parametrize(
    ("names", "lists"),
    [({"없음"}, {}), ({"음식"}, {"음식": []}), ({"음식", "음식2"}, {"음식": ["김밥"]})],
    ids=["no list", "empty list", "list too short"],
)
def test_name_that_cannot_be_drawn_is_a_slot_error(names: set[str], lists: dict[str, list[str]]) -> None:
    with pytest.raises(SlotError):
        draw_values(names, lists, random.Random(0))


@pytest.mark.parametrize(
    ("text", "old", "new", "is_name", "expected"),
    [
        ("초밥이 최고야, 초밥은 옳지", "초밥", "피자", False, "피자가 최고야, 피자는 옳지"),
        ("피자가 최고야, 피자는 옳지", "피자", "초밥", False, "초밥이 최고야, 초밥은 옳지"),
        ("피자야! 역시", "피자", "초밥", False, "초밥이야! 역시"),
        ("지수야! 지수잖아", "지수", "민준", True, "민준아! 민준이잖아"),
        ("민준이! 반가워", "민준", "지수", True, "지수! 반가워"),
        ("라면으로 하자", "라면", "국수", False, "국수로 하자"),
        ("국수로 하자", "국수", "쌀", False, "쌀로 하자"),
        ("떡볶이랑 떡볶이", "떡볶이", "순대", False, "순대랑 순대"),
    ],
)
def test_another_word_takes_the_particles_that_fit(text: str, old: str, new: str, is_name: bool, expected: str) -> None:
    assert exchange_word(text, old, new, is_name=is_name) == expected


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("부산으로 가자", "부산", "서울", "서울로 가자"),
        ("서울로 가자", "서울", "부산", "부산으로 가자"),
        ("나 소라게 좋아", "소라", "지민", "나 지민게 좋아"),  # nothing tells a compound from an ending
        ("큰소라 좋아", "소라", "지민", "큰소라 좋아"),
        ("물로 가자", "물", "불", "불로 가자"),
    ],
)
def test_words_of_equal_ends_keep_their_particles_but_for_rieul(text: str, old: str, new: str, expected: str) -> None:
    assert exchange_word(text, old, new) == expected
