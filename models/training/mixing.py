"""The mean of weights that were there and of those that were trained anew, with a weight for each (decisions 0032, 0038 and 0039)."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from models.errors import ModelError
from models.llama_heads import load_causal
from models.text_features import HashedNgrams

_ADAPTER = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_ENCODER = "hashed_ngrams.json"


def can_mix(folder: Path) -> bool:
    """Tell whether `folder` holds what `mix_into` takes: an adapter, or an encoder of hashed n-grams."""
    return (folder / _ADAPTER).is_file() or (folder / _ENCODER).is_file()


def mix_into(fresh: Path, before: Path, kept: float, base: Path, *, continued: bool = False) -> None:
    """Make the weights in `fresh` the mean of both, those of `before` with the weight `kept`, 0 to 1; adapters are those of `base`.

    An adapter that was `continued` from `before` is the mean of its numbers, as A and B still belong together; others are laid side by side.

    Raises:
        ModelError: the size of an encoder has changed.
    """
    if (fresh / _ADAPTER).is_file() and continued:
        _mix_numbers(fresh / _WEIGHTS, before / _WEIGHTS, kept)
    elif (fresh / _ADAPTER).is_file():
        _mix_adapters(fresh, before, kept, base)
    else:
        _mix_encoders(fresh, before, kept)


def _mix_encoders(fresh: Path, before: Path, kept: float) -> None:
    new, old = HashedNgrams.load(str(fresh)), HashedNgrams.load(str(before))
    weights = old.state_dict()
    if any(weights[name].shape != tensor.shape for name, tensor in new.state_dict().items()):
        raise ModelError(f"{before} has another size; train it without --kept")
    new.load_state_dict({name: tensor.lerp(weights[name], kept) for name, tensor in new.state_dict().items()})
    new.save(str(fresh))


def _mix_numbers(fresh: Path, before: Path, kept: float) -> None:
    new, old = load_file(fresh), load_file(before)
    mixed = {name: new[name].float().lerp(tensor.float(), kept).to(tensor.dtype) for name, tensor in old.items()}
    save_file(mixed, fresh, metadata={"format": "pt"})


def _mix_adapters(fresh: Path, before: Path, kept: float, base: Path) -> None:
    """Lay A and B of both adapters side by side, so that the ranks add up: the mean of two A and that of two B is no mean of adapters."""
    named = json.loads((fresh / _ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"]
    model = PeftModel.from_pretrained(load_causal(base, dtype=torch.float32), str(fresh), adapter_name="new")
    model.load_adapter(str(before), "old")
    model.add_weighted_adapter(["new", "old"], [1 - kept, kept], "default", combination_type="cat")
    model.peft_config["default"].base_model_name_or_path = named
    model.to(torch.bfloat16)
    model.save_pretrained(fresh, selected_adapters=["default"], save_embedding_layers=False)
    (fresh / "README.md").unlink(missing_ok=True)
