"""Evaluate the ethics encoder on labelled sentences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError
from models.evaluation.precision import PrecisionRecall
from models.evaluation.similarity import Array, compare
from models.training.encoder_data import CATEGORIES, EthicsSentence
from models.types import TextEmbedder

Sanctioned = Callable[[Mapping[str, float]], Sequence[str]]
"""Gives the categories that the policy would act on for given scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EthicsScores:
    """Labelled sentences, their cosines with the category names, and the categories that the policy would act on.

    `cosines` has the shape (sentences, categories), in the order of `CATEGORIES`; `normal` names the category that is no offence.
    """

    sentences: Sequence[EthicsSentence]
    cosines: Array
    offences: Sequence[frozenset[str]]
    normal: str

    @property
    def true(self) -> npt.NDArray[np.intp]:
        """The index of each sentence's own category."""
        return np.array([CATEGORIES.index(sentence.category) for sentence in self.sentences])

    @property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The index of each sentence's highest cosine."""
        predicted: npt.NDArray[np.intp] = self.cosines.argmax(axis=1)
        return predicted

    def confusion(self) -> dict[str, dict[str, int]]:
        """Count sentences as `[true][predicted]`."""
        true, predicted = self.true, self.predicted
        return {
            name: {other: int(((true == i) & (predicted == j)).sum()) for j, other in enumerate(CATEGORIES)}
            for i, name in enumerate(CATEGORIES)
        }

    def among(self, chosen: Collection[EthicsSentence]) -> EthicsScores:
        """Return the scores of the sentences that are among `chosen`."""
        places = [index for index, sentence in enumerate(self.sentences) if sentence in chosen]
        return replace(
            self,
            sentences=[self.sentences[index] for index in places],
            cosines=self.cosines[places],
            offences=[self.offences[index] for index in places],
        )

    def is_false_sanction(self, index: int) -> bool:
        """Tell whether a normal sentence would be sanctioned."""
        return self.sentences[index].category == self.normal and bool(self.offences[index])

    def is_missed(self, index: int) -> bool:
        """Tell whether a sentence would not be sanctioned for its own category."""
        category = self.sentences[index].category
        return category != self.normal and category not in self.offences[index]


async def score_ethics(
    embedder: TextEmbedder, sentences: Sequence[EthicsSentence], sanctioned: Sanctioned, *, normal: str = "일반"
) -> EthicsScores:
    """Embed the sentences and the category names, and ask `sanctioned` about each sentence.

    Raises:
        ModelError: there are no sentences.
    """
    if not sentences:
        raise ModelError("no sentences in this split; check the file and --split")
    labels = await embedder.embed("ethics", CATEGORIES)
    rows = await embedder.embed("ethics", [sentence.text for sentence in sentences])
    cosines = (rows @ labels.T).astype(np.float64)
    offences = [frozenset(sanctioned(dict(zip(CATEGORIES, map(float, row), strict=True)))) for row in cosines]
    return EthicsScores(sentences=sentences, cosines=cosines, offences=offences, normal=normal)


def ethics_figures(scores: EthicsScores) -> dict[str, Any]:
    """Return accuracy, MSE, MAE and correlation over all five scores, the confusion matrix, and what would be sanctioned.

    `false_sanctions` counts normal sentences with any offence; `caught` and `missed` count sentences of another category with and
    without their own. `confusion[true][predicted]` counts sentences.
    """
    true = scores.true
    texts = [sentence.text for sentence in scores.sentences]
    false_sanctions = [text for index, text in enumerate(texts) if scores.is_false_sanction(index)]
    missed = [text for index, text in enumerate(texts) if scores.is_missed(index)]
    normal = sum(sentence.category == scores.normal for sentence in scores.sentences)
    figures = compare(scores.cosines, np.eye(len(CATEGORIES))[true])
    return {
        "n": len(texts),
        "accuracy": round(float((scores.predicted == true).mean()), 5),
        "mse": figures.mse,
        "mae": figures.mae,
        "corr": figures.corr,
        "confusion": scores.confusion(),
        "normal": normal,
        "sanctionable": len(texts) - normal,
        "false_sanctions": len(false_sanctions),
        "caught": len(texts) - normal - len(missed),
        "missed": len(missed),
        "false_sanction_texts": false_sanctions,
        "missed_texts": missed,
    }


def precision_of(confusion: Mapping[str, Mapping[str, int]], category: str, *others: str) -> PrecisionRecall:
    """Count right, found and wanted of `category` in a confusion matrix, among it and `others` only where these are given."""
    among = (category, *others) if others else tuple(confusion)
    return PrecisionRecall(
        right=confusion[category][category],
        found=sum(confusion[true][category] for true in among),
        wanted=sum(confusion[category][predicted] for predicted in among),
    )
