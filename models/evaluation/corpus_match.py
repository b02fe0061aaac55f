"""Tell whether weights were trained on the text that is in `models/data` now; what it holds out may else have been taught."""

from __future__ import annotations

import json
from pathlib import Path

from models.profile import Profile
from models.sources import resolve_source
from models.training.dialogue_files import DATA_DIR
from models.training.manifest import MANIFEST, hash_corpus

OTHER_TEXT = "These weights were trained on other text than is in models/data now, so some of what is held out may have been taught."


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


def _read_hash(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["corpus_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
