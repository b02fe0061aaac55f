"""k-fold cross-validation of the encoder recipe on a file in the published format: every fold is measured by an encoder without it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer

from models.embedder import encode
from models.errors import ModelError
from models.evaluation.similarity import Array, compare
from models.loader import choose_device, load_encoder
from models.profile import Profile
from models.settings import ModelSettings
from models.sources import quieten_libraries
from models.training.csv_rows import read_csv
from models.training.encoder import train_encoder
from models.training.encoder_data import (
    CATEGORIES,
    EthicsSentence,
    Pair,
    ethics_pairs,
    read_ethics_csv,
    read_memory_csv,
)
from models.training.encoder_run import EncoderOptions
from models.training.progress import Note, Stage

PUBLISHED = {
    "memory": {"n": 1600, "mse": 0.0355, "mae": 0.1280, "corr": 0.7449},
    "ethics": {"n": 190, "accuracy": 0.9632, "mse": 0.0138, "mae": 0.0261, "corr": 0.9568},
}
"""The figures of the original Oh-LoRA on its own test rows (behaviour.md, sections 4 and 5); its encoders are fine-tuned RoBERTas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What one encoder is trained on, and the pairs that it is measured on.

    For ethics the test pairs are each sentence with every category, in the order of `CATEGORIES`.
    """

    training: Sequence[Pair]
    test: Sequence[Pair]


def cross_validate(
    profile: Profile, task: str, data: Path, folds: int, options: EncoderOptions, stage: Stage, note: Note
) -> dict[str, Any]:
    """Train and measure an encoder for each fold; return the figures of each fold, of all together, and the published ones.

    Raises:
        CorpusError: the file breaks its format. ModelError: no such task, too few rows for so many folds, or the training failed.
    """
    quieten_libraries()
    if task not in PUBLISHED:
        raise ModelError(f"no encoder task {task!r}; choose memory or ethics")
    split = split_ethics if task == "ethics" else split_memory
    parts = split(data, folds, options.seed)
    encoder = profile.encoders[task]
    recipe = options.make_recipe(encoder.training_base, encoder.training_epochs)
    device, _ = choose_device(ModelSettings())
    measured: list[tuple[Array, Array]] = []
    for number, fold in enumerate(parts, 1):
        with tempfile.TemporaryDirectory(prefix="ohlora-fold-") as folder:
            out = Path(folder, "encoder")
            report = stage(f"fold {number} of {folds}")
            train_encoder(fold.training, recipe, out, report, note=note, keep_log=False)
            predicted = _cosines(load_encoder(str(out), device), fold.test)
        measured.append((predicted, np.array([pair.similarity for pair in fold.test], dtype=np.float64)))
    predicted, true = (np.concatenate(arrays) for arrays in zip(*measured, strict=True))
    return {
        "task": task,
        "base": options.base or encoder.training_base or "hashed n-grams",
        "folds": [_figures(task, *arrays) for arrays in measured],
        "all": _figures(task, predicted, true),
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
        parts.append(Fold(training=ethics_pairs(training, copies=4, seed=seed), test=_with_categories(test)))
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


def _with_categories(sentences: Sequence[EthicsSentence]) -> list[Pair]:
    return [
        Pair(first=sentence.text, second=name, similarity=float(name == sentence.category))
        for sentence in sentences
        for name in CATEGORIES
    ]


def _cosines(encoder: SentenceTransformer, pairs: Sequence[Pair]) -> Array:
    """Return the cosine of each pair, shape (pairs,)."""
    first = encode(encoder, [pair.first for pair in pairs])
    second = encode(encoder, [pair.second for pair in pairs])
    cosines: Array = (first * second).sum(axis=1).astype(np.float64)
    return cosines


def _figures(task: str, predicted: Array, true: Array) -> dict[str, Any]:
    """Return the figures of cosines and true similarities; for ethics `n` counts sentences."""
    figures = compare(predicted, true)
    named = {"mse": figures.mse, "mae": figures.mae, "corr": figures.corr}
    if task == "memory":
        return {"n": len(true), **named}
    right = predicted.reshape(-1, len(CATEGORIES)).argmax(axis=1) == true.reshape(-1, len(CATEGORIES)).argmax(axis=1)
    return {"n": len(right), "accuracy": round(float(right.mean()), 5), **named}
