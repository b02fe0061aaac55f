"""Draw the plots of the reports as PNGs, in colours that all eyes tell apart. Labels are English: no Korean font is assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.evaluation.similarity import Array
from models.training.curves import BLUE, VERMILION

BLACK = "#000000"
_BIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Scores of two groups, each with its name, and the threshold that shall part them."""

    title: str
    inside: tuple[str, Array]
    outside: tuple[str, Array]
    threshold: float | None


def draw_scatter(true: Array, predicted: Array, file: Path) -> None:
    """Draw predicted similarities over the true ones, with the line on which they are equal."""
    canvas = _figure(5.5, 5.5)
    axes = canvas.add_subplot()
    low = min(0.0, float(true.min()), float(predicted.min()))
    axes.plot([low, 1], [low, 1], color=VERMILION, linestyle="--", label="predicted = true")
    axes.scatter(true, predicted, s=14, color=BLUE, alpha=0.5, label="pair")
    axes.set_xlabel("true similarity")
    axes.set_ylabel("predicted similarity (cosine)")
    axes.grid(alpha=0.3)
    axes.legend()
    _save(canvas, file)


def draw_distributions(distributions: Sequence[Distribution], file: Path) -> None:
    """Draw one panel under another: how the scores of both groups are spread, each group's bars adding up to 1."""
    canvas = _figure(8, 0.8 + 2.4 * len(distributions))
    scores = np.concatenate([part for each in distributions for part in (each.inside[1], each.outside[1])])
    low = np.floor(min(0.0, float(scores.min())) / _BIN) * _BIN
    bins = np.linspace(low, 1, round((1 - low) / _BIN) + 1)
    panels = canvas.subplots(len(distributions), 1, sharex=True, squeeze=False)[:, 0]
    for axes, each in zip(panels, distributions, strict=True):
        for (name, values), colour in ((each.outside, VERMILION), (each.inside, BLUE)):
            weights = np.full(len(values), 1 / max(len(values), 1))
            axes.hist(
                np.minimum(values, 1),
                bins=bins,
                weights=weights,
                color=colour,
                alpha=0.6,
                label=f"{name} ({len(values)})",
            )
        if each.threshold is not None:
            axes.axvline(each.threshold, color=BLACK, label=f"threshold {each.threshold:g}")
        axes.set_title(each.title, fontsize="medium")
        axes.set_ylabel("share")
        axes.legend(fontsize="small")
    panels[-1].set_xlabel("score (cosine)")
    _save(canvas, file)


def draw_confusion(counts: Sequence[Sequence[int]], names: Sequence[str], file: Path) -> None:
    """Draw a confusion matrix, a row a true category; the darkness of a cell is its share of the row, its number the count."""
    matrix = np.array(counts, dtype=np.float64)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    canvas = _figure(6, 5.5)
    axes = canvas.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            colour = "white" if shares[row, column] > 0.6 else BLACK
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    canvas.colorbar(image, ax=axes, label="share of the true category")
    _save(canvas, file)


def draw_pass_rates(counts: Mapping[str, tuple[int, int]], file: Path) -> None:
    """Draw a bar for each name: the share of (passed, all), with both counts beside it."""
    canvas = _figure(8, 1 + 0.45 * len(counts))
    axes = canvas.add_subplot()
    names = list(counts)
    rates = [passed / n if n else 0.0 for passed, n in counts.values()]
    bars = axes.barh(names, rates, color=BLUE)
    axes.bar_label(bars, [f"{passed} of {n}" for passed, n in counts.values()], padding=4)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("share that passed")
    axes.set_ylabel("adapter")
    axes.grid(axis="x", alpha=0.3)
    _save(canvas, file)


def draw_panels(panels: Mapping[str, Mapping[str, float]], file: Path) -> None:
    """Draw one panel beside another: the figures of one kind as a bar for each name, with the number beside it."""
    rows = max((len(each) for each in panels.values()), default=1)
    canvas = _figure(4.2 * len(panels), 1 + 0.45 * rows)
    for axes, (title, figures) in zip(canvas.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        bars = axes.barh(list(figures), list(figures.values()), color=BLUE)
        axes.bar_label(bars, [f"{value:.4g}" for value in figures.values()], padding=4)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.25 * max(figures.values(), default=1.0))
        axes.set_title(title, fontsize="medium")
        axes.grid(axis="x", alpha=0.3)
    _save(canvas, file)


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches that draws without a display."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, format="png", dpi=110)
