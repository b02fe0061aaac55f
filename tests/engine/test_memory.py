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


USER, OTHER = (UserKey(platform="console", id=name) for name in ("1001", "2002"))


def memory(number: int, key: str, value: str, user: UserKey = USER) -> Memory:
    """Return a stored memory."""
    moment = datetime(2026, 3, 11, tzinfo=UTC)
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
    for _ in range(2):  # the second time from the kept matrix
        assert await retriever.find(USER, "뭐 하지?", [CAFE, SINGER]) == found


async def test_user_without_memories_has_none_found() -> None:
    assert await MemoryRetriever(FakeEmbedder(), 0.6).find(USER, "뭐 하지?", []) is None


# --- what is kept from turn to turn ---


def numbered(count: int, user: UserKey = USER) -> list[Memory]:
    """Return memories of different texts."""
    return [memory(number, f"숫자 {number}", f"{user.id}의 {number}", user) for number in range(count)]


async def test_later_turns_encode_their_message_alone_however_many_memories_there_are() -> None:
    embedder = FakeEmbedder()
    retriever, memories = MemoryRetriever(embedder, 0.6), numbered(200)
    await retriever.find(USER, "안녕?", memories)
    assert len(embedder.texts) == 201
    await retriever.find(USER, "뭐 하지?", memories)
    assert embedder.texts[201:] == ["뭐 하지?"]


async def test_new_or_changed_memory_is_encoded_alone_and_found_under_its_new_text() -> None:
    changed, added = memory(1, "오늘 일정", "도서관"), memory(3, "취미", "수영")
    cosines = {CAFE.text: 0.7, changed.text: 0.65, added.text: 0.2}
    embedder = FakeEmbedder({"어디 가?": cosines})
    retriever = MemoryRetriever(embedder, 0.6)
    assert await retriever.find(USER, "어디 가?", [CAFE, SINGER]) == CAFE
    assert await retriever.find(USER, "어디 가?", [changed, SINGER, added]) == changed
    assert embedder.texts[3:] == ["어디 가?", changed.text, added.text]


async def test_forgotten_memory_is_found_no_more_and_its_vector_is_gone() -> None:
    embedder = FakeEmbedder({"어디 가?": {CAFE.text: 0.9, SINGER.text: 0.1}})
    retriever = MemoryRetriever(embedder, 0.6)
    await retriever.find(USER, "어디 가?", [CAFE, SINGER])
    assert await retriever.find(USER, "어디 가?", [SINGER]) is None
    assert retriever.kept_rows == 1
    assert await retriever.find(USER, "어디 가?", []) is None
    assert retriever.kept_rows == 0


async def test_forgotten_user_leaves_nothing_and_others_keep_what_is_theirs() -> None:
    embedder = FakeEmbedder()
    retriever = MemoryRetriever(embedder, 0.6)
    await retriever.find(USER, "안녕?", numbered(3))
    await retriever.find(OTHER, "안녕?", numbered(2, OTHER))
    retriever.forget(USER)
    retriever.forget(USER)
    assert retriever.kept_rows == 2
    encoded = len(embedder.texts)
    await retriever.find(OTHER, "뭐 해?", numbered(2, OTHER))
    assert embedder.texts[encoded:] == ["뭐 해?"]


async def test_vectors_of_those_who_wrote_longest_ago_go_first_where_there_are_too_many() -> None:
    embedder = FakeEmbedder()
    retriever = MemoryRetriever(embedder, 0.6, most_rows=8)
    third = UserKey(platform="console", id="3003")
    for user in (USER, OTHER, USER, third):
        await retriever.find(user, "안녕?", numbered(3, user))
        assert retriever.kept_rows <= 8
    encoded = len(embedder.texts)
    await retriever.find(USER, "뭐 해?", numbered(3))
    assert embedder.texts[encoded:] == ["뭐 해?"]
    await retriever.find(OTHER, "뭐 해?", numbered(3, OTHER))
    assert len(embedder.texts) == encoded + 1 + 4


async def test_more_memories_than_may_be_kept_are_searched_all_the_same() -> None:
    memories = numbered(5)
    retriever = MemoryRetriever(FakeEmbedder({"안녕?": {memories[4].text: 0.9}}), 0.6, most_rows=4)
    for _ in range(2):
        assert await retriever.find(USER, "안녕?", memories) == memories[4]
        assert retriever.kept_rows == 0
