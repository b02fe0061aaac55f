"""Make figures of rounds: rates, percentiles, memory, and ratios to the contestant that everybody is measured by. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.benchmark.contest import ContestResult
from models.benchmark.course import course_figures
from models.profile import ADAPTER_NAMES

BASELINE = "sequential"
LOWER_IS_BETTER = ("first_token_ms", "reply_ms", "turn_ms")


def contestant_figures(rounds: Sequence[ContestResult]) -> dict[str, Any]:
    """Return the figures of one contestant over its rounds; rates are turns and tokens over the whole time, the course is the last's.

    There is a `gpu_peak_mb` where a GPU is used.
    """
    times = [each for result in rounds for each in result.times]
    wall = sum(result.wall_s for result in rounds)
    cpu = sum(result.cpu_s for result in rounds)
    gpu = [result.gpu_peak_mb for result in rounds if result.gpu_peak_mb is not None]
    return {
        "turns": len(times),
        "turns_per_s": round(len(times) / wall, 3),
        "new_tokens_per_s": round(sum(each.new_tokens for each in times) / wall, 1),
        "first_token_ms": percentiles([each.first_token_s for each in times]),
        "reply_ms": percentiles([each.reply_s for each in times]),
        "turn_ms": percentiles([each.turn_s for each in times]),
        "generations_per_turn": {
            name: round(sum(each.generations.get(name, 0) for each in times) / len(times), 2) for name in ADAPTER_NAMES
        },
        "cpu_ms_per_turn": round(cpu / len(times) * 1000, 1),
        "peak_mb": round(max(result.peak_mb for result in rounds), 1),
        **({"gpu_peak_mb": round(max(gpu), 1)} if gpu else {}),
        "course": course_figures(rounds[-1].course),
    }


def flood_figures(calm: Sequence[ContestResult], flooded: Sequence[ContestResult], messages: int) -> dict[str, Any]:
    """Return how users fared beside a flood of `messages`; `slowed_by_turns` is how much later, in turns as they are without it."""
    usual = percentiles([each.turn_s for result in calm for each in result.times])
    beside = [each for result in flooded for each in result.times]
    turn = percentiles([each.turn_s for each in beside])
    return {
        "messages": messages,
        "reply_ms": percentiles([each.reply_s for each in beside]),
        "turn_ms": turn,
        "slowed_by_turns": {key: round((turn[key] - usual[key]) / usual["p50"], 2) for key in turn},
    }


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile in milliseconds."""
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


def add_ratios(contestants: Mapping[str, dict[str, Any]]) -> None:
    """Give each contestant its figures as multiples of those of `sequential`, where that one took part."""
    base = contestants.get(BASELINE)
    if base is None or "turns_per_s" not in base:
        return
    for figures in contestants.values():
        if "turns_per_s" not in figures:
            continue
        ratio = {name: round(figures[name] / base[name], 3) for name in ("turns_per_s", "new_tokens_per_s", "peak_mb")}
        ratio["cpu_ms_per_turn"] = round(figures["cpu_ms_per_turn"] / base["cpu_ms_per_turn"], 3)
        for name in LOWER_IS_BETTER:
            ratio[name] = {key: round(value / base[name][key], 3) for key, value in figures[name].items()}
        figures["ratio"] = ratio
