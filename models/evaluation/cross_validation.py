"""k-fold cross-validation of the encoder recipe on a file in the published format: every fold is measured by an encoder without it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer

from models.embedder import encode
from models.errors import ModelError
from models.evaluation.interview import PUBLISHED as PUBLISHED_INTERVIEW
from models.evaluation.similarity import Array, compare
from models.interview_bank import QuestionBank, load_bank
from models.loader import choose_device, load_encoder
from models.profile import EncoderTraining, Profile
from models.settings import ModelSettings
from models.sources import quieten_libraries
from models.training.csv_rows import read_csv
from models.training.encoder import train_encoder
from models.training.encoder_data import (
    CATEGORIES,
    Pair,
    ethics_pairs,
    read_ethics_csv,
    read_memory_csv,
)
from models.training.encoder_run import EncoderOptions
from models.training.interview_encoders import INTERVIEW_TASKS, label_figures, labels_of, turn_pairs
from models.training.interview_rows import read_rows
from models.training.progress import Note, Stage

PUBLISHED = {
    "memory": {"n": 1600, "mse": 0.0355, "mae": 0.1280, "corr": 0.7449},
    "ethics": {"n": 190, "accuracy": 0.9632, "mse": 0.0138, "mae": 0.0261, "corr": 0.9568},
    **PUBLISHED_INTERVIEW,
}
"""The figures of the original Oh-LoRA on its own test rows (behaviour.md, sections 4, 5 and 7); its encoders are fine-tuned RoBERTas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What one encoder is trained on, and the pairs that it is measured on.

    With `labels` the test pairs are each text with every label in their order, and training pairs, but for ethics, only with the own one.
    """

    training: Sequence[Pair]
    test: Sequence[Pair]
    labels: Sequence[str] = ()


def cross_validate(
    profile: Profile, task: str, data: Path, folds: int, options: EncoderOptions, stage: Stage, note: Note
) -> dict[str, Any]:
    """Train and measure an encoder for each fold; return the figures of each fold, of all together, and the published ones.

    Raises:
        CorpusError: the file breaks its format. ModelError: no such task, too few rows for so many folds, or the training failed.
    """
    quieten_libraries()
    if task not in PUBLISHED:
        raise ModelError(f"no encoder task {task!r}; choose {', '.join(PUBLISHED)}")
    if task in INTERVIEW_TASKS:
        parts = split_turns(task, data, load_bank(options.bank), folds, options.seed)
    else:
        parts = (split_ethics if task == "ethics" else split_memory)(data, folds, options.seed)
    training = profile.encoders[task].training if task in profile.encoders else EncoderTraining()
    recipe = options.make_recipe(task, training)
    device, _ = choose_device(ModelSettings())
    measured: list[tuple[Array, Array]] = []
    for number, fold in enumerate(parts, 1):
        with tempfile.TemporaryDirectory(prefix="ohlora-fold-") as folder:
            out = Path(folder, "encoder")
            report = stage(f"fold {number} of {folds}")
            chosen = fold.labels if task in INTERVIEW_TASKS else ()
            train_encoder(fold.training, recipe, out, report, labels=chosen, note=note, beside=())
            predicted = _cosines(load_encoder(str(out), device), fold.test)
        measured.append((predicted, np.array([pair.similarity for pair in fold.test], dtype=np.float64)))
    predicted, true = (np.concatenate(arrays) for arrays in zip(*measured, strict=True))
    labels = parts[0].labels
    return {
        "task": task,
        "base": recipe.base or f"hashed n-grams in {recipe.buckets:,} rows of {recipe.dimensions}",
        "epochs": recipe.epochs,
        "folds": [_figures(task, labels, *arrays) for arrays in measured],
        "all": _figures(task, labels, predicted, true),
        "published": PUBLISHED[task],
    }


def split_ethics(data: Path, folds: int, seed: int) -> list[Fold]:
    """Return folds of the distinct sentences, shuffled; each is trained on as `train encoder` does it."""
    sentences = list(dict.fromkeys(read_ethics_csv(data, "all")))
    _check_count(data, "sentences", len(sentences), folds)
    random.Random(seed).shuffle(sentences)
    parts = []
    for number in range(folds):
        test = sentences[number::folds]
        held_out = {sentence.text for sentence in test}
        training = [sentence for sentence in sentences if sentence.text not in held_out]
        parts.append(
            Fold(
                training=ethics_pairs(training, copies=4, seed=seed),
                test=_with_labels([(sentence.text, sentence.category) for sentence in test], CATEGORIES),
                labels=CATEGORIES,
            )
        )
    return parts


def split_turns(task: str, data: Path, bank: QuestionBank, folds: int, seed: int) -> list[Fold]:
    """Return folds of the interview turns, shuffled; a text of the fold is taught by no turn outside it either."""
    rows = read_rows(data, bank, "all", seed=seed)
    texts = turn_pairs(task, rows, copies=1)
    _check_count(data, "turns", len(texts), folds)
    random.Random(seed).shuffle(rows)
    labels = labels_of(task, bank)
    parts = []
    for number in range(folds):
        test = turn_pairs(task, rows[number::folds], copies=1)
        held_out = {pair.first for pair in test}
        others = [row for place, row in enumerate(rows) if place % folds != number]
        training = [pair for pair in turn_pairs(task, others, seed=seed) if pair.first not in held_out]
        wanted = [(pair.first, pair.second) for pair in test]
        parts.append(Fold(training=training, test=_with_labels(wanted, labels), labels=labels))
    return parts


def split_memory(data: Path, folds: int, seed: int) -> list[Fold]:
    """Return folds of the `[key: value] message` lines that the pairs were made of, shuffled.

    Pairs of two lines of the fold are its test, pairs of two other lines its training; mixed pairs are in neither.
    """
    rows = read_csv(data, ("memory_0", "user_prompt_0", "memory_1", "user_prompt_1"))
    sources = [((row["memory_0"], row["user_prompt_0"]), (row["memory_1"], row["user_prompt_1"])) for row in rows]
    pairs = read_memory_csv(data)
    lines = list(dict.fromkeys(line for both in sources for line in both))
    _check_count(data, "memory lines", len(lines), folds)
    random.Random(seed).shuffle(lines)
    parts = []
    for number in range(folds):
        held_out = set(lines[number::folds])
        inside = [sum(line in held_out for line in both) for both in sources]
        fold = Fold(
            training=[pair for pair, count in zip(pairs, inside, strict=True) if count == 0],
            test=[pair for pair, count in zip(pairs, inside, strict=True) if count == 2],
        )
        if not fold.test:
            raise ModelError(f"{data} has no pair of two lines of fold {number + 1}; choose fewer --folds")
        parts.append(fold)
    return parts


def _check_count(data: Path, what: str, count: int, folds: int) -> None:
    if not 2 <= folds <= count:
        raise ModelError(f"{data} has {count} {what}, which make no {folds} folds; give --folds from 2 to {count}")


def _with_labels(texts: Sequence[tuple[str, str]], labels: Sequence[str]) -> list[Pair]:
    return [Pair(first=text, second=label, similarity=float(label == own)) for text, own in texts for label in labels]


def _cosines(encoder: SentenceTransformer, pairs: Sequence[Pair]) -> Array:
    """Return the cosine of each pair, shape (pairs,)."""
    first = encode(encoder, [pair.first for pair in pairs])
    second = encode(encoder, [pair.second for pair in pairs])
    cosines: Array = (first * second).sum(axis=1).astype(np.float64)
    return cosines


def _figures(task: str, labels: Sequence[str], predicted: Array, true: Array) -> dict[str, Any]:
    """Return the figures of cosines and true similarities; where there are labels, `n` counts texts."""
    if not labels:
        figures = compare(predicted, true)
        return {"n": len(true), "mse": figures.mse, "mae": figures.mae, "corr": figures.corr}
    places = true.reshape(-1, len(labels)).argmax(axis=1).tolist()
    named = asdict(label_figures(predicted.reshape(-1, len(labels)), places))
    return named if task in INTERVIEW_TASKS else {name: named[name] for name in named if name != "mean_diff"}
