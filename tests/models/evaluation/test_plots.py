"""Check that the plots are written and show what they were given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.evaluation.plots import Distribution, draw_confusion, draw_distributions, draw_pass_rates, draw_scatter
from models.training.curves import BLUE, VERMILION

Shows = Callable[[Path, str], bool]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plot.png"


def test_scatter_shows_the_line_of_equality(file: Path, shows: Shows) -> None:
    draw_scatter(np.array([0.0, 1.0]), np.array([-0.3, 0.9]), file)
    assert shows(file, VERMILION)


@pytest.mark.parametrize("scores", [[], [0.5], [1.0000001, -1.0]])
def test_distributions_take_any_scores_and_empty_groups(file: Path, scores: list[float]) -> None:
    given = Distribution(
        title="t", inside=("in", np.array(scores)), outside=("out", np.array([0.2, 0.1])), threshold=0.4
    )
    draw_distributions([given, given], file)
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_distribution_without_a_threshold_has_no_line(tmp_path: Path) -> None:
    values = np.array([0.2, 0.9])
    images = []
    for number, threshold in enumerate((None, 0.5)):
        file = tmp_path / f"{number}.png"
        given = Distribution(title="t", inside=("in", values), outside=("out", values), threshold=threshold)
        draw_distributions([given], file)
        images.append(file.read_bytes())
    assert images[0] != images[1]


def test_confusion_of_a_category_without_sentences_is_drawn(file: Path) -> None:
    draw_confusion([[3, 1], [0, 0]], ["love", "normal"], file)
    assert file.is_file()


def test_pass_rates_show_bars_only_where_something_passed(file: Path, shows: Shows) -> None:
    draw_pass_rates({"memory": (0, 3), "summary": (0, 0)}, file)
    assert not shows(file, BLUE)
    draw_pass_rates({"memory": (1, 3), "summary": (0, 0)}, file)
    assert shows(file, BLUE)


def test_same_numbers_draw_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw_pass_rates({"memory": (1, 3)}, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
