"""The manifest of the weights that ship: what they were trained on, with which command, and the figures of the training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
LARGEST_BYTES = 40_000_000
INTERVIEW = "interview"


def hash_corpus(data: Path) -> str:
    """Return one SHA-256 over what her talk is trained on: the texts under `data` but for those of interviews."""
    return hash_folder(data, leave_out=INTERVIEW)


def hash_folder(folder: Path, leave_out: str = "") -> str:
    """Return one SHA-256 over the names and bytes of the texts (.txt, .toml) under `folder`, its part `leave_out` aside."""
    digest = hashlib.sha256()
    texts = (path for path in folder.rglob("*") if path.suffix in {".txt", ".toml"})
    for path in sorted(path for path in texts if path.relative_to(folder).parts[0] != leave_out):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def blind_parts(figures: Mapping[str, Any]) -> set[str]:
    """Return the parts of her talk that `figures` names: each was trained without the topics and keys that are held out whole."""
    return {
        name for name in figures if name.partition(" ")[0] in {"base", "adapter", "encoder"} and INTERVIEW not in name
    }


def read_blind_parts(weights: Path) -> set[str]:
    """Return the parts of `weights` that were trained without held-out topics and keys, by its manifest; none without one."""
    try:
        return set(json.loads((weights / MANIFEST).read_text(encoding="utf-8")).get("without_topics", ()))
    except (OSError, ValueError, AttributeError, TypeError):
        return set()


def write_manifest(
    weights: Path, corpus: Path, command: str, figures: Mapping[str, Any], without_topics: Iterable[str] = ()
) -> dict[str, Any]:
    """Write `manifest.json` into `weights` and return it; `without_topics` names the parts that know no held-out topic."""
    files = sorted(path for path in weights.rglob("*") if path.is_file() and path.name != MANIFEST)
    manifest = {
        "command": command,
        "corpus_sha256": hash_corpus(corpus),
        "interview_sha256": hash_folder(corpus / INTERVIEW),
        "without_topics": sorted(without_topics),
        "figures": dict(figures),
        "bytes": sum(path.stat().st_size for path in files),
        "files": {
            path.relative_to(weights).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        },
    }
    (weights / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return manifest


def refresh_manifest(weights: Path, corpus: Path, figures: Mapping[str, Any], *, mixed: bool = False) -> dict[str, Any]:
    """Write the manifest of `weights` anew after parts were trained again, with their `figures`, and return it.

    `corpus_sha256` stays that of the base; `retrained` says which text each other part of her talk has read since, and
    `without_topics` now names it, unless it is `mixed` with weights of before, which may have read anything.
    """
    file = weights / MANIFEST
    before = json.loads(file.read_text(encoding="utf-8"))
    blind = read_blind_parts(weights) | (set() if mixed else blind_parts(figures))
    manifest = write_manifest(weights, corpus, before["command"], {**before["figures"], **figures}, blind)
    talk = dict.fromkeys(blind_parts(figures), manifest["corpus_sha256"])
    retrained = {**before.get("retrained", {}), **talk}
    manifest["corpus_sha256"] = before["corpus_sha256"]
    if retrained:
        manifest["retrained"] = retrained
    file.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return manifest
