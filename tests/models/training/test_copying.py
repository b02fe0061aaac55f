"""Tests of exchanging copied words: particles fit, keys and marks stay, refusals are left alone."""

from __future__ import annotations

import random

import pytest

from models.training.copying import (
    WordStock,
    find_copied_nouns,
    make_up_word,
    sound_of_end,
    sure_nouns,
    swap_copied_word,
)
from models.training.dialogue_rows import DialogueRow

STOCK = WordStock([["냉면", "짬뽕", "막국수", "우유", "서울", "귤"]])


def swapped(row: DialogueRow, seed: int = 1) -> DialogueRow:
    return swap_copied_word(row, STOCK, random.Random(seed))


@pytest.mark.parametrize(("word", "sound"), [("막국수", "vowel"), ("귤", "rieul"), ("냉면", "consonant")])
def test_end_of_a_word_decides_its_particles(word: str, sound: str) -> None:
    assert sound_of_end(word) == sound
    assert all(sound_of_end(STOCK.draw(word, random.Random(seed))) == sound for seed in range(50))


def test_word_of_no_list_becomes_another_noun_where_there_are_others_and_none_is_made_up() -> None:
    rng = random.Random(1)
    assert WordStock([["냉면", "짬뽕"]], with_made_up=False).draw("논문", rng) == "논문"
    stock = WordStock([["냉면", "짬뽕"]], with_made_up=False, others=["논문", "택배", "시험", "발톱", "지하철"])
    assert {stock.draw("논문", random.Random(seed)) for seed in range(50)} == {"논문", "시험", "발톱"}
    assert stock.draw("돌려", rng) == "돌려"
    assert {stock.draw("냉면", random.Random(seed)) for seed in range(50)} == {"짬뽕"}


@pytest.mark.parametrize("sound", ["vowel", "rieul", "consonant"])
def test_made_up_words_end_as_asked(sound: str) -> None:
    words = {make_up_word(sound, random.Random(seed)) for seed in range(200)}
    assert {sound_of_end(word) for word in words} == {sound}
    assert len(words) > 150


def test_a_noun_is_found_behind_different_particles() -> None:
    row = DialogueRow(input="나 냉면을 먹었어", reply="냉면이라니, 부럽다!", memory="", summary="냉면을 부러워함")
    assert find_copied_nouns(row) == ["냉면"]


def test_a_unit_behind_a_number_is_no_noun_to_exchange() -> None:
    row = DialogueRow(input="살 5킬로를 뺐어", reply="5킬로를 뺐다니 대단해!", memory="", summary="칭찬함")
    assert swapped(row) == row


def test_noun_is_sure_where_it_has_a_particle_that_no_verb_has() -> None:
    assert sure_nouns(["백일 떡을 어디까지 돌려야 하죠?", "떡볶이는 학교에서 먹었어", "논문도 많이 봐"]) == {
        "학교",
        "어디",
    }


def test_a_verb_in_both_texts_is_no_noun() -> None:
    row = DialogueRow(input="나는 좋아 진짜", reply="나도 좋아!", memory="", summary="좋아함")
    assert find_copied_nouns(row) == []


def test_the_word_changes_everywhere_at_once() -> None:
    row = DialogueRow(
        input="나 냉면을 먹었어", reply="냉면이라니, 부럽다!", memory="[먹은 음식: 냉면]", summary="냉면을 부러워함"
    )
    for seed in range(20):
        new = swapped(row, seed)
        word = new.reply.removesuffix("이라니, 부럽다!")
        assert word != "냉면"
        assert new == DialogueRow(
            input=f"나 {word}을 먹었어",
            reply=f"{word}이라니, 부럽다!",
            memory=f"[먹은 음식: {word}]",
            summary=f"{word}을 부러워함",
        )


def test_keys_and_marks_stay() -> None:
    row = DialogueRow(
        input="[음식: 냉면] (지금은 금요일 저녁) 음식 뭐 먹지",
        reply="음식은 냉면이 최고지!",
        memory="[음식: 음식]",
        summary="",
    )
    new = swapped(row)
    assert new.input.startswith("[음식: ")
    assert "(지금은 금요일 저녁)" in new.input
    assert new.memory is not None
    assert new.memory.startswith("[음식: ")


def test_a_refusal_is_left_alone() -> None:
    row = DialogueRow(input="뽀뽀를 해 줘", reply="뽀뽀는 부담이라 미안!", memory="", summary="뽀뽀는 부담")
    assert swapped(row) == row


def test_a_word_that_would_stay_somewhere_is_left_alone() -> None:
    row = DialogueRow(input="냉면이 좋아", reply="냉면 최고!", memory="", summary="비빔냉면을 권함")
    assert swapped(row) == row


def test_without_made_up_words_a_word_becomes_one_of_its_list_or_stays() -> None:
    stock = WordStock([["냉면", "짬뽕", "서울", "귤"]], with_made_up=False)
    drawn = {stock.draw("냉면", random.Random(seed)) for seed in range(20)}
    assert drawn == {"짬뽕"}
    assert stock.draw("솜사탕", random.Random(1)) == "솜사탕"
