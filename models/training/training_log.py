"""The log of a training run: one JSON object a line, and its learning curves.

A line has `step`, `epoch`, `loss` (mean since the line before), `learning_rate`, `seconds` (spent training) and, at the end of an
epoch, `validation` (figures by name). It holds numbers only, no text that anybody wrote.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from models.training.curves import draw_curves

LOG_NAME = "training_log.jsonl"
CURVES_NAME = "curves.png"
FIGURES = ("loss", "accuracy", "mean_diff", "mse", "mae", "corr")

Record = dict[str, Any]
EpochEnd = Callable[[Any, Record], dict[str, float]]
"""Gets the model and the epoch's record; returns more validation figures."""


def read_log(file: Path) -> list[Record]:
    """Return the records of a log in their order; none where there is no log. A line that was cut off ends it."""
    records: list[Record] = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def last_validation(file: Path) -> dict[str, float | None] | None:
    """Return the figures of the last validation in a log, None where nothing was validated."""
    return next((record["validation"] for record in reversed(read_log(file)) if "validation" in record), None)


def mean_loss(records: Sequence[Record]) -> float:
    """Return the mean training loss of all steps, 0 for no records; each record stands for the steps since the one before."""
    steps = [0, *(record["step"] for record in records)]
    total = sum((record["loss"] or 0.0) * (step - last) for record, last, step in zip(records, steps, steps[1:]))  # noqa: B905
    return float(total / steps[-1]) if steps[-1] else 0.0


class TrainingLog(TrainerCallback):  # type: ignore[misc]
    """Writes the log and draws the curves while a trainer runs; goes on with the log of the run that it resumes."""

    def __init__(self, folder: Path, at_epoch_end: EpochEnd | None = None) -> None:
        """Write into `folder`; `at_epoch_end` is asked after each validation."""
        self.records: list[Record] = []
        self._file = folder / LOG_NAME
        self._curves = folder / CURVES_NAME
        self._at_epoch_end = at_epoch_end
        self._began = 0.0
        self._drawn = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep what was logged up to the checkpoint; what came after it is trained again."""
        self.records = [record for record in read_log(self._file) if record["step"] <= state.global_step]
        self._drawn = time.monotonic()
        self._began = self._drawn - (self.records[-1]["seconds"] if self.records else 0.0)
        self._rewrite()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the rest of the epoch, however few steps it is."""
        control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Record | None = None, **_: Any) -> None:
        """Add a record, where a loss is logged."""
        if logs and "loss" in logs:
            self.records.append(
                {
                    "step": state.global_step,
                    "epoch": round(state.epoch, 4),
                    "loss": _finite(logs["loss"]),
                    "learning_rate": logs.get("learning_rate"),
                    "seconds": round(time.monotonic() - self._began, 2),
                }
            )
            self._append(self.records[-1])

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Record, model: Any, **_: Any) -> None:
        """Put the validation figures into the record that ends the epoch."""
        figures = {name: metrics[f"eval_{name}"] for name in FIGURES if f"eval_{name}" in metrics}
        if self._at_epoch_end:
            figures |= self._at_epoch_end(model, self.records[-1])
        self.records[-1]["validation"] = {name: _finite(value) for name, value in figures.items()}
        self._rewrite()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Draw the curves anew, once a minute at most: short epochs should not wait for them."""
        if time.monotonic() - self._drawn > 60:
            self._draw()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Draw the curves of the whole run."""
        self._draw()

    def _draw(self) -> None:
        draw_curves(self.records, self._curves)
        self._drawn = time.monotonic()

    def _append(self, record: Record) -> None:
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def _rewrite(self) -> None:
        """Write all records anew; a crash leaves the log as it was."""
        new = self._file.with_suffix(".new")
        new.write_text("".join(json.dumps(record) + "\n" for record in self.records), encoding="utf-8")
        new.replace(self._file)


def _finite(value: float) -> float | None:
    """Return `value` rounded for reading; None for what JSON cannot hold."""
    return round(float(value), 6) if math.isfinite(value) else None
