"""Train a sentence encoder on pairs of texts and the cosine they should have (Reimers & Gurevych 2019)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import PrinterCallback

from models.errors import ModelError
from models.loader import LOAD_FAILURES, broken_weights
from models.sources import check_safe, fetch, resolve_source
from models.text_features import HashedNgrams
from models.training.encoder_data import Pair
from models.training.progress import Report, ReportCallback
from models.training.target import prepare_target


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRecipe:
    """How an encoder is trained. `base` is a language model to pool by mean; empty means hashed n-grams from nothing."""

    base: str = ""
    epochs: float = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    buckets: int = 16384
    dimensions: int = 128
    hidden: int = 256
    seed: int = 7


def recipe_for(*, base: str, epochs: float, seed: int) -> EncoderRecipe:
    """Return a recipe with the learning rate that suits its kind: small for a language model, larger for new n-grams."""
    return EncoderRecipe(base=base, epochs=epochs, learning_rate=2e-5 if base else 1e-3, seed=seed)


class _Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """Trains without writing a model card, whose examples would draw a bar of their own."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none."""


def make_encoder(recipe: EncoderRecipe) -> SentenceTransformer:
    """Return an untrained encoder of the recipe's kind."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if not recipe.base:
        module = HashedNgrams(buckets=recipe.buckets, dimensions=recipe.dimensions, hidden=recipe.hidden)
        return SentenceTransformer(modules=[module], device=device)
    from sentence_transformers.base.modules import Transformer

    folder = fetch(resolve_source(recipe.base))
    check_safe(folder)
    try:
        transformer = Transformer(str(folder), model_kwargs={"use_safetensors": True})
    except LOAD_FAILURES as error:
        raise broken_weights("base model", folder, error) from error
    return SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_embedding_dimension(), "mean")], device=device
    )


def train_encoder(pairs: Sequence[Pair], recipe: EncoderRecipe, out: Path, report: Report) -> dict[str, float]:
    """Train on `pairs` and write the encoder folder `out`; return steps and the mean loss.

    Raises:
        TargetExists: `out` exists already.
        ModelError: there are no pairs.
    """
    prepare_target(out)
    if not pairs:
        raise ModelError("no training pairs; check the data file and its split")
    torch.manual_seed(recipe.seed)
    encoder = make_encoder(recipe)
    disable_progress_bars()
    data = Dataset.from_dict(
        {
            "sentence1": [pair.first for pair in pairs],
            "sentence2": [pair.second for pair in pairs],
            "score": [pair.similarity for pair in pairs],
        }
    )
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.05,
            save_strategy="no",
            report_to="none",
            logging_steps=20,
            disable_tqdm=True,
            seed=recipe.seed,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        trainer = _Trainer(
            model=encoder,
            args=arguments,
            train_dataset=data,
            loss=CosineSimilarityLoss(encoder),
            callbacks=[ReportCallback(report)],
        )
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
        staged = Path(scratch, "encoder")
        encoder.save(str(staged), create_model_card=False)
        shutil.move(staged, out)
    return {"steps": float(result.global_step), "loss": round(float(result.training_loss), 5)}
