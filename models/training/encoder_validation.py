"""Measure a sentence encoder on held-out rows, at each epoch's end and by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from models.embedder import encode
from models.evaluation.similarity import SimilarityFigures, compare
from models.training.encoder_data import CATEGORIES, EthicsSentence, Pair, read_ethics_csv, read_test_pairs
from models.training.key_similarity import KeySimilarity
from models.types import Embeddings

Validate = Callable[[SentenceTransformer], dict[str, float]]


def read_validation(
    task: str, data: Path, validation: Path | None, keys: KeySimilarity | None = None
) -> Validate | None:
    """Return what measures an encoder of `task`; None where nothing is held out.

    Ethics: the rows of type `test` of `validation`, else of the training file. Memory: the pairs of `validation`, of lines alike by `keys`.

    Raises:
        CorpusError: the file breaks its format.
    """
    if task == "ethics":
        sentences = read_ethics_csv(validation or data, "test")
        return partial(measure_ethics, sentences=sentences) if sentences else None
    pairs = read_test_pairs(validation, keys) if validation else []
    return partial(measure_memory, pairs=pairs) if pairs else None


def measure_ethics(encoder: SentenceTransformer, sentences: Sequence[EthicsSentence]) -> dict[str, float]:
    """Return accuracy, and MSE, MAE and correlation over the scores of all five categories."""
    scores = (encode(encoder, [each.text for each in sentences]) @ encode(encoder, CATEGORIES).T).astype(np.float64)
    truth = np.array([CATEGORIES.index(each.category) for each in sentences])
    accuracy = round(float((scores.argmax(axis=1) == truth).mean()), 5)
    return {"accuracy": accuracy, **_named(compare(scores, np.eye(len(CATEGORIES))[truth]))}


def measure_memory(encoder: SentenceTransformer, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return MSE, MAE and correlation of the cosines with the true similarities."""
    first, second = _rows(encoder, [pair.first for pair in pairs]), _rows(encoder, [pair.second for pair in pairs])
    true = np.array([pair.similarity for pair in pairs], dtype=np.float64)
    return _named(compare((first * second).sum(axis=1).astype(np.float64), true))


def _rows(encoder: SentenceTransformer, texts: Sequence[str]) -> Embeddings:
    """Encode each distinct text once."""
    distinct = list(dict.fromkeys(texts))
    place = {text: index for index, text in enumerate(distinct)}
    return encode(encoder, distinct)[[place[text] for text in texts]]


def _named(figures: SimilarityFigures) -> dict[str, float]:
    return {"mse": figures.mse, "mae": figures.mae, "corr": figures.corr}
