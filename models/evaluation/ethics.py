"""Evaluate the ethics encoder on labelled sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from models.errors import ModelError
from models.evaluation.similarity import compare
from models.training.encoder_data import CATEGORIES, EthicsSentence
from models.types import TextEmbedder

Sanctioned = Callable[[Mapping[str, float]], Sequence[str]]


async def evaluate_ethics(
    embedder: TextEmbedder, sentences: Sequence[EthicsSentence], sanctioned: Sanctioned, *, normal: str = "일반"
) -> dict[str, Any]:
    """Return accuracy, MSE, MAE and correlation over all five scores, the confusion matrix, and what would be sanctioned.

    `sanctioned` gives the categories that the policy would act on for given scores. `false_sanctions` counts normal sentences with
    any; `missed` counts sentences of another category without their own. `confusion[true][predicted]` counts sentences.

    Raises:
        ModelError: there are no sentences.
    """
    if not sentences:
        raise ModelError("no sentences in this split; check the file and --split")
    labels = await embedder.embed("ethics", CATEGORIES)
    rows = await embedder.embed("ethics", [sentence.text for sentence in sentences])
    scores = (rows @ labels.T).astype(np.float64)
    truth = np.array([CATEGORIES.index(sentence.category) for sentence in sentences])
    predicted = scores.argmax(axis=1)
    confusion = {
        true: {name: int(((truth == i) & (predicted == j)).sum()) for j, name in enumerate(CATEGORIES)}
        for i, true in enumerate(CATEGORIES)
    }
    acted = [set(sanctioned(dict(zip(CATEGORIES, map(float, row), strict=True)))) for row in scores]
    false_sanctions = [s.text for s, found in zip(sentences, acted, strict=True) if s.category == normal and found]
    missed = [
        s.text for s, found in zip(sentences, acted, strict=True) if s.category != normal and s.category not in found
    ]
    figures = compare(scores, np.eye(len(CATEGORIES))[truth])
    return {
        "n": len(sentences),
        "accuracy": round(float((predicted == truth).mean()), 5),
        "mse": figures.mse,
        "mae": figures.mae,
        "corr": figures.corr,
        "confusion": confusion,
        "normal": int((truth == CATEGORIES.index(normal)).sum()),
        "false_sanctions": len(false_sanctions),
        "missed": len(missed),
        "false_sanction_texts": false_sanctions,
        "missed_texts": missed,
    }
