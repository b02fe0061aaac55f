"""The folder that a training run works in, OUT.partial beside OUT: it holds what an interrupted run needs to go on.

OUT.partial/run.json             the stamp: what is trained, on what, from what
OUT.partial/checkpoint-STEP/     the trainer's own checkpoints, the newest two
OUT.partial/training_log.jsonl   and what else stands beside the weights in the end
OUT.partial/finished/            what becomes OUT, in one rename
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import PrinterCallback

from models.errors import ModelError
from models.training.progress import Note
from models.training.target import prepare_target

_STAMP = "run.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_TORCH_FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """A run that writes `out` at its end; `checkpoint` is where it goes on from, None at its beginning."""

    out: Path
    path: Path
    checkpoint: Path | None

    def train(self, trainer: Any) -> None:
        """Train to the end, from the checkpoint where there is one.

        Raises:
            ModelError: the device has too little memory.
        """
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(resume_from_checkpoint=str(self.checkpoint) if self.checkpoint else None)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                "the device has too little memory for this training; lower --batch-size (and raise --gradient-accumulation)"
            ) from error

    def finish(self, save: Callable[[Path], None], beside: Sequence[str]) -> None:
        """Let `save` write the weights, put the files named in `beside` with them, and make it all `out` at once."""
        finished = self.path / "finished"
        shutil.rmtree(finished, ignore_errors=True)
        finished.mkdir()
        save(finished)
        for name in beside:
            if (self.path / name).is_file():
                shutil.copy2(self.path / name, finished)
        prepare_target(self.out)  # somebody may have made it meanwhile
        finished.rename(self.out)
        shutil.rmtree(self.path)


def make_stamp(*parts: object) -> str:
    """Return one SHA-256 over everything that decides what a run learns: texts, recipe, base, seed."""
    return hashlib.sha256(json.dumps([repr(part) for part in parts]).encode()).hexdigest()


@contextmanager
def open_run(out: Path, stamp: str, note: Note) -> Iterator[RunFolder]:
    """Begin the run that makes `out`, or go on with it when its folder holds the same stamp.

    What was trained is never thrown away: a folder with checkpoints under another stamp is an error, and so is one whose
    checkpoints are all broken. When the run is interrupted, `note` gets how to go on.

    Raises:
        TargetExists: `out` exists already.
        ModelError: the folder belongs to another run or cannot be written or read.
    """
    prepare_target(out)
    path = out.with_name(f"{out.name}.partial")
    try:
        _claim(path, stamp, out)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror}); give another --out") from error
    run = RunFolder(out=out, path=path, checkpoint=_find_checkpoint(path, note))
    if run.checkpoint:
        note(f"going on from {run.checkpoint}")
    try:
        yield run
    except KeyboardInterrupt:
        steps = sorted(_checkpoints(path))
        went = f"goes on from step {steps[-1]}" if steps else "begins again, for no epoch was finished"
        note(f"interrupted; the same command {went} ({path})")
        raise


def _claim(path: Path, stamp: str, out: Path) -> None:
    """Make the folder, or check that it is this run's own."""
    file = path / _STAMP
    path.mkdir(exist_ok=True)
    found = _read_stamp(file)
    if found == stamp:
        return
    if _checkpoints(path) or (any(path.iterdir()) and not found):
        raise ModelError(
            f"{path} holds a training with other data, recipe, base or seed; repeat that command to go on with it, "
            f"remove {path.name} to begin again, or give another --out"
        )
    shutil.rmtree(path)
    path.mkdir()
    file.write_text(json.dumps({"out": out.name, "stamp": stamp}), encoding="utf-8")


def _read_stamp(file: Path) -> str:
    """Return the stamp in `file`, empty where there is none."""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["stamp"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _checkpoints(path: Path) -> dict[int, Path]:
    """Return the checkpoint folders by step."""
    found = ((_CHECKPOINT.fullmatch(folder.name), folder) for folder in path.iterdir() if folder.is_dir())
    return {int(match[1]): folder for match, folder in found if match}


def _find_checkpoint(path: Path, note: Note) -> Path | None:
    """Return the newest checkpoint that can be read, None where there is none at all.

    Raises:
        ModelError: there are checkpoints, but none can be read.
    """
    folders = [folder for _, folder in sorted(_checkpoints(path).items(), reverse=True)]
    for folder in folders:
        damage = _find_damage(folder)
        if not damage:
            return folder
        note(f"{folder} is broken ({damage})")
    if folders:
        raise ModelError(f"no checkpoint in {path} can be read; restore one, or remove {path.name} to begin again")
    return None


def _find_damage(folder: Path) -> str:
    """Return what is missing or cut off in a checkpoint, empty for a whole one; the trainer writes its state last."""
    weights = sorted(folder.rglob("*.safetensors"))
    name = "trainer_state.json"
    try:
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in _TORCH_FILES:
            with zipfile.ZipFile(folder / name) as archive:
                if archive.testzip():
                    return f"{name} is damaged"
        for file in weights:
            name = file.name
            with safe_open(file, framework="pt"):
                pass
    except (OSError, ValueError, zipfile.BadZipFile, SafetensorError):
        return f"{name} cannot be read"
    return "" if weights else "it holds no weights"
