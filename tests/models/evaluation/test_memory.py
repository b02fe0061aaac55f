"""Check the memory figures with embeddings made by hand."""

from __future__ import annotations

import pytest

from models.errors import ModelError
from models.evaluation.memory import evaluate_memory
from models.training.encoder_data import Pair
from tests.fakes import FakeEmbedder


async def test_figures_compare_cosines_with_the_truth() -> None:
    embedder = FakeEmbedder({"하암": {"[상태: 졸림]": 0.8}})
    pairs = [
        Pair(first="[상태: 졸림]", second="하암", similarity=1.0),
        Pair(first="[취미: 등산]", second="하암", similarity=0.0),
    ]
    figures = await evaluate_memory(embedder, pairs)
    assert figures == {"n": 2, "mse": pytest.approx(0.02), "mae": pytest.approx(0.1), "corr": pytest.approx(1.0)}


async def test_no_pairs_are_an_error() -> None:
    with pytest.raises(ModelError, match="no pairs"):
        await evaluate_memory(FakeEmbedder(), [])
