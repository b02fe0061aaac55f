"""The command `train encoder`: train from one file, or, where the encoder exists, measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from models.errors import ModelError
from models.interview_bank import DEFAULT_BANK, load_bank
from models.loader import choose_device, fetch_model, load_encoder
from models.profile import EncoderTraining, Profile
from models.settings import ModelSettings
from models.sources import name_source, quieten_libraries
from models.training.encoder import EncoderRecipe, recipe_for, train_encoder
from models.training.encoder_data import NEGATIVES, is_csv, read_training_pairs
from models.training.encoder_validation import Validate, read_validation
from models.training.interview_encoders import INTERVIEW_TASKS, labels_of, measure_labels, read_turn_pairs
from models.training.key_similarity import KeySimilarity, Target
from models.training.key_target import ONLY_LINES, make_similarity
from models.training.progress import Note, Stage
from models.training.training_log import LOG_NAME, last_validation


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions:
    """What may differ from the profile's recipe; None and nothing leave it. `base` is a folder or a Hugging Face id.

    `bank` is the question bank whose labels the interview encoders choose among. `target`, `reference_encoder` and `negatives` say how
    pairs are made of memory lines (`key_target`, `memory_pairs`).
    """

    base: str = ""
    epochs: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    bank: str = DEFAULT_BANK
    target: Target | None = None
    reference_encoder: str = ""
    negatives: int | Literal["all"] | None = None
    seed: int = 7

    def make_recipe(self, task: str, training: EncoderTraining) -> EncoderRecipe:
        """Return the recipe of a profile for `task` with these options; under another base only its epochs stay."""
        if self.base:
            training = EncoderTraining(base=name_source(self.base), epochs=training.epochs)
        options = {"epochs": self.epochs, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        return recipe_for(replace(training, **given), reads_turns=task in INTERVIEW_TASKS, seed=self.seed)

    @property
    def most_negatives(self) -> int | None:
        """How many messages that are not alike each memory is paired with; None for all."""
        return None if self.negatives == "all" else NEGATIVES if self.negatives is None else self.negatives

    def make_similarity(self, task: str, files: Sequence[Path], note: Note) -> KeySimilarity | None:
        """Return how alike the keys of the memory lines in `files` are; None where there are no lines among them.

        Raises:
            ModelError: an option does not suit the others or the files, or the reference encoder cannot be loaded.
        """
        lines = task == "memory" and not all(is_csv(file) for file in files)
        if not lines and (self.target or self.reference_encoder or self.negatives is not None):
            raise ModelError(f"--target, --reference-encoder and --negatives {ONLY_LINES}")
        return make_similarity(files, self.target, self.reference_encoder, note) if lines else None


def run_encoder(
    profile: Profile,
    task: str,
    data: Path,
    validation: Path | None,
    out: Path,
    options: EncoderOptions,
    stage: Stage,
    note: Note,
) -> dict[str, Any]:
    """Train the encoder of `task` into `out`, or measure the one that is there; return what the command prints.

    Raises:
        CorpusError: a file breaks its format. ModelError: no such task, `out` is no encoder, or the training failed.
    """
    quieten_libraries()
    encoder = profile.encoders.get(task)
    if encoder is None:
        raise ModelError(f"no encoder task {task!r}; choose {', '.join(profile.encoders)}")
    if out.exists() and not (out / "modules.json").is_file():
        raise ModelError(f"{out} exists and is no sentence encoder; remove it, or give another --out")
    keys = options.make_similarity(task, [data, *([validation] if validation else [])], note)
    labels: tuple[str, ...] = ()
    validate: Validate | None
    if task in INTERVIEW_TASKS:
        bank = load_bank(options.bank)
        labels = labels_of(task, bank)
        test = read_turn_pairs(task, validation or data, bank, "all" if validation else "valid")
        validate = partial(measure_labels, pairs=test, labels=labels) if test else None
    else:
        validate = read_validation(task, data, validation, keys)
    if out.exists():
        return _measure(out, validate, note)
    if labels:
        pairs = read_turn_pairs(task, data, bank, "train", seed=options.seed)
    else:
        pairs = read_training_pairs(task, data, seed=options.seed, keys=keys, negatives=options.most_negatives)
    if pairs and validate is None:
        note("there are no validation rows; training goes on without them")
    recipe = options.make_recipe(task, encoder.training)
    figures = train_encoder(pairs, recipe, out, stage(f"{task} encoder"), labels=labels, note=note, validate=validate)
    return {"out": str(out), "pairs": len(pairs), **figures, "validation": last_validation(out / LOG_NAME)}


def _measure(out: Path, validate: Validate | None, note: Note) -> dict[str, Any]:
    """Measure the encoder in `out`; nothing is trained or written."""
    note(f"{out} exists; training is skipped")
    figures = None
    if validate is None:
        note("there are no validation rows, so nothing is measured")
    else:
        device, _ = choose_device(ModelSettings())
        figures = validate(load_encoder(str(fetch_model(str(out.resolve()), note)), device))
    return {"out": str(out), "skipped": True, "validation": figures}
