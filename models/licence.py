"""Licence terms that are shown before a base model is used, in training and in the engine alike."""

from __future__ import annotations

from pathlib import Path

from models.sources import model_type

GEMMA_NOTICE = (
    "This base is a Gemma model. Using it, or an adapter trained on it, means accepting Google's Gemma terms of use "
    "and its list of prohibited uses: https://ai.google.dev/gemma/terms"
)


def licence_notice(folder: Path, own: str = "") -> str:
    """Return the notice to show before the model in `folder` is used, empty where there is none.

    `own` is the notice of the profile, which wins over the one that goes by the model type.
    """
    if own:
        return own
    return GEMMA_NOTICE if model_type(folder).startswith("gemma") else ""
