"""What the two interview encoders are trained and measured on: turns with their labels, from interview files or a CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from models.embedder import encode
from models.evaluation.similarity import Array, compare
from models.interview_bank import QuestionBank
from models.interview_text import ANSWER_ENCODER, NEXT_ENCODER
from models.training.encoder_data import Pair
from models.training.interview_rows import InterviewRow, answer_of, encoder_texts, next_of, read_rows

INTERVIEW_TASKS = (ANSWER_ENCODER, NEXT_ENCODER)
COPIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """How well labels were found, by cosine. `mean_diff`: +(first - second) when right, -(first - true) when wrong, on average."""

    n: int
    accuracy: float
    mean_diff: float
    mse: float
    mae: float
    corr: float


def labels_of(task: str, bank: QuestionBank) -> tuple[str, ...]:
    """Return the labels among which the encoder of `task` chooses."""
    return bank.answer_labels if task == ANSWER_ENCODER else bank.question_labels


def turn_pairs(task: str, rows: Sequence[InterviewRow], *, copies: int = COPIES, seed: int = 7) -> list[Pair]:
    """Return the distinct texts of `rows` with their labels, each also with typing noise where `copies` is more than 1."""
    read = answer_of if task == ANSWER_ENCODER else next_of
    texts = encoder_texts(read, rows, copies=copies, seed=seed)
    return [Pair(first=text, second=label, similarity=1.0) for text, label in texts]


def read_turn_pairs(task: str, data: Path, bank: QuestionBank, split: str, *, seed: int = 7) -> list[Pair]:
    """Read the pairs of one split of `data`; only what is trained on is widened with typing noise.

    Raises:
        CorpusError: the data breaks its format.
    """
    return turn_pairs(
        task, read_rows(data, bank, split, seed=seed), copies=COPIES if split == "train" else 1, seed=seed
    )


def label_cosines(encoder: SentenceTransformer, pairs: Sequence[Pair], labels: Sequence[str]) -> Array:
    """Return the cosine of each first text with each label, shape (pairs, labels)."""
    cosines: Array = (encode(encoder, [pair.first for pair in pairs]) @ encode(encoder, labels).T).astype(np.float64)
    return cosines


def label_figures(cosines: Array, true: Sequence[int]) -> LabelFigures:
    """Return the figures of cosines, shape (texts, labels), against the places of the true labels."""
    own = cosines[np.arange(len(true)), list(true)]
    ordered = np.sort(cosines, axis=1)
    first, second = ordered[:, -1], ordered[:, -2]
    right = cosines.argmax(axis=1) == np.array(true)
    close = compare(cosines, np.eye(cosines.shape[1])[list(true)])
    return LabelFigures(
        n=len(true),
        accuracy=round(float(right.mean()), 5),
        mean_diff=round(float(np.where(right, first - second, own - first).mean()), 5),
        mse=close.mse,
        mae=close.mae,
        corr=close.corr,
    )


def measure_labels(encoder: SentenceTransformer, pairs: Sequence[Pair], labels: Sequence[str]) -> dict[str, float]:
    """Return accuracy, Mean_Diff, MSE, MAE and correlation of an encoder in training."""
    figures = label_figures(label_cosines(encoder, pairs, labels), [labels.index(pair.second) for pair in pairs])
    return {name: getattr(figures, name) for name in ("accuracy", "mean_diff", "mse", "mae", "corr")}
