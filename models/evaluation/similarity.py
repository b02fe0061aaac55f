"""Figures that compare predicted similarities with true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityFigures:
    """Mean squared error, mean absolute error and Pearson correlation."""

    mse: float
    mae: float
    corr: float


def compare(predicted: Array, true: Array) -> SimilarityFigures:
    """Return the figures of two arrays of one shape; the correlation is 0 where one of them is constant."""
    error = predicted - true
    constant = predicted.std() == 0 or true.std() == 0
    corr = 0.0 if constant else float(np.corrcoef(predicted.ravel(), true.ravel())[0, 1])
    return SimilarityFigures(
        mse=round(float((error**2).mean()), 5), mae=round(float(np.abs(error).mean()), 5), corr=round(corr, 5)
    )
