"""Hand the progress of a training run to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

Report = Callable[[int, int, float], None]
"""Gets the step, the number of steps and the loss."""

Stage = Callable[[str], Report]
"""Begins a part of a command by its name and gives its report."""

Note = Callable[[str], None]
"""Gets a line that must stay readable: a licence, what is missing, how to go on."""


def ignore_note(text: str) -> None:
    """Take a note and show it to nobody."""


class ReportCallback(TrainerCallback):  # type: ignore[misc]
    """Hands the loss that a trainer logs to a `Report`."""

    def __init__(self, report: Report) -> None:
        """Tell `report`."""
        self._report = report

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Pass on the loss, where there is one."""
        if logs and "loss" in logs:
            self._report(state.global_step, state.max_steps, float(logs["loss"]))
