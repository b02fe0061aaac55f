"""Check that a stop mark in pieces is found and never shown in part."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.stop_mark import StopMarkFilter

MARKS = st.one_of(
    st.sampled_from(["(답변 종료)", "(요약 종료)", "aab", "abab", "a"]), st.text("ab(", min_size=1, max_size=5)
)
TEXT = st.lists(st.sampled_from(["a", "b", "(", "(답변 종료)", "(답변", " 종료)", "aab", "가"]), max_size=12).map(
    "".join
)


def _cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@given(mark=MARKS, text=TEXT, places=st.lists(st.integers(0, 60), max_size=30))
@example(mark="aab", text="aaab", places=[1, 2, 3])
@example(mark="abab", text="aababab", places=[1, 2, 3, 4, 5, 6])
def test_shows_exactly_the_text_before_the_mark(mark: str, text: str, places: list[int]) -> None:
    stop = StopMarkFilter(mark)
    expected = text.partition(mark)[0]
    shown = ""
    for piece in _cut(text, places):
        shown += stop.push(piece)
        assert expected.startswith(shown)
    assert stop.stopped == (mark in text)
    if not stop.stopped:
        could_begin = [text[-size:] for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])]
        assert text[len(shown) :] == (could_begin[0] if could_begin else "")
    shown += stop.flush()
    assert shown == expected


@given(text=TEXT)
def test_holds_back_no_more_than_could_begin_the_mark(text: str) -> None:
    stop = StopMarkFilter("(답변 종료)")
    shown = stop.push(text)
    if not stop.stopped:
        held = text[len(shown) :]
        assert "(답변 종료)".startswith(held)


@given(text=TEXT, places=st.lists(st.integers(0, 60), max_size=10))
def test_empty_mark_never_stops(text: str, places: list[int]) -> None:
    stop = StopMarkFilter("")
    assert [stop.push(piece) for piece in _cut(text, places)] == _cut(text, places)
    assert not stop.stopped
    assert stop.flush() == ""


@pytest.mark.parametrize("late", ["", "더", "(답변 종료)"])
def test_nothing_is_shown_after_the_mark(late: str) -> None:
    stop = StopMarkFilter("(답변 종료)")
    assert stop.push("응 (답변 종료) 또") == "응 "
    assert stop.push(late) == ""
    assert stop.flush() == ""
