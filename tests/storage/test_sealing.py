"""Check that a sealed text opens in its own place only."""

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import TextUnreadable
from storage.records import ConversationKey, UserKey
from storage.sealing import SEALED, DataKey, SealedColumn, Sealer, Subject

KEY = DataKey(bytes(range(32)))
USER = UserKey(platform="discord", id="1001")
OTHERS: list[Subject] = [
    UserKey(platform="discord", id="1002"),
    UserKey(platform="telegram", id="1001"),
    UserKey(platform='discord","10', id="01"),
    ConversationKey(platform="discord", id="1001"),
]


@given(text=st.text())
def test_sealed_text_opens_again_and_shows_nothing(text: str) -> None:
    sealer = Sealer(USER, KEY)
    sealed = sealer.seal(SealedColumn.MEMORY_VALUE, text)
    assert sealer.open(SealedColumn.MEMORY_VALUE, sealed) == text
    assert sealed.startswith(SEALED) == bool(text)
    assert len(text) < 4 or text not in sealed


def test_same_text_is_sealed_differently_each_time() -> None:
    sealer = Sealer(USER, KEY)
    assert len({sealer.seal(SealedColumn.NOTE_TEXT, "안녕") for _ in range(100)}) == 100


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_text_moved_to_another_subject_does_not_open_even_with_the_same_key(other: Subject) -> None:
    sealed = Sealer(USER, KEY).seal(SealedColumn.SANCTION_TEXT, "증거")
    with pytest.raises(TextUnreadable, match="restore the database from a backup"):
        Sealer(other, KEY).open(SealedColumn.SANCTION_TEXT, sealed)


@pytest.mark.parametrize(("written", "read"), list(itertools.pairwise(SealedColumn)))
def test_text_moved_to_another_column_does_not_open(written: SealedColumn, read: SealedColumn) -> None:
    sealer = Sealer(USER, KEY)
    with pytest.raises(TextUnreadable, match=read):
        sealer.open(read, sealer.seal(written, "글"))


def test_other_users_key_does_not_open() -> None:
    sealed = Sealer(USER, KEY).seal(SealedColumn.MEMORY_KEY, "이름")
    for key in (DataKey(bytes(32)), None):
        with pytest.raises(TextUnreadable):
            Sealer(USER, key).open(SealedColumn.MEMORY_KEY, sealed)


def test_every_changed_byte_is_noticed() -> None:
    sealer = Sealer(USER, KEY)
    raw = bytearray(base64.b64decode(sealer.seal(SealedColumn.MEMORY_VALUE, "하나")[len(SEALED) :]))
    for place in range(len(raw)):
        changed = raw.copy()
        changed[place] ^= 1
        with pytest.raises(TextUnreadable):
            sealer.open(SealedColumn.MEMORY_VALUE, SEALED + base64.b64encode(changed).decode())


@pytest.mark.parametrize(
    "planted", ["하나", "s1:", "s1:한글", "s1:AAAA", "s2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
)
def test_text_that_was_never_sealed_is_refused(planted: str) -> None:
    with pytest.raises(TextUnreadable):
        Sealer(USER, KEY).open(SealedColumn.MEMORY_VALUE, planted)


def test_marks_tell_texts_apart_within_one_subject_and_column_only() -> None:
    column = SealedColumn.MEMORY_LIVE_KEY
    assert Sealer(USER, KEY).mark(column, "이름") == Sealer(USER, KEY).mark(column, "이름")
    assert Sealer(USER, KEY).mark(column, "이름") != Sealer(USER, KEY).mark(column, "나이")
    assert Sealer(USER, KEY).mark(column, "이름") != Sealer(USER, DataKey(bytes(32))).mark(column, "이름")
    assert Sealer(USER, KEY).mark(column, "이름") != Sealer(USER, KEY).mark(SealedColumn.MEMORY_KEY, "이름")
