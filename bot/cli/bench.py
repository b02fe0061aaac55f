"""`main.py bench`: how fast the engine is, beside what people would otherwise run and beside what the hardware can do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bot.cli.bench_turns import compete, course_table, flood_table, turns_table
from bot.cli.evaluate import open_page
from bot.cli.lifetimes import make_model_settings
from bot.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    ProfileOption,
    ReportOption,
    notes,
    print_figures,
    show_note,
)
from bot.progress import show_progress
from bot.settings import Settings, load_settings
from models.benchmark.contest import Arrivals, Contest
from models.errors import ModelError
from models.profile import load_profile

if TYPE_CHECKING:
    from models.evaluation.report import Report

RowsOption = Annotated[str, typer.Option(help="Rows that are decoded together, with commas between.")]
ShapeOption = Annotated[
    str,
    typer.Option(
        "--random-weights",
        help="Random weights in a real shape: kanana-2.1b, polyglot-1.3b, tiny, ohlora-v4 or kanana-one.",
    ),
]

bench_app = typer.Typer(help="Measure speed.", no_args_is_help=True)


@bench_app.command("turns")
def bench_turns_command(
    context: typer.Context,
    users: Annotated[int, typer.Option(min=1, help="People who talk at once.")] = 8,
    turns: Annotated[int, typer.Option(min=1, help="Messages of each, in one round.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the contestants take turns.")] = 1,
    arrivals: Annotated[Arrivals, typer.Option(help="When messages come.")] = Arrivals.TALKING,
    rate: Annotated[float, typer.Option(min=0.01, help="Messages a second of everybody, with poisson.")] = 1.0,
    only: Annotated[str, typer.Option(help="Contestants, with commas between; without it all.")] = "",
    turns_at_once: Annotated[int | None, typer.Option(min=1, help="Turns that run at once; a static batch.")] = None,
    seconds: Annotated[
        float, typer.Option(min=1, help="After so long in a round nobody begins another turn.")
    ] = math.inf,
    flood: Annotated[
        int, typer.Option(min=0, help="Messages of one more sender, at once; each round also without.")
    ] = 0,
    tenths: Annotated[bool, typer.Option("--tenths", help="Also print what each tenth of a round cost.")] = False,
    profile: ProfileOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: int = 7,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the same recorded turns in several ways: the same prompts, the same number of new tokens for everybody."""
    from bot.cli.bench_contestants import CONTESTANTS, check_names

    settings = load_settings(profile=profile, device=device, precision=precision)
    names = [name.strip() for name in only.split(",") if name.strip()] or list(CONTESTANTS)
    check_names(names)
    page = open_page(context, report, "turns")
    contest = Contest(users=users, turns=turns, arrivals=arrivals, rate=rate, seed=seed, seconds=seconds, flood=flood)
    figures = compete(settings, names, contest, rounds, turns_at_once or settings.max_concurrent_turns)
    if as_json:
        print_figures(figures, as_json)
    else:
        contestants = figures["contestants"]
        Console().print(turns_table(contestants))
        for table, is_wanted in ((flood_table, flood > 0), (course_table, tenths)):
            if is_wanted:
                Console().print(table(contestants))
    if page:
        from models.benchmark.report import write_turns_report

        write_turns_report(page, figures, settings.profile)


@bench_app.command("generator")
def bench_generator_command(
    context: typer.Context,
    rows: RowsOption = "1,8,32",
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Tokens of each prompt.")] = 40,
    new_tokens: Annotated[int, typer.Option(min=2, help="Tokens that each row generates.")] = 32,
    shape: ShapeOption = "",
    profile: ProfileOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decode so many rows together, all adapters among them, without turns around it."""
    settings = load_settings(profile=profile, device=device, precision=precision)
    page = open_page(context, report, "generator")
    figures = _measure_bases(rows, prompt_tokens, new_tokens, shape, settings, with_limits=False)
    _show(figures, as_json, page, "Benchmark of decoding", shape or settings.profile)


@bench_app.command("roofline")
def bench_roofline_command(
    context: typer.Context,
    rows: RowsOption = "1,8,32,128",
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Tokens of each prompt.")] = 40,
    new_tokens: Annotated[int, typer.Option(min=2, help="Tokens that each row generates.")] = 32,
    shape: ShapeOption = "",
    profile: ProfileOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare decode steps with what memory and arithmetic of this machine allow; both are measured first."""
    settings = load_settings(profile=profile, device=device, precision=precision)
    page = open_page(context, report, "roofline")
    figures = _measure_bases(rows, prompt_tokens, new_tokens, shape, settings, with_limits=True)
    _show(figures, as_json, page, "Decoding beside what the hardware allows", shape or settings.profile)


@bench_app.command("encoders")
def bench_encoders_command(
    context: typer.Context,
    texts: Annotated[int, typer.Option(min=1, help="Different texts.")] = 200,
    profile: ProfileOption = None,
    device: DeviceOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encode texts one by one and in batches with each encoder."""
    from bot.cli.bench_turns import GOLDEN
    from models.benchmark.encoder_speed import measure_encoders
    from models.benchmark.messages import bench_messages

    settings, page = load_settings(profile=profile, device=device), open_page(context, report, "encoders")
    messages = bench_messages(GOLDEN, 7)
    chosen = [f"{messages[number % len(messages)]} {number}" for number in range(texts)]
    models = make_model_settings(settings, max_rows=1)
    with show_progress(notes) as stage:
        found = measure_encoders(load_profile(settings.profile), models, chosen, stage("encoders"))
    _show({"encoders": found}, as_json, page, "Benchmark of sentence encoders", settings.profile)


def _measure_bases(
    rows: str, prompt_tokens: int, new_tokens: int, shape: str, settings: Settings, *, with_limits: bool
) -> dict[str, Any]:
    from models.benchmark.generator_speed import Decoding, measure_bases, open_bases

    try:
        counts = [int(part) for part in rows.split(",")]
    except ValueError:
        raise ModelError(f"--rows {rows!r}: write numbers with commas between, for example 1,8,32") from None
    if min(counts) < 1:
        raise ModelError("--rows: a batch has at least one row")
    chosen = make_model_settings(settings, max_rows=max(counts))
    what = Decoding(rows=tuple(counts), prompt_tokens=prompt_tokens, new_tokens=new_tokens, with_limits=with_limits)
    with notes.status("loading"):
        opened = open_bases(load_profile(settings.profile), shape, chosen)
    show_note(f"{shape or settings.profile} on {opened.device.type}, {str(opened.dtype).removeprefix('torch.')}")
    with show_progress(notes) as stage:
        return measure_bases(opened, what, stage("rows"))


def _show(figures: dict[str, Any], as_json: bool, page: Report | None, title: str, profile: str) -> None:
    """Write figures to `page`, if there is one, and print them: a list of equal objects as a table, everything else as it is."""
    if page:
        from models.benchmark.report import write_speed_report

        write_speed_report(page, title, figures, profile)
    if as_json:
        print_figures(figures, as_json)
        return
    for name, value in figures.items():
        if isinstance(value, list) and value:
            table = Table(*value[0], title=name)
            for each in value:
                table.add_row(*(str(part) for part in each.values()))
            Console().print(table)
        else:
            Console().print(f"{name}: {value}")
