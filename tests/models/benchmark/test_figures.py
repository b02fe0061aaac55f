"""Check what becomes of times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.benchmark.contest import ContestResult, TurnTimes
from models.benchmark.figures import add_ratios, contestant_figures, flood_figures


def _result(*replies: float, wall_s: float, peak_mb: float = 100.0) -> ContestResult:
    times = tuple(TurnTimes(first_token_s=s / 2, reply_s=s, turn_s=s * 2, new_tokens=30) for s in replies)
    return ContestResult(times=times, wall_s=wall_s, cpu_s=wall_s / 2, peak_mb=peak_mb)


def test_rates_are_over_all_rounds_and_waits_over_all_turns() -> None:
    figures = contestant_figures([_result(0.1, 0.3, wall_s=1), _result(0.2, wall_s=2, peak_mb=150)])
    assert (figures["turns"], figures["turns_per_s"], figures["new_tokens_per_s"]) == (3, 1.0, 30.0)
    assert figures["reply_ms"] == {"p50": 200.0, "p95": 290.0}
    assert figures["first_token_ms"]["p50"] == 100.0
    assert (figures["cpu_ms_per_turn"], figures["peak_mb"]) == (500.0, 150.0)
    assert "gpu_peak_mb" not in figures


def test_memory_of_a_gpu_stands_beside_that_of_the_process() -> None:
    on_gpu = [replace(_result(0.1, wall_s=1), gpu_peak_mb=mb) for mb in (900.0, 950.04)]
    assert contestant_figures(on_gpu)["gpu_peak_mb"] == 950.0


def test_what_ran_in_a_turn_is_told_by_adapter() -> None:
    result = _result(0.1, 0.3, wall_s=1)
    drafted = [replace(each, generations={"output_message": 5, "memory": 1}) for each in result.times[:1]]
    figures = contestant_figures([replace(result, times=(*drafted, *result.times[1:]))])
    assert figures["generations_per_turn"] == {"output_message": 3, "memory": 1, "summary": 0.5, "eyes_mouth_pose": 0.5}


def test_flood_is_told_in_turns_as_they_are_without_it() -> None:
    calm = [_result(0.1, 0.1, 0.1, wall_s=1)]  # a turn takes 0.2 s
    figures = flood_figures(calm, [_result(0.15, 0.15, 0.15, wall_s=2)], 50)
    assert figures["messages"] == 50
    assert figures["turn_ms"] == {"p50": 300.0, "p95": 300.0}
    assert figures["slowed_by_turns"] == {"p50": 0.5, "p95": 0.5}


def test_ratios_are_to_sequential() -> None:
    contestants = {
        "sequential": contestant_figures([_result(0.4, wall_s=1)]),
        "engine": contestant_figures([_result(0.1, 0.1, wall_s=1, peak_mb=50)]),
        "transformers-cb": {"unavailable": "not here"},
    }
    add_ratios(contestants)
    ratio = contestants["engine"]["ratio"]
    assert (ratio["turns_per_s"], ratio["peak_mb"], ratio["cpu_ms_per_turn"]) == (2.0, 0.5, 0.5)
    assert ratio["reply_ms"]["p95"] == 0.25
    assert contestants["sequential"]["ratio"]["turns_per_s"] == 1.0
    assert contestants["transformers-cb"] == {"unavailable": "not here"}


@pytest.mark.parametrize("base", [{}, {"sequential": {"unavailable": "no"}}])
def test_without_sequential_there_are_no_ratios(base: dict[str, dict[str, str]]) -> None:
    contestants = {**base, "engine": contestant_figures([_result(0.1, wall_s=1)])}
    add_ratios(contestants)
    assert "ratio" not in contestants["engine"]
