"""Check the memory figures with embeddings made by hand."""

from __future__ import annotations

import pytest

from models.errors import ModelError
from models.evaluation.memory import memory_figures, retrieval_at, score_memory
from models.training.encoder_data import Pair
from tests.fakes import FakeEmbedder


async def test_figures_compare_cosines_with_the_truth() -> None:
    embedder = FakeEmbedder({"하암": {"[상태: 졸림]": 0.8}})
    pairs = [
        Pair(first="[상태: 졸림]", second="하암", similarity=1.0),
        Pair(first="[취미: 등산]", second="하암", similarity=0.0),
    ]
    figures = memory_figures(await score_memory(embedder, pairs))
    assert figures == {"n": 2, "mse": pytest.approx(0.02), "mae": pytest.approx(0.1), "corr": pytest.approx(1.0)}


async def test_no_pairs_are_an_error() -> None:
    with pytest.raises(ModelError, match="no pairs"):
        await score_memory(FakeEmbedder(), [])


@pytest.mark.parametrize(("threshold", "right", "found"), [(0.0, 2, 3), (0.5, 1, 2), (0.8, 1, 1), (0.9, 0, 0)])
async def test_retrieval_counts_pairs_at_the_threshold_and_above(threshold: float, right: int, found: int) -> None:
    embedder = FakeEmbedder({"하암": {"[상태: 졸림]": 0.8}, "김밥": {"[취미: 등산]": 0.6}})
    pairs = [
        Pair(first="[상태: 졸림]", second="하암", similarity=1.0),
        Pair(first="[상태: 피곤]", second="하암", similarity=0.5),
        Pair(first="[취미: 등산]", second="김밥", similarity=0.4),
    ]
    counts = retrieval_at(await score_memory(embedder, pairs), threshold - 1e-6)
    assert (counts.right, counts.found, counts.wanted) == (right, found, 2)
