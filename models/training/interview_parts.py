"""The parts of the embedded weights that interviews need: two encoders and the interviewer adapter, from the text in `models/data/interview`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.interview_bank import DEFAULT_BANK, load_bank
from models.profile import INTERVIEW_ADAPTER, INTERVIEW_ENCODERS, WEIGHTS_DIR, Profile, load_profile
from models.training.adapter import train_adapter
from models.training.dialogue_files import DATA_DIR
from models.training.encoder import recipe_for, train_encoder
from models.training.interview_encoders import labels_of, read_turn_pairs
from models.training.interview_rows import interview_examples, read_rows
from models.training.manifest import INTERVIEW
from models.training.progress import Stage
from models.training.training_log import LOG_NAME
from models.training.weight_parts import WeightPart, retrain

EXAMPLES = 2400
"""How many examples the interviewer adapter reads."""


def interview_parts(
    profile: Profile, base: Path, data: Path = DATA_DIR, *, seed: int = 7, examples: int = EXAMPLES
) -> Iterator[WeightPart]:
    """Yield the parts; none where `data` holds no interviews of the profile's bank or the profile has no recipe for them.

    Raises:
        BankError: the bank is broken. CorpusError: the text is broken.
    """
    folder = data / INTERVIEW / DEFAULT_BANK
    if not folder.is_dir() or not profile.can_interview:
        return
    bank = load_bank(DEFAULT_BANK)
    for task in INTERVIEW_ENCODERS:
        pairs = read_turn_pairs(task, folder, bank, "train", seed=seed)
        recipe = recipe_for(profile.encoders[task].training, reads_turns=True, seed=seed)
        labels = labels_of(task, bank)
        train = partial(train_encoder, pairs, recipe, labels=labels, beside=(LOG_NAME,))
        yield WeightPart(name=f"encoder {task}", folder=f"encoders/{task}", train=train)
    adapter = profile.adapters[INTERVIEW_ADAPTER]
    assert adapter.training is not None
    rows = read_rows(folder, bank, "train", seed=seed)
    found = interview_examples(rows, adapter, profile.interview.shown_characters, seed=seed)
    chosen = random.Random(seed).sample(found, min(examples, len(found)))
    to_folder = partial(train_adapter, str(base), chosen, adapter.training)
    kept = {"base_name": profile.bases[adapter.base].source, "in_bfloat16": True, "with_tokenizer": False}
    yield WeightPart(
        name=f"adapter {INTERVIEW_ADAPTER}",
        folder=f"adapters/{INTERVIEW_ADAPTER}",
        train=partial(to_folder, seed=seed, keep_log=False, **kept),
    )


def train_interview(
    stage: Stage, only: str = "", weights: Path = WEIGHTS_DIR / "embedded", data: Path = DATA_DIR
) -> dict[str, Any]:
    """Train the interview parts whose name holds `only` over the base in `weights`, and put them in their places there.

    The manifest is written anew and returned.

    Raises:
        ModelError: there are no such parts, no weights, a part cannot be trained, or all of it takes more than may ship.
    """
    parts = [each for each in interview_parts(load_profile("embedded"), weights / "base", data) if only in each.name]
    if not parts:
        raise ModelError(f"no interview part {only!r}; choose encoder or adapter")
    return retrain(parts, stage, weights, data)
