"""Train a sentence encoder on pairs of texts and the cosine they should have (Reimers & Gurevych 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from safetensors.torch import load_model, save_model
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss, MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Pooling

from models.errors import ModelError
from models.loader import LOAD_FAILURES, broken_weights, fetch_model
from models.profile import EncoderTraining
from models.text_features import HashedNgrams
from models.training.encoder_data import Pair
from models.training.encoder_validation import Validate
from models.training.label_loss import LabelLoss
from models.training.progress import Note, Report, ReportCallback, ignore_note
from models.training.relevance import Triple
from models.training.run_folder import RunFolder, make_stamp, open_run
from models.training.target import prepare_target
from models.training.training_log import CURVES_NAME, LOG_NAME, TrainingLog, mean_loss

_MOST_RECORDS = 200  # about so many lines of a log, however long the run
_WEIGHTS = "weights.safetensors"  # of a checkpoint


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
    reading: str = "message"
    max_features: int = 1024
    feature_dropout: float = 0.5
    seed: int = 7


_MESSAGES = EncoderRecipe()
_TURNS = EncoderRecipe(reading="turn", max_features=2048, buckets=8192, dimensions=32, hidden=64, learning_rate=1e-2)
_LINES = EncoderRecipe(reading="dialogue", batch_size=384, learning_rate=1e-2, feature_dropout=0.3)
_POOLED = EncoderRecipe(learning_rate=2e-5)
_SCALE = 16.0  # of the cosines among which the right line is to be the largest


def recipe_for(
    training: EncoderTraining, *, reads_turns: bool = False, reads_dialogue: bool = False, seed: int = 7
) -> EncoderRecipe:
    """Return the recipe of a profile, filled up with what suits its kind.

    The kinds are new n-grams of messages; with `reads_turns` new n-grams that read questions and answers of interviews apart; with
    `reads_dialogue` such as read messages and her lines apart; a language model, which wants a small learning rate.
    """
    new = _TURNS if reads_turns else _LINES if reads_dialogue else _MESSAGES
    kind = _POOLED if training.base else new
    given = {name: value for name, value in asdict(training).items() if value is not None}
    return replace(kind, **given, seed=seed)


class _Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """Trains without writing a model card, whose examples would draw a bar of their own."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none."""

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Write the weights of a checkpoint as they are; the encoder's own file may round them."""
        file = Path(output_dir or self.args.output_dir, _WEIGHTS)
        file.parent.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(file))

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        """Read what `_save` wrote."""
        load_model(self.model, Path(checkpoint_path, _WEIGHTS))


def make_encoder(recipe: EncoderRecipe, note: Note = ignore_note) -> SentenceTransformer:
    """Return an untrained encoder of the recipe's kind; `note` gets the licence notice of its base."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if not recipe.base:
        module = HashedNgrams(
            buckets=recipe.buckets,
            dimensions=recipe.dimensions,
            hidden=recipe.hidden,
            max_features=recipe.max_features,
            feature_dropout=recipe.feature_dropout,
            reading=recipe.reading,
        )
        module.remember()
        return SentenceTransformer(modules=[module], device=device)
    from sentence_transformers.base.modules import Transformer

    folder = fetch_model(recipe.base, note)
    try:
        transformer = Transformer(str(folder), model_kwargs={"use_safetensors": True})
    except LOAD_FAILURES as error:
        raise broken_weights("base model", folder, error) from error
    return SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_embedding_dimension(), "mean")], device=device
    )


def train_encoder(
    pairs: Sequence[Pair],
    recipe: EncoderRecipe,
    out: Path,
    report: Report,
    *,
    labels: Sequence[str] = (),
    note: Note = ignore_note,
    validate: Validate | None = None,
    beside: Sequence[str] = (LOG_NAME, CURVES_NAME),
) -> dict[str, float]:
    """Train on `pairs` and write the encoder folder `out`; return steps and the mean loss.

    With `labels` the second text of each pair is one of them, and the encoder learns to choose it among all (`label_loss`).
    The run can be interrupted and repeated (`run_folder`). Each epoch ends with the figures of `validate`. Of log and curves those
    named in `beside` stay in the folder.

    Raises:
        TargetExists: `out` exists already.
        ModelError: there are no pairs, the base cannot be loaded, or the folder of another run is in the way.
    """
    prepare_target(out)
    if not pairs:
        raise ModelError("no training pairs; check the data file and its split")
    torch.manual_seed(recipe.seed)
    encoder = make_encoder(recipe, note)
    with open_run(out, make_stamp("encoder", recipe, list(pairs), *labels), note) as run:
        loss = LabelLoss(encoder, labels) if labels else CosineSimilarityLoss(encoder)
        data = _labelled(pairs, labels) if labels else _dataset(pairs)
        return _fit(run, encoder, recipe, data, loss, report, validate, beside)


def train_on_triples(
    triples: Sequence[Triple], recipe: EncoderRecipe, out: Path, report: Report, *, note: Note = ignore_note
) -> dict[str, float]:
    """Train an encoder to tell the line that answers a message from all others, and write the folder `out`; return steps and mean loss.

    Raises:
        TargetExists: `out` exists already.
        ModelError: there are no triples, the base cannot be loaded, or the folder of another run is in the way.
    """
    prepare_target(out)
    if not triples:
        raise ModelError("no training rows; check the data")
    torch.manual_seed(recipe.seed)
    encoder = make_encoder(recipe, note)
    disable_progress_bars()
    data = Dataset.from_list([asdict(triple) for triple in triples])
    with open_run(out, make_stamp("encoder", recipe, list(triples)), note) as run:
        loss = MultipleNegativesRankingLoss(encoder, scale=_SCALE)
        return _fit(run, encoder, recipe, data, loss, report, None, (LOG_NAME,))


def _fit(
    run: RunFolder,
    encoder: SentenceTransformer,
    recipe: EncoderRecipe,
    data: Dataset,
    loss: torch.nn.Module,
    report: Report,
    validate: Validate | None,
    beside: Sequence[str],
) -> dict[str, float]:
    log = TrainingLog(run.path)
    trainer = _Trainer(
        model=encoder,
        args=_arguments(recipe, run.path, len(data), validates=validate is not None),
        train_dataset=data,
        evaluator=_Evaluator(validate) if validate else None,
        loss=loss,
        callbacks=[log, ReportCallback(report)],
    )
    run.train(trainer)
    run.finish(lambda staged: encoder.save(str(staged), create_model_card=False), beside)
    return {"steps": float(trainer.state.global_step), "loss": round(mean_loss(log.records), 5)}


class _Evaluator(SentenceEvaluator):  # type: ignore[misc]
    """Hands the encoder in training to a `Validate`."""

    def __init__(self, validate: Validate) -> None:
        """Ask `validate`."""
        super().__init__()
        self._validate = validate

    def __call__(self, model: SentenceTransformer, *_: Any, **__: Any) -> dict[str, float]:
        """Return the figures."""
        return self._validate(model)


def _dataset(pairs: Sequence[Pair]) -> Dataset:
    disable_progress_bars()
    return Dataset.from_dict(
        {
            "sentence1": [pair.first for pair in pairs],
            "sentence2": [pair.second for pair in pairs],
            "score": [pair.similarity for pair in pairs],
        }
    )


def _labelled(pairs: Sequence[Pair], labels: Sequence[str]) -> Dataset:
    disable_progress_bars()
    place = {label: index for index, label in enumerate(labels)}
    return Dataset.from_dict(
        {"sentence1": [pair.first for pair in pairs], "label": [place[pair.second] for pair in pairs]}
    )


def _arguments(
    recipe: EncoderRecipe, folder: Path, pairs: int, *, validates: bool
) -> SentenceTransformerTrainingArguments:
    steps = pairs / recipe.batch_size * recipe.epochs
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        save_strategy="epoch",
        save_total_limit=2,
        eval_strategy="epoch" if validates else "no",
        report_to="none",
        logging_steps=max(20, int(steps / _MOST_RECORDS)),
        disable_tqdm=True,
        seed=recipe.seed,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )
