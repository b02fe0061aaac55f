"""The report on the memory encoder."""

from __future__ import annotations

from functools import partial

import numpy as np

from models.evaluation.learning_curves import learning_curves
from models.evaluation.markdown import escape, figure, table
from models.evaluation.memory import RELATED, MemoryScores, memory_figures, retrieval_at
from models.evaluation.plots import Distribution, draw_distributions, draw_scatter
from models.evaluation.report import Report
from models.profile import Profile

MOST_PAIRS = 20


def write_memory_report(report: Report, scores: MemoryScores, profile: Profile, title: str = "Memory encoder") -> None:
    """Write figures, plots, retrieval at the profile's threshold, and the pairs that are most wrong.

    Raises:
        ModelError: a file cannot be written.
    """
    related = scores.true >= RELATED
    distribution = Distribution(
        title="memory encoder",
        inside=("related pairs", scores.cosines[related]),
        outside=("unrelated pairs", scores.cosines[~related]),
        threshold=profile.memory_threshold,
    )
    parts = [
        _figures(scores),
        report.image("scatter", "predicted over true similarity", partial(draw_scatter, scores.true, scores.cosines)),
        "## Retrieval",
        _retrieval(scores, profile.memory_threshold),
        report.image("scores", "scores of related and unrelated pairs", partial(draw_distributions, [distribution])),
        f"## The {min(MOST_PAIRS, len(scores.pairs))} pairs that are most wrong",
        _worst(scores),
        *learning_curves(report, {"memory": profile.encoders["memory"].source}),
    ]
    report.write(title, profile.name, parts)


def _figures(scores: MemoryScores) -> str:
    figures = memory_figures(scores)
    row = [figures["n"], *(figure(figures[name]) for name in ("mse", "mae", "corr"))]
    return table(["pairs", "MSE", "MAE", "correlation"], [row])


def _retrieval(scores: MemoryScores, threshold: float) -> str:
    """Tell precision and recall over the pairs, and how many of those retrieved have no similarity at all."""
    found = retrieval_at(scores, threshold)
    strangers = int(((scores.cosines >= threshold) & (scores.true <= 0)).sum())
    head = ["threshold", "related pairs", "retrieved", "of these related", "precision", "recall", "retrieved at true 0"]
    row = [threshold, found.wanted, found.found, found.right, figure(found.precision), figure(found.recall), strangers]
    note = f"A pair is related from a true similarity of {RELATED} on, and retrieved from a cosine of the threshold on."
    return f"{note}\n\n{table(head, [row])}"


def _worst(scores: MemoryScores) -> str:
    order = np.argsort(-np.abs(scores.cosines - scores.true), kind="stable")[:MOST_PAIRS]
    rows = [
        [
            escape(scores.pairs[index].first),
            escape(scores.pairs[index].second),
            figure(float(scores.true[index]), 2),
            figure(float(scores.cosines[index]), 2),
        ]
        for index in order
    ]
    return table(["memory", "message", "true", "predicted"], rows)
