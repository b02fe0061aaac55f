"""Check when a reply that is being written is shown again."""

from __future__ import annotations

from bot.stream_pace import Cadence, StreamPace


def test_first_version_waits_a_moment() -> None:
    pace = StreamPace(Cadence(first_s=0.5), 100.0)
    assert not pace.is_due(100.4, 5)
    assert pace.wait_s(100.4) > 0
    assert pace.is_due(100.5, 5)


def test_nothing_new_is_not_shown_again() -> None:
    pace = StreamPace(Cadence(first_s=0, every_s=1), 0.0)
    pace.note_shown(0.0, 5)
    assert not pace.is_due(9.0, 5)
    assert pace.is_due(9.0, 6)


def test_edits_keep_their_distance_and_grow_apart() -> None:
    pace = StreamPace(Cadence(first_s=0, every_s=1, growth=2, longest_s=3), 0.0)
    now, waits = 0.0, []
    for length in range(1, 6):
        pace.note_shown(now, length)
        waits.append(pace.wait_s(now))
        now += waits[-1]
    assert waits == [1, 2, 3, 3, 3]


def test_few_new_characters_wait_for_more_but_a_withdrawal_does_not() -> None:
    pace = StreamPace(Cadence(first_s=0, every_s=1, fewest_new=8), 0.0)
    pace.note_shown(0.0, 10)
    assert not pace.is_due(2.0, 17)
    assert pace.is_due(2.0, 18)
    assert pace.is_due(2.0, 0)


def test_platform_can_hold_the_edits() -> None:
    pace = StreamPace(Cadence(first_s=0), 0.0)
    pace.hold(1.0, 30.0)
    assert not pace.is_due(30.9, 5)
    assert pace.is_due(31.0, 5)
