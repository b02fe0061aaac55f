"""Check how long texts are split: where people would pause, never inside a fence, nothing lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text_parts import split_text, utf16_length

LETTERS = st.text(alphabet=st.sampled_from("가나다 .!?\n😊\u200d\ufe0fab`\\"), max_size=400)


def squeezed(parts: list[str]) -> str:
    return re.sub(r"\s", "", "".join(parts))


def test_short_text_is_one_part() -> None:
    assert split_text("안녕!", 2000) == ["안녕!"]


@pytest.mark.parametrize("text", ["", " \n\n "])
def test_nothing_seen_is_no_part(text: str) -> None:
    assert split_text(text, 2000) == []


def test_2001_characters_become_two_parts() -> None:
    parts = split_text("가" * 2001, 2000)
    assert [len(part) for part in parts] == [2000, 1]


def test_paragraphs_stay_whole_where_they_fit() -> None:
    first, second = "가" * 30, "나" * 30
    assert split_text(f"{first}\n\n{second}", 40) == [first, second]
    assert split_text(f"{first}\n\n{second}", 80) == [f"{first}\n\n{second}"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("첫째 줄이에요\n둘째 줄이에요 길어요", "첫째 줄이에요"),
        ("첫 문장이야. 그다음 문장은 더 길어", "첫 문장이야."),
        ("쉼표가 여기 있고, 그다음 말이 이어져", "쉼표가 여기 있고,"),
        ("띄어쓰기만 있는 긴 글이 이어집니다요", "띄어쓰기만 있는 긴"),
    ],
)
def test_cut_is_where_people_pause(text: str, first: str) -> None:
    parts = split_text(text, 16)
    assert parts[0].startswith(first)
    assert text.startswith(parts[0])


def test_fence_that_fits_is_never_cut() -> None:
    fence = "```py\n" + "x = 1\n" * 5 + "```"
    parts = split_text(f"{'가' * 30}\n{fence}\n{'나' * 30}", 50)
    assert fence in parts


def test_long_fence_is_closed_and_opened_again() -> None:
    body = "\n".join(f"line {number}" for number in range(50))
    parts = split_text(f"앞\n```py\n{body}\n```\n뒤", 100)
    fenced = [part for part in parts if "```" in part]
    assert len(fenced) > 3
    assert all(part.count("```") == 2 for part in fenced)
    assert all(part.endswith("\n```") for part in fenced[:-1])
    assert fenced[-1].endswith("\n```\n\n뒤")
    lines = [line for part in fenced for line in part.splitlines() if line.startswith("line")]
    assert lines == body.splitlines()


def test_fence_that_nobody_closed_is_closed() -> None:
    assert split_text("```\nabc", 100) == ["```\nabc\n```"]


@pytest.mark.parametrize("letter", ["👩‍👩‍👧‍👦", "👍🏽", "🇰🇷", "e\u0301", "❤️", "\\*"])
def test_what_belongs_together_stays_together(letter: str) -> None:
    parts = split_text(letter * 40, 50)
    assert "".join(parts) == letter * 40
    assert all(len(part) % len(letter) == 0 for part in parts)


def test_emoji_count_two_by_utf16() -> None:
    assert utf16_length("😊a") == 3
    parts = split_text("😊" * 30, 20, utf16_length)
    assert all(utf16_length(part) <= 20 for part in parts)
    assert "".join(parts) == "😊" * 30


@settings(max_examples=60, deadline=None)
@given(LETTERS, st.integers(16, 60))
def test_parts_fit_and_nothing_is_lost(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    if "```" not in text:
        assert squeezed(parts) == squeezed([text])


def test_limit_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        split_text("가", 4)
