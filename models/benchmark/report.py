"""The report on a benchmark of turns: the table, and a plot of rates and waits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from models.evaluation.markdown import escape, table
from models.evaluation.plots import draw_panels
from models.evaluation.report import Report

_HEAD = [
    "contestant",
    "turns/s",
    "× sequential",
    "new tokens/s",
    "first token p50 / p95",
    "reply p50 / p95",
    "CPU a turn",
    "peak MB",
]


def write_turns_report(report: Report, figures: Mapping[str, Any], profile: str) -> None:
    """Write the figures of `bench turns`.

    Raises:
        ModelError: a file cannot be written.
    """
    contestants = figures["contestants"]
    ran = {name: each for name, each in contestants.items() if "unavailable" not in each}
    rows = [
        [
            f"`{name}`",
            each["turns_per_s"],
            each.get("ratio", {}).get("turns_per_s"),
            each["new_tokens_per_s"],
            *(f"{each[key]['p50']} / {each[key]['p95']} ms" for key in ("first_token_ms", "reply_ms")),
            f"{each['cpu_ms_per_turn']} ms",
            each["peak_mb"],
        ]
        for name, each in ran.items()
    ]
    missing = [
        f"`{name}` did not run: {escape(each['unavailable'])}" for name, each in contestants.items() if name not in ran
    ]
    asked = figures["asked"]
    what = f"{asked['users']} users, {asked['turns']} turns each, {asked['rounds']} rounds, arrivals {asked['arrivals']}, seed {asked['seed']}."
    panels = {
        "turns a second": {name: each["turns_per_s"] for name, each in ran.items()},
        "reply, p95, ms": {name: each["reply_ms"]["p95"] for name, each in ran.items()},
        "first token, p95, ms": {name: each["first_token_ms"]["p95"] for name, each in ran.items()},
    }
    plot = report.image("figures", "rates and waits of the contestants", partial(draw_panels, panels))
    report.write("Benchmark of turns", profile, [what, table(_HEAD, rows), *missing, plot])
