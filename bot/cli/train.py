"""`main.py train`: the embedded weights, one encoder, one adapter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.cli.options import (
    BatchOption,
    EpochsOption,
    OutOption,
    ProfileOption,
    RateOption,
    ReferenceOption,
    TargetOption,
    notes,
    print_figures,
    read_negatives,
    show_note,
)
from bot.progress import show_progress
from bot.settings import load_settings
from models.interview_bank import DEFAULT_BANK
from models.profile import load_profile

train_app = typer.Typer(help="Train models from text.", no_args_is_help=True)


@train_app.command("embedded")
def train_embedded_command(
    passes: Annotated[int | None, typer.Option(min=1, help="Passes over the widened corpus for the base.")] = None,
    start: Annotated[Path | None, typer.Option(help="A base to go on with, instead of one from nothing.")] = None,
    kept: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="What the weights of --start, or of the parts of --only, weigh in the end, of 1."
        ),
    ] = None,
    share: Annotated[float | None, typer.Option(min=0.01, max=1.0, help="Part of the corpus read in one pass.")] = None,
    learning_rate: RateOption = None,
    no_compile: Annotated[bool, typer.Option("--no-compile", help="Do not compile the training step.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Train this part again over the base that is there, as 'adapter memory'; repeatable."),
    ] = None,
    continued: Annotated[
        bool, typer.Option("--continued", help="Adapters of --only go on from what they are, not from nothing.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws rows, typos and disguises; an encoder begins the same.")] = 7,
) -> None:
    """Rebuild the embedded weights from the text in models/data, or some of their parts."""
    from models.training.embedded import EmbeddedRecipe, retrain_embedded, train_embedded

    options = {
        "passes": passes, "share": share, "learning_rate": learning_rate, "kept": kept,
        "start": str(start) if start else None,
    }  # fmt: skip
    if continued and not only:
        raise typer.BadParameter("it needs --only: what is built from nothing has nothing to go on from")
    recipe = EmbeddedRecipe(compile_steps=not no_compile, seed=seed, continued=continued)
    given = {name: value for name, value in options.items() if value is not None}
    recipe = replace(recipe, base=replace(recipe.base, **given))  # type: ignore[arg-type]  # names are those of its fields
    with show_progress(notes) as stage:
        manifest = retrain_embedded(recipe, only, stage) if only else train_embedded(recipe, stage)
    notes.print(f"models/weights/embedded: {manifest['bytes'] / 1e6:.1f} MB; restart to use it")


@train_app.command("interview")
def train_interview_command(
    only: Annotated[
        Literal["encoder", "adapter"] | None, typer.Option(help="Only the encoders, or the adapter.")
    ] = None,
) -> None:
    """Train the interview parts of the embedded weights again, over the base that ships."""
    from models.training.interview_parts import train_interview

    with show_progress(notes) as stage:
        manifest = train_interview(stage, only or "")
    notes.print(f"models/weights/embedded: {manifest['bytes'] / 1e6:.1f} MB; restart to use it")


@train_app.command("encoder")
def train_encoder_command(
    task: Annotated[str, typer.Option(help="memory, ethics, interview-answer or interview-question.")],
    data: Annotated[Path, typer.Option(help="Training file, or a folder of interview files (docs/formats.md).")],
    out: OutOption,
    bank: Annotated[str, typer.Option(help="Question bank of the interview encoders.")] = DEFAULT_BANK,
    validation: Annotated[Path | None, typer.Option(help="File to measure on after each epoch.")] = None,
    profile: ProfileOption = None,
    base: Annotated[str, typer.Option(help="Model to start from; without one, hashed n-grams.")] = "",
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    learning_rate: RateOption = None,
    target: TargetOption = None,
    reference_encoder: ReferenceOption = "",
    negatives: Annotated[
        str | None, typer.Option(metavar="N|all", help="Unlike messages for each memory line (60); all: every pair.")
    ] = None,
    seed: int = 7,
) -> None:
    """Train a sentence encoder on one file; repeated, go on with it or measure it."""
    from models.training.encoder_run import EncoderOptions, run_encoder
    from models.training.key_similarity import Target

    chosen = load_profile(load_settings(profile=profile).profile)
    options = EncoderOptions(
        base=base, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, bank=bank, seed=seed,
        target=Target(target) if target else None, reference_encoder=reference_encoder,
        negatives=read_negatives(negatives),
    )  # fmt: skip
    with show_progress(notes) as stage:
        figures = run_encoder(chosen, task, data, validation, out, options, stage, show_note)
    print_figures(figures, as_json=True)


@train_app.command("adapter")
def train_adapter_command(
    adapter: Annotated[str, typer.Option(help="output_message, memory, summary, eyes_mouth_pose or interview.")],
    data: Annotated[Path, typer.Option(help="Dialogue CSV, or interviews (docs/formats.md).")],
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
