"""Hand the progress of a training run to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

Report = Callable[[int, int, float], None]
"""Gets the step, the number of steps and the loss."""


class ReportCallback(TrainerCallback):  # type: ignore[misc]
    """Hands the loss that a trainer logs to a `Report`."""

    def __init__(self, report: Report) -> None:
        """Tell `report`."""
        self._report = report

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Pass on the loss, where there is one."""
        if logs and "loss" in logs:
            self._report(state.global_step, state.max_steps, float(logs["loss"]))
