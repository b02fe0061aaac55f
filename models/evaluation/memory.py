"""Evaluate the memory encoder on pairs of a memory and a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.errors import ModelError
from models.evaluation.similarity import compare
from models.training.encoder_data import Pair
from models.types import TextEmbedder


async def evaluate_memory(embedder: TextEmbedder, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return MSE, MAE and correlation of the cosines with the true similarities.

    Raises:
        ModelError: there are no pairs.
    """
    if not pairs:
        raise ModelError("no pairs; check the file")
    first = await embedder.embed("memory", [pair.first for pair in pairs])
    second = await embedder.embed("memory", [pair.second for pair in pairs])
    figures = compare(
        (first * second).sum(axis=1).astype(np.float64), np.array([pair.similarity for pair in pairs], dtype=np.float64)
    )
    return {"n": len(pairs), "mse": figures.mse, "mae": figures.mae, "corr": figures.corr}
