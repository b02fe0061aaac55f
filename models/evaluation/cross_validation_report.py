"""The report on a cross-validation."""

from __future__ import annotations

from typing import Any

from models.evaluation.markdown import escape, figure, table
from models.evaluation.report import Report
from models.profile import Profile

_TURNS = "Turns are parted at random; each is scored by an encoder that was trained without it and without any other turn of its text."
_HOW = {
    "interview-answer": _TURNS,
    "interview-question": _TURNS,
    "ethics": "Sentences are parted at random; each is scored by an encoder that was trained without it.",
    "memory": (
        "`[key: value] message` lines are parted at random; a pair is scored where both its lines are in the fold, by an "
        "encoder that was trained on pairs without any line of the fold."
    ),
}


def write_cross_validation_report(report: Report, figures: dict[str, Any], profile: Profile) -> None:
    """Write the figures of `cross_validate`: each fold, all folds, the published ones.

    Raises:
        ModelError: a file cannot be written.
    """
    names = [name for name in figures["all"] if name != "n"]
    lines = {f"fold {number}": each for number, each in enumerate(figures["folds"], 1)}
    lines |= {"all folds": figures["all"], "published, on its own test rows": figures["published"]}
    rows = [[what, each["n"], *(figure(each[name]) for name in names)] for what, each in lines.items()]
    task = figures["task"]
    parts = [
        f"Encoder over {escape(figures['base'])}, {figures['epochs']:g} epochs. {_HOW[task]}",
        table(["", "n", *names], rows),
    ]
    report.write(f"Cross-validation of the {task} encoder", profile.name, parts)
