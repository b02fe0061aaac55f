"""Tests of memories in the words of whoever said them."""

from __future__ import annotations

import pytest

from engine.memory import MemoryNote, parse_memory
from engine.quotation import MOST_LETTERS, can_be_quoted, is_said, quote


def _state(value: str) -> MemoryNote:
    return MemoryNote(key="상태", value=value)


@pytest.mark.parametrize(
    ("value", "message", "said"),
    [
        ("마라탕", "나 마라탕 제일 좋아해", True),
        ("친구랑 카페", "오늘 친구랑 카페 가기로 했어!", True),
        ("mbti는 intj", "내 MBTI는 INTJ야", True),
        ("시험 2개", "내일 시험이 2개야", True),
        ("계단에서 넘어짐", "방금 계단에서 미끄러졌어", False),
        ("머리카락이 안 빠짐", "탈색했더니 머리카락이 녹았어", False),
    ],
)
def test_value_is_said_when_each_of_its_words_begins_as_something_in_the_message(
    value: str, message: str, said: bool
) -> None:
    assert is_said(_state(value), message) is said


@pytest.mark.parametrize(
    ("message", "quoted"),
    [
        ("아 방금 계단에서 미끄러져서 발목 삐었어ㅠㅠ", "아 방금 계단에서 미끄러져서 발목 삐었어"),
        ("  면접 끝!!  떨어진 것 같아 😭😭", "면접 끝!! 떨어진 것 같아"),
        ("과제 다 날아감ㅋㅋㅋㅋ저장을 안했어", "과제 다 날아감 저장을 안했어"),
        ("나 오늘: 술 [많이] 마셨어", "나 오늘 술 많이 마셨어"),
        ("아침 7:30에 일어나야 돼", "아침 7:30에 일어나야 돼"),
        ("배터리 30%", "배터리 30%"),
        ("日本語を習ってる。", "日本語を習ってる"),
    ],
)
def test_quotation_is_the_message_without_what_only_surrounds_it(message: str, quoted: str) -> None:
    note = quote(_state("다른 말"), message)
    assert note == _state(quoted)
    assert parse_memory(note.text) == note


def test_of_a_long_message_the_sentence_is_quoted_that_the_value_is_about() -> None:
    message = "오늘은 아침부터 비가 와서 우산을 챙겨 나갔거든. 그런데 지하철이 고장 나서 회사에 늦었어. 점심에는 김치찌개를 먹었는데 그건 맛있었어."
    assert quote(_state("회사에 지각함"), message).value == "그런데 지하철이 고장 나서 회사에 늦었어"


def test_quotation_ends_with_a_whole_word_where_there_is_room_for_no_more() -> None:
    value = quote(_state("길다"), "아주 " * 40).value
    assert value.endswith("아주")
    assert len(value) <= MOST_LETTERS
    assert len(quote(_state("길다"), "가" * 200).value) == MOST_LETTERS


def test_message_without_words_leaves_the_note_as_it_is() -> None:
    assert quote(_state("기쁨"), "ㅋㅋㅋㅋ 😂!!") == _state("기쁨")


@pytest.mark.parametrize(
    ("key", "quotable"),
    [("상태", True), ("오늘 일정", True), ("이름", False), ("별명", False), ("오로라에 대한 감정", False)],
)
def test_names_and_feelings_for_her_are_not_quoted(key: str, quotable: bool) -> None:
    assert can_be_quoted(MemoryNote(key=key, value="무언가")) is quotable
