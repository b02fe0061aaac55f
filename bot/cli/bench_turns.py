"""`bench turns`: record the work, let every contestant do it in turn, and gather the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bot.cli.lifetimes import make_model_settings
from bot.cli.options import notes
from bot.progress import show_progress
from bot.settings import Settings
from models.benchmark.contest import Contest, ContestResult
from models.benchmark.figures import add_ratios, contestant_figures
from models.errors import ModelError
from models.profile import MODELS_DIR, load_profile

if TYPE_CHECKING:
    from bot.cli.bench_contestants import ContestantProcess
    from models.benchmark.workload import Workload

GOLDEN = MODELS_DIR / "evaluation" / "golden" / "dialogue_dev.jsonl"
_RECORDED = 8  # conversations are recorded for as many users; further users repeat them
_LONGEST = 8  # turns of a recorded conversation


def compete(settings: Settings, names: list[str], contest: Contest, rounds: int, at_once: int) -> dict[str, Any]:
    """Record the work, let every contestant do it in each round, and return the figures."""
    from bot.cli.bench_contestants import ContestantProcess, ContestantSettings

    chosen = ContestantSettings(
        profile=load_profile(settings.profile),
        models=make_model_settings(settings, max_rows=settings.max_rows),
        turns_at_once=at_once,
    )
    processes = {name: ContestantProcess(name, chosen) for name in names}
    extra = [] if "engine" in processes else [ContestantProcess("engine", chosen)]
    results: dict[str, list[ContestResult]] = {name: [] for name in names}
    failures: dict[str, str] = {}
    try:
        with show_progress(notes) as stage:
            recorder = extra[0] if extra else processes["engine"]
            workload = _record(recorder, contest, stage("recording"))
            for number in range(rounds + 1):
                for name, process in processes.items():
                    if name not in failures:
                        _round(process, workload, contest, number, results, failures, stage)
    finally:
        for process in [*processes.values(), *extra]:
            process.close()
    contestants: dict[str, dict[str, Any]] = {name: contestant_figures(done) for name, done in results.items() if done}
    add_ratios(contestants)
    contestants |= {name: {"unavailable": reason} for name, reason in failures.items()}
    asked = {
        "users": contest.users, "turns": contest.turns, "rounds": rounds, "arrivals": contest.arrivals.value,
        "seed": contest.seed, "turns_at_once": at_once, "profile": settings.profile,
    }  # fmt: skip
    return {"asked": asked, "contestants": contestants}


def _record(recorder: ContestantProcess, contest: Contest, report: Any) -> Workload:
    from bot.cli.bench_contestants import Recording
    from models.benchmark.messages import bench_messages

    conversations, turns = min(contest.users, _RECORDED), min(contest.turns, _LONGEST)
    what = Recording(
        messages=bench_messages(GOLDEN, contest.seed), conversations=conversations, turns=turns, seed=contest.seed
    )
    workload: Workload = recorder.ask(what, lambda done: report(done, conversations, 0.0))
    return workload


def _round(
    process: ContestantProcess,
    workload: Workload,
    contest: Contest,
    number: int,
    results: dict[str, list[ContestResult]],
    failures: dict[str, str],
    stage: Any,
) -> None:
    """Run one round of one contestant; the first only warms it up, and is not counted."""
    size = replace(contest, round=number)
    if number == 0:
        size = replace(size, users=min(2, contest.users), turns=1)
    report = stage(f"{process.name} {'warming up' if number == 0 else f'round {number}'}")
    try:
        result = process.ask((workload, size), lambda done: report(done, size.users * size.turns, 0.0))
    except ModelError as error:
        failures[process.name] = str(error)
        return
    if number > 0:
        results[process.name].append(result)


def turns_table(contestants: dict[str, dict[str, Any]]) -> Table:
    """Return the figures as a table for the terminal."""
    table = Table(
        "contestant",
        "turns/s",
        "×",
        "tokens/s",
        "first token p50 / p95 ms",
        "reply p50 / p95 ms",
        "CPU ms a turn",
        "MB",
    )
    for name, each in contestants.items():
        if "unavailable" in each:
            table.add_row(name, f"did not run: {each['unavailable']}")
            continue
        ratio = each.get("ratio", {}).get("turns_per_s")
        table.add_row(
            name,
            f"{each['turns_per_s']:.2f}",
            f"{ratio:.2f}" if ratio else "",
            f"{each['new_tokens_per_s']:.0f}",
            *(f"{each[key]['p50']:.0f} / {each[key]['p95']:.0f}" for key in ("first_token_ms", "reply_ms")),
            f"{each['cpu_ms_per_turn']:.0f}",
            f"{each['peak_mb']:.0f}",
        )
    return table
