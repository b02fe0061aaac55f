"""Which layers of a base an adapter is put on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.errors import ModelError

_LLAMA_LIKE = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")
_MODULES = {
    "gpt_neox": ("query_key_value",),
    **dict.fromkeys(_LLAMA_LIKE, ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")),
}


def fit_target_modules(modules: Sequence[str], model_type: str) -> tuple[str, ...]:
    """Return `modules` where they suit a base of `model_type` or nothing is known of it, else that architecture's own."""
    known = _MODULES.get(model_type, tuple(modules))
    return tuple(modules) if set(modules) <= set(known) else known


def check_target_modules(modules: Sequence[str], network: Any) -> None:
    """Check that `network` has every one of `modules`.

    Raises:
        ModelError: it lacks one.
    """
    there = {name.rpartition(".")[2] for name, _ in network.named_modules()}
    missing = [name for name in modules if name not in there]
    if missing:
        raise ModelError(f"the base has no layers named {missing[0]}; give --target-modules, or another --base")
