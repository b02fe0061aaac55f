"""The commands of Oh-LoRA chat: builds settings and objects, nests their lifetimes, and nothing else.

Libraries that take seconds to import (torch and what stands on it) are imported by the commands that need them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer
from rich.console import Console as RichConsole

from bot.errors import BotError, SettingsError
from bot.progress import show_progress
from bot.settings import Settings, load_settings
from engine.errors import EngineError
from engine.sanction_policy import find_offences, load_policy
from engine.settings import EngineSettings
from engine.types import Clock
from models.errors import ModelError
from models.profile import Profile, load_profile, with_weights
from models.settings import Device, ModelSettings, Precision
from storage.errors import StorageError
from storage.settings import StorageSettings

if TYPE_CHECKING:
    from engine.queue import TurnQueue
    from models.evaluation.dialogue import GradedAnswer
    from models.evaluation.ethics import EthicsScores
    from models.evaluation.memory import MemoryScores
    from models.evaluation.report import Report
    from models.runtime import ModelRuntime
    from storage.database import Database

USAGE_ERROR = 2
INTERRUPTED = 130

app = typer.Typer(
    name="main.py",
    help="오로라 (Oh-LoRA): a self-hosted character chatbot.",
    rich_markup_mode="rich",
    no_args_is_help=True,
)
train_app = typer.Typer(help="Train models from text.", no_args_is_help=True)
evaluate_app = typer.Typer(help="Measure models.", no_args_is_help=True)
db_app = typer.Typer(help="Look after the database.", no_args_is_help=True)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(db_app, name="db")
notes = RichConsole(stderr=True, highlight=False)

ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile name, or a path to a .toml file.")]
DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help="Where the database lives.")]
DatabaseOption = Annotated[str | None, typer.Option("--database-url", help="Another database, as a SQLAlchemy URL.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")]
PrecisionOption = Annotated[str | None, typer.Option("--precision", help="auto, float32 or bfloat16.")]
WeightsOption = Annotated[Path | None, typer.Option("--weights", help="A folder with other weights to use.")]
OutOption = Annotated[Path, typer.Option(help="Folder to write; one that exists is used, not overwritten.")]
EpochsOption = Annotated[float | None, typer.Option(min=0.01, help="Passes over the training data.")]
BatchOption = Annotated[int | None, typer.Option(min=1, help="Examples in a batch.")]
RateOption = Annotated[float | None, typer.Option(min=1e-9, help="Learning rate at its highest.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="Folder to write a page with plots into.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a front end needs of her while she is awake."""

    database: Database
    queue: TurnQueue


@app.command()
def chat(
    user: Annotated[str, typer.Option(help="Who is talking.")] = "me",
    profile: ProfileOption = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: Annotated[int | None, typer.Option(help="Same seed and clock: same answers.")] = None,
    now: Annotated[str | None, typer.Option(help="The clock, ISO 8601, for example 2026-11-20T21:00+09:00.")] = None,
    locale: Annotated[str | None, typer.Option(help="Language of notices: ko or en.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="For example Asia/Seoul.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Talk with her in the terminal; piped, each line is one turn."""
    from bot.console import Console, ConsoleOptions, is_user_name, read_lines
    from bot.handlers.chat import ChatHandler
    from bot.handlers.memory import MemoryHandler
    from bot.handlers.sanctions import SanctionHandler

    settings = load_settings(
        profile=profile, data_dir=data_dir, database_url=database_url, device=device, precision=precision,
        locale=locale, time_zone=time_zone,
    )  # fmt: skip
    if not is_user_name(user):
        raise SettingsError("--user takes 1 to 64 printable characters")
    zone = ZoneInfo(settings.time_zone)
    clock = make_clock(now, zone)

    async def talk() -> None:
        async with open_engine(settings, clock, seed) as engine:
            console = Console(
                chat=ChatHandler(engine.queue, clock),
                memory=MemoryHandler(engine.database, clock),
                sanctions=SanctionHandler(engine.database),
                clock=clock,
                options=ConsoleOptions(user=user, locale=settings.locale, zone=zone, as_json=as_json),
            )
            if sys.stdin.isatty() and not as_json:
                await console.run_interactive()
            else:
                await console.run_piped(read_lines())

    asyncio.run(talk())


@app.command()
def run(profile: ProfileOption = None, data_dir: DataDirOption = None) -> None:
    """Serve Discord and Telegram (the front ends come in a later version)."""
    settings = load_settings(profile=profile, data_dir=data_dir)
    tokens = {"OHLORA_DISCORD_TOKEN": settings.discord_token, "OHLORA_TELEGRAM_TOKEN": settings.telegram_token}
    missing = [name for name, token in tokens.items() if token is None]
    reason = f"no token is set ({' and '.join(missing)})" if len(missing) == 2 else "tokens are set"
    raise SettingsError(
        f"{reason}, and this version has no Discord and Telegram front ends yet; talk with her by `main.py chat`"
    )


@train_app.command("embedded")
def train_embedded_command(
    passes: Annotated[int | None, typer.Option(min=1, help="Passes over the widened corpus for the base.")] = None,
    no_compile: Annotated[bool, typer.Option("--no-compile", help="Do not compile the training step.")] = False,
) -> None:
    """Rebuild the embedded weights from the text in models/data."""
    from models.training.embedded import EmbeddedRecipe, train_embedded

    recipe = EmbeddedRecipe(compile_steps=not no_compile)
    recipe = replace(recipe, base=replace(recipe.base, passes=passes or recipe.base.passes))
    with show_progress(notes) as stage:
        manifest = train_embedded(recipe, stage)
    notes.print(f"models/weights/embedded: {manifest['bytes'] / 1e6:.1f} MB; restart to use it")


@train_app.command("encoder")
def train_encoder_command(
    task: Annotated[str, typer.Option(help="memory or ethics.")],
    data: Annotated[Path, typer.Option(help="Training file (docs/formats.md).")],
    out: OutOption,
    validation: Annotated[Path | None, typer.Option(help="File to measure on after each epoch.")] = None,
    profile: ProfileOption = None,
    base: Annotated[str, typer.Option(help="Model to start from; without one, hashed n-grams.")] = "",
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    learning_rate: RateOption = None,
    seed: int = 7,
) -> None:
    """Train a sentence encoder on one file; repeated, go on with it or measure it."""
    from models.training.encoder_run import EncoderOptions, run_encoder

    chosen = load_profile(load_settings(profile=profile).profile)
    options = EncoderOptions(base=base, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    with show_progress(notes) as stage:
        figures = run_encoder(chosen, task, data, validation, out, options, stage, show_note)
    print_figures(figures, as_json=True)


@train_app.command("adapter")
def train_adapter_command(
    adapter: Annotated[str, typer.Option(help="output_message, memory, summary or eyes_mouth_pose.")],
    data: Annotated[Path, typer.Option(help="Dialogue CSV (docs/formats.md).")],
    out: OutOption,
    profile: ProfileOption = None,
    base: Annotated[str, typer.Option(help="Another base than the profile's: a folder or a Hugging Face id.")] = "",
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the adapter.")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="LoRA alpha; the scale is alpha / rank.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="LoRA dropout.")] = None,
    epochs: EpochsOption = None,
    learning_rate: RateOption = None,
    batch_size: BatchOption = None,
    gradient_accumulation: Annotated[int | None, typer.Option(min=1, help="Batches added up for one step.")] = None,
    target_modules: Annotated[str, typer.Option(help="Layers to adapt, with commas between.")] = "",
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on the first N training rows.")] = None,
    valid_rows: Annotated[int | None, typer.Option(min=0, help="Validate on the first N validation rows.")] = None,
    unsloth: Annotated[bool, typer.Option("--unsloth", help="Train through Unsloth where the card can.")] = False,
    seed: int = 7,
) -> None:
    """Fine-tune one adapter of a profile on a dialogue CSV; repeated, go on with it or answer with it."""
    from models.training.adapter_run import AdapterOptions, run_adapter

    chosen = load_profile(load_settings(profile=profile).profile)
    options = AdapterOptions(
        base=base, rank=rank, alpha=alpha, dropout=dropout, epochs=epochs, learning_rate=learning_rate,
        batch_size=batch_size, gradient_accumulation=gradient_accumulation,
        target_modules=tuple(name.strip() for name in target_modules.split(",") if name.strip()),
        train_rows=train_rows, valid_rows=valid_rows, with_unsloth=unsloth, seed=seed,
    )  # fmt: skip
    with show_progress(notes) as stage:
        figures = run_adapter(chosen, adapter, data, out, options, stage, show_note)
    print_figures(figures, as_json=True)


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

    async def measure() -> tuple[Profile, list[GradedAnswer]]:
        async with open_runtime(settings, weights, is_reproducible=True) as runtime:
            rehearsal = Rehearsal(runtime.generator, runtime.profile, seed)
            with show_progress(notes) as stage:
                tell = stage("prompts")
                graded = await grade_dialogue(prompts, rehearsal.answer, lambda n: tell(n, len(prompts), 0.0))
                return runtime.profile, graded

    measured, graded = asyncio.run(measure())
    print_figures(dialogue_figures(graded), as_json)
    if page:
        from models.evaluation.dialogue_report import write_dialogue_report

        write_dialogue_report(page, graded, measured)


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

    async def measure() -> tuple[Profile, EthicsScores]:
        async with open_runtime(settings, weights, encoders_only=True) as runtime:
            judge = partial(find_offences, thresholds=runtime.profile.ethics, policy=policy)
            return runtime.profile, await score_ethics(runtime.embedder, sentences, judge)

    measured, scores = asyncio.run(measure())
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
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the memory encoder on pairs with known similarity."""
    from models.evaluation.memory import memory_figures, score_memory
    from models.training.encoder_data import read_test_pairs

    pairs = read_test_pairs(data)
    settings = load_settings(profile=profile)
    page = open_page(context, report, "memory")

    async def measure() -> tuple[Profile, MemoryScores]:
        async with open_runtime(settings, weights, encoders_only=True) as runtime:
            return runtime.profile, await score_memory(runtime.embedder, pairs)

    measured, scores = asyncio.run(measure())
    print_figures(memory_figures(scores), as_json)
    if page:
        from models.evaluation.memory_report import write_memory_report

        write_memory_report(page, scores, measured)


@evaluate_app.command("held-out")
def evaluate_held_out_command(
    context: typer.Context,
    task: Annotated[Literal["dialogue", "ethics"] | None, typer.Option(help="One of them; without it both.")] = None,
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
    from models.evaluation.held_out_run import HeldOutRun, held_out_run_figures, measure_held_out

    settings = load_settings(profile=profile, device=device, precision=precision)
    policy = load_policy(settings.policy)
    tasks = (task,) if task else ("dialogue", "ethics")
    pages = {name: open_page(context, report, f"held-out-{name}") for name in tasks}

    async def measure() -> HeldOutRun:
        async with open_runtime(settings, weights, encoders_only=task == "ethics", is_reproducible=True) as runtime:
            rehearsal = Rehearsal(runtime.generator, runtime.profile, seed)
            judge = partial(find_offences, thresholds=runtime.profile.ethics, policy=policy)
            with show_progress(notes) as stage:
                return await measure_held_out(
                    runtime.profile, tasks, rehearsal.answer, runtime.embedder, judge, stage, seed=seed, limit=limit
                )

    measured = asyncio.run(measure())
    print_figures(held_out_run_figures(measured), as_json)
    if report:
        from models.evaluation.held_out_report import write_held_out_reports

        write_held_out_reports(pages, measured)


@evaluate_app.command("cross-validate")
def evaluate_cross_validate_command(
    context: typer.Context,
    task: Annotated[Literal["memory", "ethics"], typer.Option(help="memory or ethics.")],
    data: Annotated[Path, typer.Option(help="Memory pairs CSV or ethics CSV (docs/formats.md).")],
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


@db_app.command("upgrade")
def db_upgrade(data_dir: DataDirOption = None, database_url: DatabaseOption = None) -> None:
    """Create the database or bring it to the newest revision."""
    from storage.database import upgrade

    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    print(asyncio.run(upgrade(settings)))


@db_app.command("current")
def db_current(data_dir: DataDirOption = None, database_url: DatabaseOption = None) -> None:
    """Print the revision of the database."""
    from storage.database import current_revision

    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    print(asyncio.run(current_revision(settings)) or "none: no database yet; `main.py db upgrade` makes it")


@asynccontextmanager
async def open_engine(settings: Settings, clock: Clock, seed: int | None) -> AsyncIterator[Engine]:
    """Nest the lifetimes: database, models, queue; left in reverse order."""
    from engine.pipeline import ChatPipeline
    from engine.queue import open_queue
    from storage.database import open_database

    policy = load_policy(settings.policy)
    load_profile(settings.profile)  # a wrong name must not leave a new database behind
    limits = EngineSettings(
        max_concurrent_turns=settings.max_concurrent_turns,
        queue_capacity=settings.queue_capacity,
        queue_capacity_per_user=settings.queue_capacity_per_user,
        turn_timeout_s=settings.turn_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
    )
    async with (
        open_database(storage_settings(settings)) as database,
        open_runtime(settings, is_reproducible=seed is not None) as runtime,
    ):
        pipeline = ChatPipeline(
            profile=runtime.profile,
            policy=policy,
            generator=runtime.generator,
            embedder=runtime.embedder,
            database=database,
            clock=clock,
            seed=seed,
        )
        async with open_queue(pipeline.run, limits) as queue:
            yield Engine(database=database, queue=queue)


@asynccontextmanager
async def open_runtime(
    settings: Settings, weights: Path | None = None, *, encoders_only: bool = False, is_reproducible: bool = False
) -> AsyncIterator[ModelRuntime]:
    """Load and run the models of the chosen profile, telling on stderr what is loaded.

    A reproducible run decodes one sequence at a time, so that no sum depends on what else is in the batch.
    """
    profile = load_profile(settings.profile)
    if weights is not None:
        profile = with_weights(profile, weights)
    model_settings = make_model_settings(settings, max_rows=1 if is_reproducible else settings.max_rows)
    with notes.status("loading", spinner="dots") as status:
        from models.loader import LoadProgress
        from models.runtime import open_models

        progress = LoadProgress(
            step=lambda name: status.update(f"loading {name}"),
            note=show_note,
        )
        async with AsyncExitStack() as stack:
            models = open_models(profile, model_settings, progress, with_generator=not encoders_only)
            runtime = await stack.enter_async_context(models)
            status.stop()
            yield runtime


def make_model_settings(settings: Settings, *, max_rows: int) -> ModelSettings:
    """Return the settings of the models.

    Raises:
        SettingsError: the device or the precision is unknown.
    """
    try:
        device, precision = Device(settings.device), Precision(settings.precision)
    except ValueError as error:
        raise SettingsError(f"{error}; devices are auto, cpu, cuda; precisions auto, float32, bfloat16") from error
    return ModelSettings(device=device, precision=precision, max_rows=max_rows)


def storage_settings(settings: Settings) -> StorageSettings:
    """Return where the database is: the given URL, or a file in the data folder."""
    if settings.database_url:
        return StorageSettings(url=settings.database_url, busy_timeout_s=settings.busy_timeout_s)
    return replace(StorageSettings.for_data_dir(settings.data_dir), busy_timeout_s=settings.busy_timeout_s)


def make_clock(now: str | None, zone: ZoneInfo) -> Clock:
    """Return the real clock, or one that stands at `now`; a moment without an offset is in `zone`.

    Raises:
        SettingsError: `now` is no ISO 8601 moment.
    """
    if now is None:
        return lambda: datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(now)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        fixed = moment.astimezone(UTC)
        if not 1970 <= fixed.year <= 9000:
            raise ValueError(fixed.year)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"--now {now!r} is no ISO 8601 moment; write 2026-11-20T21:00+09:00") from error
    return lambda: fixed


def open_page(context: typer.Context, folder: Path | None, name: str) -> Report | None:
    """Return the report `name` in `folder` with the command line that makes it, None without a folder.

    Raises:
        ModelError: something is in the way.
    """
    if folder is None:
        return None
    from models.evaluation.report import open_report

    return open_report(folder, name, context.obj)


def show_note(text: str) -> None:
    """Print a line that must stay readable on stderr."""
    notes.print(text, style="dim", markup=False)


def print_figures(figures: dict[str, Any], as_json: bool) -> None:
    """Print figures as JSON or as indented lines."""
    print(json.dumps(figures, ensure_ascii=False, indent=None if as_json else 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input gives one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show Korean gets question marks, not a traceback
            stream.reconfigure(errors="replace")
    level = "WARNING"
    with suppress(BotError):  # the command itself will say it
        level = load_settings().log_level
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = app(args=given, obj=shlex.join(["main.py", *given]), standalone_mode=False)
    except typer.TyperException as error:
        return fail(error.format_message() if hasattr(error, "format_message") else str(error))
    except (BotError, EngineError, ModelError, StorageError) as error:
        return fail(str(error))
    except ModuleNotFoundError as error:
        return fail(f"{error.name} is not installed; run .venv/bin/python -m pip install -e '.[train]'")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    return result if isinstance(result, int) else 0


def fail(message: str) -> int:
    """Print one line of error; return the exit code of bad input."""
    if message:  # empty after the help that a lone group of commands prints
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
