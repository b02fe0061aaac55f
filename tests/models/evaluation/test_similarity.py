"""Check the figures of similarities on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.similarity import compare


def test_figures_of_a_small_example() -> None:
    figures = compare(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 1.0]))
    assert figures.mse == pytest.approx(0.25 / 3, abs=1e-5)
    assert figures.mae == pytest.approx(0.5 / 3, abs=1e-5)
    assert figures.corr == pytest.approx(0.86603, abs=1e-5)


def test_same_numbers_and_opposite_numbers() -> None:
    one = np.array([0.1, 0.7, 0.3])
    assert (compare(one, one).mse, compare(one, one).mae, compare(one, one).corr) == (0, 0, 1)
    assert compare(-one, one).corr == -1


def test_tables_are_compared_cell_by_cell() -> None:
    figures = compare(np.array([[1.0, 0.0], [0.0, 1.0]]), np.eye(2))
    assert (figures.mse, figures.corr) == (0, 1)


@pytest.mark.parametrize("value", [0.0, 0.5, 0.1, 1 / 3])
def test_constant_numbers_have_no_correlation(value: float) -> None:
    figures = compare(np.full(3, value), np.array([0.0, 0.5, 1.0]))
    assert figures.corr == 0
    assert compare(np.array([0.0, 0.5, 1.0]), np.full(3, value)).corr == 0
