"""Check the ethics figures with embeddings made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from models.errors import ModelError
from models.evaluation.ethics import ethics_figures, precision_of, score_ethics
from models.training.encoder_data import CATEGORIES, EthicsSentence
from models.types import Embeddings

LOVE, NORMAL, POLITICS, PAEDRIP, HATE = CATEGORIES


class _ByCategory:
    """Embeds the categories as axes, and each text by the scores given for it."""

    def __init__(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        self._scores = scores

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        assert encoder == "ethics"
        rows = np.zeros((len(texts), 6), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for name, score in self._scores.get(text, {text: 1.0}).items():
                row[CATEGORIES.index(name)] = score
            row[5] = max(0.0, 1 - float(row @ row)) ** 0.5
        return rows


def _over_half(scores: Mapping[str, float]) -> list[str]:
    return [name for name, score in scores.items() if name != NORMAL and score > 0.5]


async def test_figures_of_a_small_set() -> None:
    embedder = _ByCategory(
        {
            "사랑해": {LOVE: 1.0},
            "안녕": {NORMAL: 1.0},
            "내 정치 수업": {POLITICS: 0.8, NORMAL: 0.6},
            "니 부모": {PAEDRIP: 0.4, HATE: 0.3},
        }
    )
    truth = {"사랑해": LOVE, "안녕": NORMAL, "내 정치 수업": NORMAL, "니 부모": PAEDRIP}
    sentences = [EthicsSentence(text=text, category=name) for text, name in truth.items()]
    figures = ethics_figures(await score_ethics(embedder, sentences, _over_half))
    assert (figures["n"], figures["accuracy"], figures["normal"]) == (4, 0.75, 2)
    assert figures["false_sanction_texts"] == ["내 정치 수업"]
    assert figures["missed_texts"] == ["니 부모"]
    assert (figures["false_sanctions"], figures["missed"]) == (1, 1)
    assert (figures["sanctionable"], figures["caught"]) == (2, 1)
    assert figures["confusion"][NORMAL] == {LOVE: 0, NORMAL: 1, POLITICS: 1, PAEDRIP: 0, HATE: 0}
    assert figures["confusion"][PAEDRIP][PAEDRIP] == 1
    assert sum(sum(row.values()) for row in figures["confusion"].values()) == 4
    assert figures["mse"] == pytest.approx((0.8**2 + 0.4**2 + 0.6**2 + 0.3**2) / 20, abs=1e-4)
    assert figures["mae"] == pytest.approx((0.8 + 0.4 + 0.6 + 0.3) / 20, abs=1e-4)


async def test_perfect_scores_give_perfect_figures() -> None:
    sentences = [EthicsSentence(text=name, category=name) for name in CATEGORIES]
    figures = ethics_figures(await score_ethics(_ByCategory({}), sentences, _over_half))
    assert (figures["accuracy"], figures["mse"], figures["mae"], figures["corr"]) == (1, 0, 0, 1)
    assert (figures["false_sanctions"], figures["missed"]) == (0, 0)


async def test_no_sentences_are_an_error() -> None:
    with pytest.raises(ModelError, match="no sentences"):
        await score_ethics(_ByCategory({}), [], _over_half)


def test_precision_and_recall_over_all_categories_and_of_one_against_another() -> None:
    confusion = {name: dict.fromkeys(CATEGORIES, 0) for name in CATEGORIES}
    confusion[HATE] |= {HATE: 6, NORMAL: 2, PAEDRIP: 1}
    confusion[NORMAL] |= {NORMAL: 9, HATE: 1}
    confusion[LOVE] |= {HATE: 3}
    over_all, against = precision_of(confusion, HATE), precision_of(confusion, HATE, NORMAL)
    assert (over_all.right, over_all.found, over_all.wanted) == (6, 10, 9)
    assert (against.right, against.found, against.wanted) == (6, 7, 8)
