"""`main.py evaluate`: measure models, and write reports of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from bot.cli.lifetimes import open_runtime
from bot.cli.options import (
    BatchOption,
    DeviceOption,
    EpochsOption,
    JsonOption,
    OutOption,
    PrecisionOption,
    ProfileOption,
    RateOption,
    ReferenceOption,
    ReportOption,
    TargetOption,
    WeightsOption,
    notes,
    print_figures,
    show_note,
)
from bot.progress import show_progress
from bot.settings import Settings, load_settings
from engine.care import load_care
from engine.policy_file import load_policy
from engine.sanction_policy import find_offences, thresholds_under
from models.interview_bank import BANKS_DIR, DEFAULT_BANK, load_bank
from models.profile import Profile, load_profile

if TYPE_CHECKING:
    from models.evaluation.choice import Choice, JudgedDrafts
    from models.evaluation.dialogue import GradedAnswer
    from models.evaluation.ethics import EthicsScores
    from models.evaluation.memory import MemoryScores
    from models.evaluation.report import Report
    from models.runtime import ModelRuntime

Measured = TypeVar("Measured")
INTERVIEWS = BANKS_DIR.parent / DEFAULT_BANK

evaluate_app = typer.Typer(help="Measure models.", no_args_is_help=True)


@evaluate_app.command("dialogue")
def evaluate_dialogue_command(
    context: typer.Context,
    golden: Annotated[Path, typer.Option(help="Golden prompts, JSON lines.")],
    profile: ProfileOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: int = 7,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer golden prompts with the four adapters and count what passes."""
    from engine.rehearsal import Rehearsal
    from models.evaluation.dialogue import dialogue_figures, grade_dialogue, read_golden

    prompts = read_golden(golden)
    settings = load_settings(profile=profile, device=device, precision=precision)
    page = open_page(context, report, "dialogue")

    async def measure(runtime: ModelRuntime) -> list[GradedAnswer]:
        rehearsal = Rehearsal(
            runtime.generator, runtime.embedder, runtime.profile, load_care(), seed, runtime.exemplars
        )
        with show_progress(notes) as stage:
            tell = stage("prompts")
            return await grade_dialogue(prompts, rehearsal.answer, lambda n: tell(n, len(prompts), 0.0))

    measured, graded = run_with_models(measure, settings, weights)
    print_figures(dialogue_figures(graded), as_json)
    if page:
        from models.evaluation.dialogue_report import write_dialogue_report

        write_dialogue_report(page, graded, measured)


@evaluate_app.command("choice")
def evaluate_choice_command(
    drafts: Annotated[Path, typer.Option(help="Judged drafts, JSON lines (docs/formats.md).")],
    profile: ProfileOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: int = 7,
    as_json: JsonOption = False,
) -> None:
    """Choose among drafts that people judged, and count how often what is chosen fits."""
    from engine.draft_choice import choose_draft
    from engine.exemplars import ExemplarRetriever
    from models.evaluation.choice import choice_figures, choose_all, read_judged_drafts
    from models.types import WrittenExchange

    judged = read_judged_drafts(drafts)
    settings = load_settings(profile=profile, device=device, precision=precision)

    async def measure(runtime: ModelRuntime) -> list[Choice]:
        retriever = ExemplarRetriever(runtime.exemplars, runtime.embedder, runtime.profile)

        async def choose(each: JudgedDrafts) -> str:
            written = [WrittenExchange(input=message, answers=(draft,)) for draft, message in each.after.items()]
            weighed = await retriever.weigh("output_message", each.input, written)
            after = {exemplar.answer: exemplar for exemplar in weighed}
            texts = list(each.verdicts)
            return await choose_draft(
                runtime.generator, runtime.embedder, runtime.profile, each.input, texts, seed, after
            )

        with show_progress(notes) as stage:
            tell = stage("messages")
            return await choose_all(judged, choose, lambda n: tell(n, len(judged), 0.0))

    _, choices = run_with_models(measure, settings, weights)
    print_figures(choice_figures(choices), as_json)


@evaluate_app.command("ethics")
def evaluate_ethics_command(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Ethics CSV (docs/formats.md).")],
    split: Annotated[str, typer.Option(help="train, test or all.")] = "test",
    profile: ProfileOption = None,
    weights: WeightsOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the ethics encoder and what the policy would do with its scores."""
    from models.evaluation.ethics import ethics_figures, score_ethics
    from models.training.encoder_data import read_ethics_csv

    sentences = read_ethics_csv(data, split)
    settings = load_settings(profile=profile)
    policy = load_policy(settings.policy)
    page = open_page(context, report, "ethics")

    async def measure(runtime: ModelRuntime) -> EthicsScores:
        judge = partial(find_offences, thresholds=thresholds_under(policy, runtime.profile.ethics), policy=policy)
        return await score_ethics(runtime.embedder, sentences, judge)

    measured, scores = run_with_models(measure, settings, weights, encoders_only=True)
    print_figures(ethics_figures(scores), as_json)
    if page:
        from models.evaluation.ethics_report import write_ethics_report

        write_ethics_report(page, scores, measured)


@evaluate_app.command("memory")
def evaluate_memory_command(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Memory pairs CSV, or [key: value] message lines.")],
    profile: ProfileOption = None,
    weights: WeightsOption = None,
    target: TargetOption = None,
    reference_encoder: ReferenceOption = "",
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the memory encoder on pairs with known similarity."""
    from models.evaluation.memory import memory_figures, score_memory
    from models.training.encoder_data import read_test_pairs
    from models.training.key_similarity import Target
    from models.training.key_target import make_similarity

    chosen = Target(target) if target else None
    pairs = read_test_pairs(data, make_similarity([data], chosen, reference_encoder, show_note))
    settings = load_settings(profile=profile)
    page = open_page(context, report, "memory")

    async def measure(runtime: ModelRuntime) -> MemoryScores:
        return await score_memory(runtime.embedder, pairs)

    measured, scores = run_with_models(measure, settings, weights, encoders_only=True)
    print_figures(memory_figures(scores), as_json)
    if page:
        from models.evaluation.memory_report import write_memory_report

        write_memory_report(page, scores, measured)


@evaluate_app.command("held-out")
def evaluate_held_out_command(
    context: typer.Context,
    task: Annotated[
        Literal["dialogue", "ethics", "memory"] | None, typer.Option(help="One of them; without it all.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most N prompts an adapter, N sentences.")] = None,
    profile: ProfileOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: int = 7,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on the text of models/data that no training reads (docs/training.md)."""
    from engine.rehearsal import Rehearsal
    from models.evaluation.corpus_match import TASKS
    from models.evaluation.held_out_run import HeldOutRun, held_out_run_figures, measure_held_out

    settings = load_settings(profile=profile, device=device, precision=precision)
    policy = load_policy(settings.policy)
    tasks = (task,) if task else TASKS
    pages = {name: open_page(context, report, f"held-out-{name}") for name in tasks}

    async def measure(runtime: ModelRuntime) -> HeldOutRun:
        rehearsal = Rehearsal(
            runtime.generator, runtime.embedder, runtime.profile, load_care(), seed, runtime.exemplars
        )
        judge = partial(find_offences, thresholds=thresholds_under(policy, runtime.profile.ethics), policy=policy)
        with show_progress(notes) as stage:
            return await measure_held_out(
                runtime.profile, tasks, rehearsal.answer, runtime.embedder, judge, stage, seed=seed, limit=limit
            )

    _, measured = run_with_models(measure, settings, weights, encoders_only=task in {"ethics", "memory"})
    print_figures(held_out_run_figures(measured), as_json)
    if report:
        from models.evaluation.held_out_report import write_held_out_reports

        write_held_out_reports(pages, measured)


@evaluate_app.command("cross-validate")
def evaluate_cross_validate_command(
    context: typer.Context,
    task: Annotated[
        Literal["memory", "ethics", "interview-answer", "interview-question"], typer.Option(help="Which encoder.")
    ],
    data: Annotated[Path, typer.Option(help="Memory pairs, ethics or interview CSV (docs/formats.md).")],
    folds: Annotated[int, typer.Option(min=2, help="Parts; each is measured by an encoder without it.")] = 5,
    profile: ProfileOption = None,
    base: Annotated[str, typer.Option(help="Model to start from; without one, the profile's.")] = "",
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    learning_rate: RateOption = None,
    seed: int = 7,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train and measure the encoder recipe on parts of one file, beside the published figures; nothing is kept."""
    from models.evaluation.cross_validation import cross_validate
    from models.training.encoder_run import EncoderOptions

    chosen = load_profile(load_settings(profile=profile).profile)
    options = EncoderOptions(base=base, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    page = open_page(context, report, f"cross-validation-{task}")
    with show_progress(notes) as stage:
        figures = cross_validate(chosen, task, data, folds, options, stage, show_note)
    print_figures(figures, as_json)
    if page:
        from models.evaluation.cross_validation_report import write_cross_validation_report

        write_cross_validation_report(page, figures, chosen)


@evaluate_app.command("interview")
def evaluate_interview_command(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Interview CSV, or a folder of interview files.")] = INTERVIEWS,
    split: Annotated[str, typer.Option(help="train, valid or all.")] = "valid",
    samples: Annotated[int, typer.Option(min=1, help="Lines drawn for each prompt.")] = 4,
    prompts: Annotated[int, typer.Option(min=1, help="At most N prompts of the interviewer.")] = 81,
    profile: ProfileOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: int = 7,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the encoders and the interviewer of interviews."""
    from models.evaluation.interview import InterviewScores, interview_figures, measure_interview
    from models.training.interview_rows import read_rows

    settings = load_settings(profile=profile, device=device, precision=precision)
    bank = load_bank(load_profile(settings.profile).interview.bank)
    rows = read_rows(data, bank, split, seed=seed)
    page = open_page(context, report, "interview")

    async def measure(runtime: ModelRuntime) -> InterviewScores:
        with show_progress(notes) as stage:
            tell = stage("prompts")
            return await measure_interview(
                runtime.generator, runtime.embedder, runtime.profile, rows, bank, samples=samples, prompts=prompts,
                seed=seed, progress=lambda done, count: tell(done, count, 0.0),
            )  # fmt: skip

    measured, scores = run_with_models(measure, settings, weights)
    print_figures(interview_figures(scores), as_json)
    if page:
        from models.evaluation.interview_report import write_interview_report

        write_interview_report(page, scores, measured)


@evaluate_app.command("interview-bases")
def evaluate_interview_bases_command(
    context: typer.Context,
    out: OutOption,
    base: Annotated[list[str] | None, typer.Option(help="A base, again for each; without one, the profile's.")] = None,
    epochs: Annotated[list[float] | None, typer.Option(min=0.01, help="Epochs, again for each.")] = None,
    data: Annotated[Path, typer.Option(help="Interview CSV, or a folder of interview files.")] = INTERVIEWS,
    samples: Annotated[int, typer.Option(min=1, help="Lines drawn for each prompt.")] = 4,
    prompts: Annotated[int, typer.Option(min=1, help="At most N prompts.")] = 81,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on the first N rows.")] = None,
    profile: ProfileOption = None,
    seed: int = 7,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the interviewer over several bases and epochs, and compare their lines in one table."""
    from models.evaluation.interview_bases import compare_bases

    chosen = load_profile(load_settings(profile=profile).profile)
    page = open_page(context, report, "interview-bases")
    with show_progress(notes) as stage:
        figures = compare_bases(
            chosen, data, out, base or [""], epochs or [], stage, show_note,
            samples=samples, prompts=prompts, train_rows=train_rows, seed=seed,
        )  # fmt: skip
    print_figures(figures, as_json)
    if page:
        from models.evaluation.interview_bases import write_bases_report

        write_bases_report(page, figures, chosen)


def run_with_models(
    measure: Callable[[ModelRuntime], Awaitable[Measured]],
    settings: Settings,
    weights: Path | None,
    *,
    encoders_only: bool = False,
) -> tuple[Profile, Measured]:
    """Open the models, measure with them reproducibly, and return their profile beside the result."""

    async def run() -> tuple[Profile, Measured]:
        async with open_runtime(settings, weights, encoders_only=encoders_only, is_reproducible=True) as runtime:
            return runtime.profile, await measure(runtime)

    return asyncio.run(run())


def open_page(context: typer.Context, folder: Path | None, name: str) -> Report | None:
    """Return the report `name` in `folder` with the command line that makes it, None without a folder.

    Raises:
        ModelError: something is in the way.
    """
    if folder is None:
        return None
    from models.evaluation.report import open_report

    return open_report(folder, name, context.obj)
