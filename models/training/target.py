"""Where a training run writes: checked before anything is trained, never overwritten."""

from __future__ import annotations

from pathlib import Path

from models.errors import ModelError


class TargetExists(ModelError):
    """The target of a training run exists; nothing was overwritten."""


def prepare_target(out: Path) -> None:
    """Make the folder that `out` will stand in.

    Raises:
        TargetExists: `out` exists already.
        ModelError: the folder cannot be made.
    """
    if out.exists():
        raise TargetExists(f"{out} exists; remove it to train again, or give another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{out.parent} cannot be made ({error.strerror}); give another --out") from error
