"""A part of the weights that ship, and training some of them again in their places."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.training.manifest import LARGEST_BYTES, MANIFEST, refresh_manifest
from models.training.mixing import can_mix, mix_into
from models.training.progress import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPart:
    """One part: its name in the figures, its folder under the weights, and what trains it into a folder."""

    name: str
    folder: str
    train: Callable[..., dict[str, float]]


def retrain(
    parts: Iterable[WeightPart],
    stage: Stage,
    weights: Path,
    data: Path,
    counts: Mapping[str, int] | None = None,
    kept: float = 0.0,
    *,
    continued: bool = False,
) -> dict[str, Any]:
    """Train `parts` over the base in `weights` and put each in its place there; write the manifest anew and return it.

    `counts` is what the manifest says besides of the text that they read. `kept` is what the weights that are there weigh in the new
    ones, of 1 (`mixing`); adapters that are `continued` from them are mixed number by number.

    Raises:
        ModelError: there are no parts, no weights, a part cannot be trained, or all of it takes more than may ship.
    """
    if not (weights / MANIFEST).is_file():
        raise ModelError(f"{weights} holds no {MANIFEST}; run `main.py train embedded` first")
    figures: dict[str, Any] = dict(counts or {})
    for part in parts:
        folder = weights / part.folder
        fresh = weights.with_name(f"{weights.name}.{part.folder.replace('/', '-')}.new")
        if kept and not can_mix(folder):
            raise ModelError(f"{part.name}: nothing is there that it could keep; train it without --kept")
        shutil.rmtree(fresh, ignore_errors=True)
        figures[part.name] = part.train(fresh, report=stage(part.name))
        if kept:
            mix_into(fresh, folder, kept, weights / "base", continued=continued)
            figures[part.name] = {**figures[part.name], "kept": kept}
        for extra in fresh.rglob("training_args.bin"):
            extra.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        fresh.rename(folder)
    manifest = refresh_manifest(weights, data, figures, mixed=kept > 0 or continued)
    if manifest["bytes"] > LARGEST_BYTES:
        raise ModelError(f"{weights} takes {manifest['bytes']} bytes, over the {LARGEST_BYTES} that may ship")
    return manifest
