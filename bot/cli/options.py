"""What several commands share: options, and how they speak on stdout and stderr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from bot.errors import SettingsError

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
TargetOption = Annotated[
    Literal["groups", "reference", "iou"] | None,
    typer.Option("--target", help="How alike keys of memory lines are: by groups, a reference encoder, shared words."),
]
ReferenceOption = Annotated[
    str,
    typer.Option("--reference-encoder", help="Sentence encoder of --target reference: a folder or Hugging Face id."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="Folder to write a page with plots into.")]

notes = Console(stderr=True, highlight=False)
results = Console(highlight=False, soft_wrap=True)


def show_note(text: str) -> None:
    """Print a line that must stay readable on stderr."""
    notes.print(text, style="dim", markup=False)


def read_negatives(text: str | None) -> int | Literal["all"] | None:
    """Read a number from 0 on, or the word all; None stays.

    Raises:
        SettingsError: it is neither.
    """
    if text is None:
        return None
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise SettingsError(f"--negatives takes a number or all, not {text!r}")
    return int(text)


def print_figures(figures: dict[str, Any], as_json: bool) -> None:
    """Print figures as JSON or as indented lines."""
    print(json.dumps(figures, ensure_ascii=False, indent=None if as_json else 2))
