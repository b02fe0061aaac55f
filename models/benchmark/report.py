"""The reports on benchmarks: tables, and plots of rates and waits."""

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
    "generations a turn",
    "CPU a turn",
    "peak MB",
    "peak MB on the GPU",
]

_PLOTTED = {
    "new_tokens_per_s": "new tokens a second",
    "share": "share of the limit",
    "one_by_one_per_s": "texts a second, one by one",
    "together_per_s": "texts a second, together",
}


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
            round(sum(each["generations_per_turn"].values()), 2),
            f"{each['cpu_ms_per_turn']} ms",
            each["peak_mb"],
            each.get("gpu_peak_mb"),
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


def write_speed_report(report: Report, title: str, figures: Mapping[str, Any], profile: str) -> None:
    """Write the figures of a benchmark without turns: lists of equal objects as tables, their rates as a plot.

    Raises:
        ModelError: a file cannot be written.
    """
    tables = {name: each for name, each in figures.items() if isinstance(each, list) and each}
    single = [f"`{name}`: {escape(str(each))}" for name, each in figures.items() if name not in tables]
    parts = ["\n".join(f"- {line}" for line in single)] if single else []
    for name, rows in tables.items():
        parts += [f"## {name.capitalize()}", table(list(rows[0]), [list(row.values()) for row in rows])]
    rates = [row for rows in tables.values() for row in rows if _PLOTTED.keys() & row.keys()]
    panels = {
        shown: {_label(row): row[key] for row in rates} for key, shown in _PLOTTED.items() if rates and key in rates[0]
    }
    parts.append(report.image("figures", "rates", partial(draw_panels, panels)))
    report.write(title, profile, parts)


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['base']}, {row['rows']} rows" if "rows" in row else str(row["encoder"])
