"""Progress of long commands, drawn in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[int, int, float], None]


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[str], Report]]:
    """Draw a bar for each named part, nothing before the first; a report takes step, number of steps and loss (0 where there is none)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    bars = Progress(*columns, console=console)

    def start(name: str) -> Report:
        bars.start()
        bar = bars.add_task(name, total=None, loss="")

        def report(step: int, steps: int, loss: float) -> None:
            bars.update(bar, completed=step, total=max(step, steps), loss=f"loss {loss:.4f}" if loss else "")

        return report

    try:
        yield start
    finally:
        if bars.tasks:
            bars.stop()
