"""The command `train adapter`: train from a dialogue CSV or from interviews, or, where the adapter exists, answer the validation prompts with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from models.errors import ModelError
from models.interview_bank import load_bank
from models.loader import choose_device, fetch_model, load_base
from models.profile import INTERVIEW_ADAPTER, AdapterProfile, AdapterTraining, Profile
from models.settings import ModelSettings
from models.sources import model_type, name_source, quieten_libraries
from models.training.adapter import train_adapter
from models.training.answers import AdapterValidation, answer_prompts, exact_share
from models.training.dialogue_rows import read_csv_rows
from models.training.examples import make_examples, with_synonyms
from models.training.interview_rows import interview_examples, read_rows
from models.training.progress import Note, Stage
from models.training.target_modules import fit_target_modules
from models.training.training_log import LOG_NAME, last_validation

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterOptions:
    """What may differ from the profile's recipe; None and nothing leave it as it is.

    `base` is a folder or a Hugging Face id. `train_rows` and `valid_rows` take that many rows of each kind from the top of the file.
    """

    rank: int | None = None
    alpha: int | None = None
    dropout: float | None = None
    epochs: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    gradient_accumulation: int | None = None
    target_modules: tuple[str, ...] = ()
    base: str = ""
    train_rows: int | None = None
    valid_rows: int | None = None
    with_unsloth: bool = False
    seed: int = 7

    def change(self, recipe: AdapterTraining, architecture: str = "") -> AdapterTraining:
        """Return `recipe` with these options; its target modules are fitted to `architecture`, unless they are given here."""
        names = ("rank", "alpha", "dropout", "epochs", "learning_rate", "batch_size", "gradient_accumulation")
        changes = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        modules = self.target_modules or fit_target_modules(recipe.target_modules, architecture)
        return replace(recipe, **changes, target_modules=modules)


def run_adapter(
    profile: Profile, name: str, data: Path, out: Path, options: AdapterOptions, stage: Stage, note: Note
) -> dict[str, Any]:
    """Train adapter `name` of `profile` into `out`, or answer with the one that is there; return what the command prints.

    Raises:
        CorpusError: the data file breaks its format. ModelError: no recipe, too few rows, `out` is no adapter, or the training failed.
    """
    quieten_libraries()
    adapter = profile.adapters.get(name)
    if adapter is None or adapter.training is None:
        raise ModelError(f"profile {profile.name} has no recipe for {name!r}; choose {', '.join(profile.adapters)}")
    if out.exists() and not (out / "adapter_config.json").is_file():
        raise ModelError(f"{out} exists and is no adapter; remove it, or give another --out")
    examples, held_out = _read_examples(profile, name, adapter, data, options, swap=not out.exists())
    validation = AdapterValidation(adapter=adapter, examples=held_out) if held_out else None
    base = name_source(options.base) or profile.bases[adapter.base].source
    licence = "" if options.base else profile.bases[adapter.base].licence_notice
    if out.exists():
        return _answer(out, name, base, licence, validation, note)
    if examples and validation is None:
        note(f"{data} has no validation rows for {name}; training goes on without them")
    architecture = model_type(fetch_model(base)) if options.base else ""
    figures = train_adapter(
        base,
        examples,
        options.change(adapter.training, architecture),
        out,
        seed=options.seed,
        report=stage(name),
        note=note,
        validation=validation,
        licence=licence,
        with_unsloth=options.with_unsloth,
    )
    return {"out": str(out), "examples": len(examples), **figures, "validation": last_validation(out / LOG_NAME)}


def _read_examples(
    profile: Profile, name: str, adapter: AdapterProfile, data: Path, options: AdapterOptions, *, swap: bool
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the examples to train on and those to validate with: of interviews, or of a dialogue CSV."""
    if name == INTERVIEW_ADAPTER:
        bank, shown = load_bank(profile.interview.bank), profile.interview.shown_characters
        train, valid = (read_rows(data, bank, split, seed=options.seed) for split in ("train", "valid"))
        train, valid = _take(train, options.train_rows, "train"), _take(valid, options.valid_rows, "valid")
        return interview_examples(train, adapter, shown), interview_examples(valid, adapter, shown)
    assert adapter.training is not None
    rows = _take(read_csv_rows(data, "train"), options.train_rows, "train")
    held_out = make_examples(name, adapter, _take(read_csv_rows(data, "valid"), options.valid_rows, "valid"))
    if swap and adapter.training.swap_synonyms:
        rows = with_synonyms(rows, options.seed)
    return make_examples(name, adapter, rows), held_out


def _take(rows: Sequence[Row], count: int | None, kind: str) -> list[Row]:
    if count is not None and count > len(rows):
        raise ModelError(f"the data file has {len(rows)} {kind} rows, not {count}; lower --{kind}-rows")
    return list(rows[:count])


def _answer(
    out: Path, name: str, base: str, licence: str, validation: AdapterValidation | None, note: Note
) -> dict[str, Any]:
    """Answer the validation prompts with the adapter in `out`; nothing is trained or written."""
    note(f"{out} exists; training is skipped")
    answers = []
    if validation is None:
        note(f"the data file has no validation rows for {name}, so nothing is answered")
    else:
        device, dtype = choose_device(ModelSettings())
        folder = fetch_model(base, note, licence)
        answers = answer_prompts(load_base(name, str(folder), {name: str(out.resolve())}, device, dtype), validation)
        note(f"{exact_share(answers):.0%} of {len(answers)} validation prompts answered to the letter")
    return {"out": str(out), "skipped": True, "answers": [asdict(answer) for answer in answers]}
