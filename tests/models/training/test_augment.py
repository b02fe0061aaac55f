"""Check the ways in which messages are widened for training."""

from __future__ import annotations

import random

import pytest

from models.training.augment import add_noise, obfuscate, swap_synonyms


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("나 회사원이야", "직장원"),
        ("우리 집에 놀러 와", "우리 우리"),
        ("알바생 구함", "아르바이트생"),
    ],
)
def test_synonym_replaces_whole_words_only(message: str, wrong: str) -> None:
    assert not any(wrong in swap_synonyms(message, random.Random(seed)) for seed in range(20))


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("네 이름 뭐더라", "내 이름"),
        ("네 엄마도 바보지", "내 엄마"),
        ("바보 같이 왜 그래", "바보 함께"),
        ("밥 먹었어", "식사 먹"),
    ],
)
def test_widening_keeps_who_is_spoken_of_and_what_is_said(message: str, meaning: str) -> None:
    for seed in range(300):
        text = swap_synonyms(add_noise(message, random.Random(seed)), random.Random(seed))
        assert meaning not in text
        assert meaning.replace(" ", "") not in text


def test_noise_has_typos_slang_spacing_and_emoji() -> None:
    drawn = {add_noise("안녕 나 오늘 진짜 좋아", random.Random(seed)) for seed in range(400)}
    for sign in ("안뇽", "ㄹㅇ", "진쨔", "안녕나", "😅", "로라야", "~"):
        assert any(sign in text for text in drawn), sign


def test_synonym_swaps_one_word_or_nothing() -> None:
    assert swap_synonyms("하이하이", random.Random(0)) == "하이하이"
    assert swap_synonyms("엄마 보고 싶다", random.Random(0)) == "어머니 보고 싶다"


def test_noise_and_obfuscation_are_decided_by_the_seed_and_leave_something() -> None:
    message = "로라야, 오늘 엄마랑 너무 재밌었어"
    for change in (add_noise, obfuscate, swap_synonyms):
        drawn = [change(message, random.Random(seed)) for seed in range(40)]
        assert drawn == [change(message, random.Random(seed)) for seed in range(40)]
        assert all(text.strip() for text in drawn)
        assert len(set(drawn)) > 1
