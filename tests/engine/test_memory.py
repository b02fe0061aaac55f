"""Check how memory notes are read, which may be stored, and which one a message calls for."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.memory import NOTHING, MemoryNote, MemoryRetriever, parse_memory
from storage.records import Memory, UserKey
from tests.fakes import FakeEmbedder

WORDS = st.text(alphabet="가나다라마abc123!?~😊", min_size=1, max_size=6)
PARTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
SPACE = st.sampled_from(["", " ", "  ", "\u3000", "\n"])
PIECES = ["[", "]", ":", "【", "】", "：", " ", "\n", "\u200b", "가", "없음"]
NEAR_NOTES = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)


def is_blank(text: str) -> bool:
    """Tell whether nothing of `text` can be seen."""
    return all(unicodedata.category(char) in {"Cf", "Zs", "Cc"} for char in text)


@given(answer=st.text() | NEAR_NOTES)
def test_arbitrary_answer_is_a_whole_note_or_nothing_or_malformed(answer: str) -> None:
    note = parse_memory(answer)
    if isinstance(note, MemoryNote):
        assert note.key.strip() == note.key != ""
        assert note.value.strip() == note.value != ""
        assert not set("[]:\n\ufffd") & set(note.key + note.value)
    else:
        assert note in (NOTHING, None)


@given(key=PARTS, value=PARTS)
def test_valid_note_comes_back_from_its_own_text(key: str, value: str) -> None:
    note = MemoryNote(key=key, value=value)
    assert parse_memory(note.text) == note


@given(
    key=PARTS,
    value=PARTS,
    left=st.sampled_from("[【［〔"),
    colon=st.sampled_from(":："),
    spaces=st.tuples(*[SPACE] * 4),
)
def test_brackets_colon_and_spaces_are_normalised(
    key: str, value: str, left: str, colon: str, spaces: tuple[str, str, str, str]
) -> None:
    right = dict(zip("[【［〔", "]】］〕", strict=True))[left]
    a, b, c, d = spaces
    assert parse_memory(f"{a}{left}{b}{key}{c}{colon}{d}{value}{a}{right}{b}") == MemoryNote(key=key, value=value)


@pytest.mark.parametrize("answer", ["", "  ", "\n", "[]", "【】", "없음", "[없음]"])
def test_nothing_to_remember_is_a_valid_answer(answer: str) -> None:
    assert parse_memory(answer) == NOTHING


@pytest.mark.parametrize(
    "answer",
    [
        "[", "]", "[:]", "[ : ]", "[키:]", "[:값]", "[키 값]", "키: 값", "[키: 값", "키: 값]", "[키: 값: 값]",
        "[키: 값] [키: 값]", "[키: [값]]", "[키: 값] 그리고", "[키: 깨\ufffd짐]",
    ],
)  # fmt: skip
def test_malformed_answer_is_no_note(answer: str) -> None:
    assert parse_memory(answer) is None


@pytest.mark.parametrize("answer", ["[\u200b: 값]", "[키: \u200b\u2060]", "[키: \ufeff]"])
def test_key_or_value_of_invisible_characters_is_empty(answer: str) -> None:
    note = parse_memory(answer)
    assert not isinstance(note, MemoryNote) or not (is_blank(note.key) or is_blank(note.value))


def memory(number: int, key: str, value: str) -> Memory:
    """Return a stored memory."""
    moment = datetime(2026, 3, 11, tzinfo=UTC)
    user = UserKey(platform="console", id="1001")
    return Memory(id=number, user=user, key=key, value=value, created_at=moment, updated_at=moment)


CAFE, SINGER = memory(1, "오늘 일정", "카페"), memory(2, "좋아하는 가수", "아이유")


@pytest.mark.parametrize(
    ("cosines", "found"),
    [
        ({CAFE.text: 0.7, SINGER.text: 0.65}, CAFE),
        ({CAFE.text: 0.3, SINGER.text: 0.61}, SINGER),
        ({CAFE.text: 0.59, SINGER.text: 0.2}, None),
        ({CAFE.text: 0.6, SINGER.text: 0.2}, CAFE),
        ({}, None),
    ],
)
async def test_best_memory_that_reaches_the_threshold_is_found(cosines: dict[str, float], found: Memory | None) -> None:
    retriever = MemoryRetriever(FakeEmbedder({"뭐 하지?": cosines}), 0.6)
    assert await retriever.find("뭐 하지?", [CAFE, SINGER]) == found


async def test_user_without_memories_has_none_found() -> None:
    assert await MemoryRetriever(FakeEmbedder(), 0.6).find("뭐 하지?", []) is None
