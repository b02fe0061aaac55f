"""Draw the learning curves of a training run as a PNG: losses by step, in two colours that all eyes tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLUE, VERMILION = "#0072B2", "#D55E00"  # Okabe and Ito 2008, https://jfly.uni-koeln.de/color/


def draw_curves(records: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw the training loss and, where there is one, the validation loss of the records of a training log.

    The validation loss of an encoder is its MSE, which is what it is trained on. Labels are English: no Korean font is assumed.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    training = _columns((record["step"], record["loss"]) for record in records)
    validations = ((record["step"], record.get("validation", {})) for record in records)
    validation = _columns((step, figures.get("loss", figures.get("mse"))) for step, figures in validations)
    axes.plot(*training, color=BLUE, marker=".", label="training")
    if validation[0]:
        axes.plot(*validation, color=VERMILION, linestyle="--", marker="s", label="validation")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, format="png", dpi=120)


def _columns(points: Iterable[tuple[int, float | None]]) -> tuple[list[int], list[float]]:
    """Return the steps and the losses of the points that have a loss."""
    steps, losses = [], []
    for step, loss in points:
        if loss is not None:
            steps.append(step)
            losses.append(loss)
    return steps, losses
