"""Tell whether weights were trained on the text that is in `models/data` now, and without the topics that it holds out whole."""

from __future__ import annotations

import json
from pathlib import Path

from models.profile import ADAPTER_NAMES, Profile
from models.sources import resolve_source
from models.training.dialogue_files import DATA_DIR
from models.training.manifest import MANIFEST, hash_corpus, read_blind_parts

OTHER_TEXT = "These weights were trained on other text than is in models/data now, so some of what is held out may have been taught."

READ_TOPICS = (
    "These weights were trained before topics and memory keys were held out whole, or over a base that was: what is counted here "
    "by topic was taught."
)
TASKS = ("dialogue", "ethics", "memory")


def is_same_text(profile: Profile, data: Path = DATA_DIR) -> bool | None:
    """Compare `data` with the manifests beside the weights of `profile`; None where there is no manifest to read.

    Raises:
        WeightsError: a folder of the profile is missing.
    """
    sources = [base.source for base in profile.bases.values()]
    sources += [adapter.source for adapter in profile.adapters.values()]
    sources += [encoder.source for encoder in profile.encoders.values()]
    folders = [resolve_source(source).path for source in sources]
    files = {parent / MANIFEST for folder in folders if folder for parent in folder.parents[:2]}
    hashes = {_read_hash(file) for file in files if file.is_file()} - {None}
    return hashes == {hash_corpus(data)} if hashes else None


def is_without_topics(profile: Profile, task: str) -> bool | None:
    """Tell by the manifests whether no model of `task` has read the topics and keys that are held out whole; None without a manifest.

    Raises:
        WeightsError: a folder of the profile is missing.
    """
    if task == "dialogue":
        sources = [base.source for base in profile.bases.values()]
        sources += [profile.adapters[name].source for name in ADAPTER_NAMES]
    else:
        sources = [profile.encoders[task].source]
    folders = [resolve_source(source).path for source in sources]
    known = [blind for blind in (_is_blind(folder) for folder in folders if folder) if blind is not None]
    return all(known) if known else None


def _is_blind(folder: Path) -> bool | None:
    """Look the part in `folder` up in the manifest of its weights: base, adapters/NAME or encoders/NAME."""
    for weights in folder.parents[:2]:
        if (weights / MANIFEST).is_file():
            part = (
                " ".join(folder.relative_to(weights).parts)
                .replace("adapters ", "adapter ")
                .replace("encoders ", "encoder ")
            )
            return part in read_blind_parts(weights)
    return None


def _read_hash(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["corpus_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
