"""Give the tests of reports a place to write to, and look at the plots they write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from models.evaluation.report import Report

Shows = Callable[[Path, str], bool]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    (tmp_path / "out").mkdir()
    return Report(folder=tmp_path / "out", name="page", command="main.py evaluate page --report out")


@pytest.fixture
def page(report: Report) -> Callable[[], str]:
    """Read the page that was written."""
    return lambda: (report.folder / "page.md").read_text(encoding="utf-8")


@pytest.fixture
def shows() -> Shows:
    """Tell whether a PNG has pixels of a colour."""

    def has(file: Path, colour: str) -> bool:
        pixels = imread(file)[..., :3]
        return bool((np.abs(pixels - np.array(to_rgb(colour))).max(axis=-1) < 0.02).any())

    return has
