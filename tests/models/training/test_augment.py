"""Check the ways in which messages are widened for training."""

from __future__ import annotations

import random

import pytest

from models.training.augment import add_noise, obfuscate, swap_synonyms


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("떡볶이랑 김밥 먹자", "김식사"),
        ("나 회사원이야", "직장원"),
        ("우리 집에 놀러 와", "우리 우리"),
        ("남자친구 생겼어", "남자동무"),
    ],
)
def test_synonym_replaces_whole_words_only(message: str, wrong: str) -> None:
    assert not any(wrong in swap_synonyms(message, random.Random(seed)) for seed in range(20))


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
