"""Unsloth, which makes LoRA training on newer CUDA cards faster: whether it can be used here, and the one place that uses it.

It is no dependency of this project. Nobody has run `load_patched` with the real package here: it follows Unsloth's documentation.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from models.profile import AdapterTraining

NEEDED_CAPABILITY = (7, 0)
Capability = tuple[int, int]


def find_obstacle(capability: Capability | None, *, installed: bool) -> str:
    """Return why Unsloth cannot be used with a card of `capability` (None: no CUDA device), empty where it can."""
    needed = f"Unsloth needs {NEEDED_CAPABILITY[0]}.{NEEDED_CAPABILITY[1]}"
    if capability is None:
        return f"there is no CUDA device here; {needed}; training goes on without it"
    if capability < NEEDED_CAPABILITY:
        return f"this card has capability {capability[0]}.{capability[1]}; {needed}; training goes on without it"
    return "" if installed else "Unsloth is not installed (pip install unsloth); training goes on without it"


def read_capability() -> Capability | None:
    """Return the capability of the first CUDA device, None where there is none."""
    return torch.cuda.get_device_capability() if torch.cuda.is_available() else None


def is_installed() -> bool:
    """Tell whether the package is there."""
    return find_spec("unsloth") is not None


def advise(wanted: bool) -> tuple[bool, str]:
    """Return whether to use Unsloth here, and what to say: why not when it is `wanted`, and unasked of a card that is too old."""
    capability = read_capability()
    obstacle = find_obstacle(capability, installed=is_installed())
    is_old = capability is not None and capability < NEEDED_CAPABILITY
    return wanted and not obstacle, obstacle if wanted or is_old else ""


def load_patched(folder: Path, recipe: AdapterTraining, *, max_length: int, seed: int) -> Any:
    """Load a base through Unsloth and put a fresh adapter of `recipe` onto it."""
    loader = import_module("unsloth").FastLanguageModel
    network, _ = loader.from_pretrained(
        model_name=str(folder), max_seq_length=max_length, dtype=torch.bfloat16, load_in_4bit=False
    )
    return loader.get_peft_model(
        network,
        r=recipe.rank,
        lora_alpha=int(recipe.alpha),
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.target_modules),
        init_lora_weights="gaussian",
        bias="none",
        use_gradient_checkpointing=False,
        random_state=seed,
    )
