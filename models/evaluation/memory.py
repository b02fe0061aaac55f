"""Evaluate the memory encoder on pairs of a memory and a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import ModelError
from models.evaluation.precision import PrecisionRecall
from models.evaluation.similarity import Array, compare
from models.training.encoder_data import Pair
from models.types import TextEmbedder

RELATED = 0.5
"""The true similarity from which a message calls for a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryScores:
    """Pairs, their true similarities and the cosines of their embeddings, both of shape (pairs,)."""

    pairs: Sequence[Pair]
    true: Array
    cosines: Array


async def score_memory(embedder: TextEmbedder, pairs: Sequence[Pair]) -> MemoryScores:
    """Embed both texts of every pair.

    Raises:
        ModelError: there are no pairs.
    """
    if not pairs:
        raise ModelError("no pairs; check the file")
    first = await embedder.embed("memory", [pair.first for pair in pairs])
    second = await embedder.embed("memory", [pair.second for pair in pairs])
    return MemoryScores(
        pairs=pairs,
        true=np.array([pair.similarity for pair in pairs], dtype=np.float64),
        cosines=(first * second).sum(axis=1).astype(np.float64),
    )


def memory_figures(scores: MemoryScores) -> dict[str, Any]:
    """Return MSE, MAE and correlation of the cosines with the true similarities."""
    figures = compare(scores.cosines, scores.true)
    return {"n": len(scores.pairs), "mse": figures.mse, "mae": figures.mae, "corr": figures.corr}


def retrieval_at(scores: MemoryScores, threshold: float) -> PrecisionRecall:
    """Count the pairs that reach `threshold`, those that should (`RELATED`), and those that do both."""
    found, wanted = scores.cosines >= threshold, scores.true >= RELATED
    return PrecisionRecall(right=int((found & wanted).sum()), found=int(found.sum()), wanted=int(wanted.sum()))
