"""Check what is noted of a long round."""

from __future__ import annotations

from mmap import mmap

from models.benchmark.contest import Milestone
from models.benchmark.course import Course, course_figures, resident_mb


def _course(*points: tuple[int, float, float, float]) -> list[Milestone]:
    return [Milestone(turns=turns, wall_s=wall, cpu_s=cpu, resident_mb=mb) for turns, wall, cpu, mb in points]


def test_milestone_is_taken_at_each_tenth_and_everything_is_passed_on() -> None:
    told: list[int] = []
    course = Course(40, told.append)
    for done in range(1, 41):
        course.note(done)
    assert [each.turns for each in course.milestones] == [0, *range(4, 41, 4)]
    assert told == list(range(1, 41))
    assert all(each.resident_mb > 1 for each in course.milestones)


def test_short_round_has_a_milestone_a_turn() -> None:
    course = Course(3)
    for done in (1, 2, 3):
        course.note(done)
    assert [each.turns for each in course.milestones] == [0, 1, 2, 3]


def test_round_that_ends_by_time_has_a_milestone_at_each_tenth_of_it() -> None:
    now = [0.0]
    course = Course(1_000_000, seconds=20.0, clock=lambda: now[0])
    for done in range(1, 101):  # five turns a second
        now[0] = done / 5
        course.note(done)
    assert [(each.turns, each.wall_s) for each in course.milestones] == [(10 * n, 2.0 * n) for n in range(11)]


def test_parts_say_what_they_cost_and_how_far_apart_they_are() -> None:
    figures = course_figures(_course((0, 0, 0, 100), (10, 5, 1, 300), (20, 10, 2, 301), (30, 20, 3.3, 306.5)))
    assert [part["cpu_ms_per_turn"] for part in figures["parts"]] == [100, 100, 130]
    assert [part["turns_per_s"] for part in figures["parts"]] == [2, 2, 1]
    assert figures["cost_apart"] == 0.273  # 30 ms of 110
    assert figures["added_mb"] == 6.5


def test_round_that_never_began_has_no_parts() -> None:
    assert course_figures(()) == {"parts": []}


def test_memory_of_this_process_is_told() -> None:
    before = resident_mb()
    with mmap(-1, 64 * 2**20) as held:  # fresh pages: what the process has freed before is not taken again
        held.write(b"x" * len(held))
        assert resident_mb() > before + 32
