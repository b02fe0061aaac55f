"""`bench turns`: record the work, let every contestant do it in turn, and gather the figures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bot.cli.lifetimes import make_model_settings
from bot.cli.options import notes
from bot.progress import show_progress
from bot.settings import Settings
from models.benchmark.contest import Contest, ContestResult
from models.benchmark.figures import add_ratios, contestant_figures, flood_figures
from models.errors import ModelError
from models.profile import MODELS_DIR, load_profile

if TYPE_CHECKING:
    from bot.cli.bench_contestants import ContestantProcess
    from models.benchmark.workload import Workload

GOLDEN = MODELS_DIR / "evaluation" / "golden" / "dialogue_dev.jsonl"
_RECORDED = 8  # conversations are recorded for as many users; further users repeat them
_LONGEST = 8  # turns of a recorded conversation
_FLOODED_FROM = 1_000_000  # the numbers of flooded rounds, so that their people are others


@dataclass(slots=True, kw_only=True)
class _Standing:
    """What a contestant has done: its rounds, those beside a flood, and why it takes no further part."""

    rounds: list[ContestResult] = field(default_factory=list)
    flooded: list[ContestResult] = field(default_factory=list)
    failure: str = ""


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
    standings = {name: _Standing() for name in names}
    try:
        with show_progress(notes) as stage:
            recorder = extra[0] if extra else processes["engine"]
            workload = _record(recorder, contest, stage("recording"))
            for number in range(rounds + 1):
                for name, process in processes.items():
                    if not standings[name].failure:
                        _round(process, workload, contest, number, standings[name], stage)
    finally:
        for process in [*processes.values(), *extra]:
            process.close()
    contestants = {name: _figures(standing, contest.flood) for name, standing in standings.items()}
    add_ratios(contestants)
    asked = {
        "users": contest.users, "turns": contest.turns, "rounds": rounds, "arrivals": contest.arrivals.value,
        "seed": contest.seed, "turns_at_once": at_once, "profile": settings.profile, "flood": contest.flood,
    }  # fmt: skip
    return {"asked": asked, "contestants": contestants}


def _figures(standing: _Standing, flood: int) -> dict[str, Any]:
    if standing.failure:
        return {"unavailable": standing.failure}
    figures = contestant_figures(standing.rounds)
    if standing.flooded:
        figures["flood"] = flood_figures(standing.rounds, standing.flooded, flood)
    return figures


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
    process: ContestantProcess, workload: Workload, contest: Contest, number: int, standing: _Standing, stage: Any
) -> None:
    """Run one round of one contestant, and again beside a flood if there is one; the first only warms it up, and is not counted."""
    calm = replace(contest, round=number, flood=0)
    if number == 0:
        calm = replace(calm, users=min(2, contest.users), turns=1)

    def run(size: Contest, name: str) -> ContestResult:
        report = stage(f"{process.name} {name}")
        result: ContestResult = process.ask((workload, size), lambda done: report(done, size.users * size.turns, 0.0))
        return result

    try:
        result = run(calm, f"round {number}" if number else "warming up")
        if number == 0:
            return
        standing.rounds.append(result)
        if contest.flood:
            flooded = replace(contest, round=_FLOODED_FROM + number)
            standing.flooded.append(run(flooded, f"round {number} in a flood"))
    except ModelError as error:
        standing.failure = str(error)


def turns_table(contestants: dict[str, dict[str, Any]]) -> Table:
    """Return the figures as a table for the terminal."""
    table = Table(
        "contestant",
        "turns/s",
        "×",
        "tokens/s",
        "first token p50 / p95 ms",
        "reply p50 / p95 ms",
        "generations a turn",
        "CPU ms a turn",
        "MB (GPU)",
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
            f"{sum(each['generations_per_turn'].values()):.2f}",
            f"{each['cpu_ms_per_turn']:.0f}",
            f"{each['peak_mb']:.0f}" + (f" ({each['gpu_peak_mb']:.0f})" if "gpu_peak_mb" in each else ""),
        )
    return table


def course_table(contestants: dict[str, dict[str, Any]]) -> Table:
    """Return what each tenth of the last round cost, for the terminal."""
    table = Table("contestant", "turns", "CPU ms a turn", "turns/s", "MB")
    for name, each in contestants.items():
        for part in each.get("course", {}).get("parts", ()):
            table.add_row(name, *(str(part[key]) for key in ("turns", "cpu_ms_per_turn", "turns_per_s", "resident_mb")))
    return table


def flood_table(contestants: dict[str, dict[str, Any]]) -> Table:
    """Return how users fared beside a flood, for the terminal."""
    table = Table("contestant", "turn p50 / p95 ms", "in the flood p50 / p95 ms", "slowed by, in turns, p50 / p95")
    for name, each in contestants.items():
        if flood := each.get("flood"):
            cells = (each["turn_ms"], flood["turn_ms"], flood["slowed_by_turns"])
            table.add_row(name, *(f"{cell['p50']} / {cell['p95']}" for cell in cells))
    return table
