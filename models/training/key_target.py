"""The target of a memory encoder as a command names it: where the similarity of keys comes from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from models.embedder import encode
from models.errors import ModelError
from models.loader import choose_device, fetch_model, load_encoder
from models.settings import ModelSettings
from models.sources import name_source
from models.training.encoder_data import is_csv
from models.training.key_similarity import KeyGroups, KeyReference, KeySimilarity, KeyWords, Target
from models.training.progress import Note

ONLY_LINES = "are for the similarity of [key: value] message lines; leave them out for other tasks, and for a .csv, which holds similarities"


def make_similarity(files: Sequence[Path], target: Target | None, reference: str, note: Note) -> KeySimilarity | None:
    """Return what tells how alike the keys of memory lines are; None where every one of `files` is a CSV, which says it itself.

    Without a target it is the reference encoder, where one is named by folder or Hugging Face id, else the groups. `note` gets the
    licence of that encoder.

    Raises:
        ModelError: there are no lines to use an option on, or the reference encoder is missing, cannot be loaded, or is named beside
            another target.
    """
    if all(is_csv(file) for file in files):
        if target or reference:
            raise ModelError(f"--target and --reference-encoder {ONLY_LINES}")
        return None
    chosen = target or (Target.REFERENCE if reference else Target.GROUPS)
    if chosen is Target.REFERENCE and not reference:
        raise ModelError(
            "--target reference needs --reference-encoder: a folder or Hugging Face id of a sentence encoder"
        )
    if chosen is not Target.REFERENCE and reference:
        raise ModelError(
            f"--reference-encoder belongs to --target reference; leave one of it and --target {chosen} out"
        )
    if chosen is Target.REFERENCE:
        device, _ = choose_device(ModelSettings())
        encoder = load_encoder(str(fetch_model(name_source(reference), note)), device)
        return KeyReference(partial(encode, encoder))
    return KeyWords() if chosen is Target.IOU else KeyGroups()
