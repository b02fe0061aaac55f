"""Check `main.py bench`: what it prints, and what it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

import main as program
from bot.cli.bench_turns import course_table, flood_table, turns_table
from models.benchmark.contest import ContestResult, Milestone, TurnTimes
from models.benchmark.figures import add_ratios, contestant_figures, flood_figures

ROOFLINE = [
    "bench",
    "roofline",
    "--random-weights",
    "tiny",
    "--prompt-tokens",
    "4",
    "--new-tokens",
    "3",
    "--device",
    "cpu",
]


def _result(turn_s: float) -> ContestResult:
    times = tuple(
        TurnTimes(first_token_s=turn_s / 4, reply_s=turn_s / 2, turn_s=turn_s, new_tokens=30) for _ in range(4)
    )
    course = tuple(Milestone(turns=n, wall_s=n * turn_s, cpu_s=n * turn_s, resident_mb=500.0 + n) for n in (0, 2, 4))
    return ContestResult(times=times, wall_s=4 * turn_s, cpu_s=4 * turn_s, peak_mb=600, course=course)


@pytest.fixture
def contestants() -> dict[str, dict[str, Any]]:
    calm, flooded = [replace(_result(0.4), gpu_peak_mb=812.0)], [_result(0.6)]
    engine = contestant_figures(calm) | {"flood": flood_figures(calm, flooded, 20)}
    found = {
        "sequential": contestant_figures([_result(0.8)]),
        "engine": engine,
        "transformers-cb": {"unavailable": "no GPU"},
    }
    add_ratios(found)
    return found


@pytest.fixture
def processor_as_it_was() -> Iterator[None]:
    import torch

    threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    yield
    torch.set_num_threads(threads)
    sys.setswitchinterval(interval)


def _text(table: Table) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_contestant_that_did_not_run_says_why_in_the_table(contestants: dict[str, dict[str, Any]]) -> None:
    lines = _text(turns_table(contestants)).splitlines()
    assert any("engine" in line and "4.00" in line and "600 (812)" in line for line in lines)
    assert any("transformers-cb" in line and "did not run: no GPU" in line for line in lines)
    assert any("engine" in line and "2.50" in line and "2.00" in line for line in lines)


def test_tables_of_tenths_and_of_a_flood_hold_those_who_have_them(contestants: dict[str, dict[str, Any]]) -> None:
    course, flood = _text(course_table(contestants)), _text(flood_table(contestants))
    assert (course.count("engine"), course.count("sequential"), course.count("transformers-cb")) == (2, 2, 0)
    assert "504.0" in course
    assert "0.5 / 0.5" in flood
    assert "sequential" not in flood


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
def test_roofline_prints_the_limits_and_each_step_s_share_of_them(
    tmp_path: Path, processor_as_it_was: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert program.main([*ROOFLINE, "--rows", "1,3", "--json", "--report", str(tmp_path)]) == 0
    figures = json.loads(capfd.readouterr().out)
    assert [each["rows"] for each in figures["decoding"]] == [1, 3]
    assert all(each["limit_ms"] > 0 and each["share"] > 0 for each in figures["decoding"])
    assert figures["read_gb_per_s"] > 0
    page = (tmp_path / "roofline.md").read_text("utf-8")
    assert f"- `threads`: {figures['threads']}" in page
    assert f"| tiny | 3 | {figures['decoding'][1]['prefill_tokens_per_s']} |" in page
    assert "| rows | weights_mb | caches_mb | together_mb |" in page
    assert (tmp_path / "roofline-figures.png").is_file()


@pytest.mark.parametrize(
    ("rows", "said"), [("many", "write numbers with commas between"), ("0", "a batch has at least one row")]
)
def test_rows_that_are_no_rows_are_refused(capfd: pytest.CaptureFixture[str], rows: str, said: str) -> None:
    assert program.main([*ROOFLINE, "--rows", rows]) != 0
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_unknown_shape_is_answered_with_those_there_are(capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["bench", "generator", "--random-weights", "gpt-5", "--device", "cpu"]) != 0
    said = capfd.readouterr().err.replace("\n", " ")
    assert "no shape 'gpt-5'; choose one of kanana-2.1b, polyglot-1.3b, tiny, kanana-one, ohlora-v4" in said


def test_unknown_contestant_is_answered_with_those_there_are(capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["bench", "turns", "--only", "engine,rocket"]) != 0
    assert "no contestant 'rocket'; choose of sequential, peft-mixed" in capfd.readouterr().err.replace("\n", " ")
