"""The part of a report that shows how the measured weights were trained, where their folders hold a training log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from models.errors import ModelError
from models.evaluation.markdown import figure, table
from models.evaluation.report import Report
from models.sources import resolve_source
from models.training.curves import draw_curves
from models.training.manifest import MANIFEST
from models.training.training_log import LOG_NAME, last_validation, read_log


def learning_curves(report: Report, sources: Mapping[str, str]) -> list[str]:
    """Return a heading, a plot and the last validation for each of `sources` (name: source) with a log; nothing without any.

    Raises:
        ModelError: a log breaks its format.
    """
    parts: list[str] = []
    for name, source in sources.items():
        log = _find_log(source)
        records = read_log(log) if log else []
        if not log or not records:
            continue
        try:
            parts.append(report.image(f"curves-{name}", f"learning curves of {name}", partial(draw_curves, records)))
            validation = last_validation(log)
            last = records[-1]
            head, row = ["weights", "steps", "epochs"], [f"`{name}`", last["step"], f"{last['epoch']:g}"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{log} is no training log; remove it, or train again") from error
        head += [f"validation {each}" for each in validation or {}]
        parts.append(table(head, [[*row, *(figure(value) for value in (validation or {}).values())]]))
    return ["## Learning curves", *parts] if parts else []


def _find_log(source: str) -> Path | None:
    """Return the log in a folder of weights, or, for the base of a set with a manifest, beside that manifest."""
    folder = resolve_source(source).path
    if folder is None:
        return None
    own, beside = folder / LOG_NAME, folder.parent / LOG_NAME
    if not own.is_file() and (folder.parent / MANIFEST).is_file():
        return beside
    return own
