"""Several LoRA adapters in one forward pass.

PEFT's `adapter_names` runs one small product for each adapter of a batch. Here the adapters of a layer are laid side by side:
`A` (in, R) and `B` (R, out) where R is the sum of their ranks; a mask chooses, for each row of the batch, the columns of its own
adapter, already multiplied by that adapter's scaling. The cost is two products a layer, whatever the mix.
(docs/decisions/0003-mixed-adapters.md has the measurement.)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from peft import PeftModel
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn

from models.errors import WeightsError


class AdapterRows:
    """The adapter of each row of the batch that runs next; shared by all layers of one base model."""

    def __init__(self) -> None:
        """Start with no rows chosen: every layer then computes its base alone."""
        self.names: tuple[str, ...] = ()
        self._masks: dict[int, Tensor] = {}

    def choose(self, names: Sequence[str]) -> None:
        """Set the adapter of each row; holds until the next call."""
        self.names = tuple(names)
        self._masks.clear()

    def mask(self, columns: dict[str, tuple[int, int, float]], rank: int, like: Tensor, key: int) -> Tensor:
        """Return the mask of shape (rows, 1, rank) for a layer whose adapters own `columns` (start, end, scaling)."""
        mask = self._masks.get(key)
        if mask is None:
            mask = torch.zeros(len(self.names), 1, rank, dtype=like.dtype, device=like.device)
            for row, name in enumerate(self.names):
                start, end, scaling = columns.get(name, (0, 0, 0.0))
                mask[row, 0, start:end] = scaling
            self._masks[key] = mask
        return mask


class MixedLoraLinear(nn.Module):
    """A linear layer with all its adapters concatenated; the mask decides by row which one acts."""

    down: Tensor
    up: Tensor

    def __init__(self, layer: PeftLinear, rows: AdapterRows, key: int) -> None:
        """Take the base layer and the adapters of a PEFT layer; `key` is equal for layers with equal columns."""
        super().__init__()
        self.base_layer = layer.base_layer
        self.columns: dict[str, tuple[int, int, float]] = {}
        self._rows = rows
        self._key = key
        down, up, start = [], [], 0
        for name, module in layer.lora_A.items():
            rank = module.weight.shape[0]
            self.columns[name] = (start, start + rank, float(layer.scaling[name]))
            down.append(module.weight.data)
            up.append(layer.lora_B[name].weight.data)
            start += rank
        weight = self.base_layer.weight
        if not all(bool(torch.isfinite(part).all()) for part in (*down, *up)):
            raise WeightsError("an adapter holds numbers that are not finite; restore or retrain it")
        self.rank = start
        self.register_buffer("down", torch.cat(down).t().contiguous().to(weight.device, weight.dtype))
        self.register_buffer("up", torch.cat(up, dim=1).t().contiguous().to(weight.device, weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, tokens, in) to (rows, tokens, out)."""
        result: Tensor = self.base_layer(x)
        if not self._rows.names:
            return result
        mask = self._rows.mask(self.columns, self.rank, x, self._key)
        return result + ((x @ self.down) * mask) @ self.up


def mix_adapters(model: PeftModel) -> tuple[nn.Module, AdapterRows]:
    """Replace every PEFT linear layer by a `MixedLoraLinear`; return the base model and the row choice.

    Raises:
        WeightsError: an adapter uses a LoRA variant (DoRA, embeddings) that rows cannot share, or holds numbers that are not
            finite, which the mask would spread to the rows of the others.
    """
    rows = AdapterRows()
    base: nn.Module = model.get_base_model()
    keys: dict[tuple[tuple[str, int], ...], int] = {}
    for name, module in list(base.named_modules()):
        if not hasattr(module, "lora_A"):
            continue
        if not isinstance(module, PeftLinear) or getattr(module, "lora_variant", None):
            raise WeightsError(f"layer {name}: only plain LoRA on linear layers can be mixed in a batch")
        layout = tuple((adapter, part.weight.shape[0]) for adapter, part in module.lora_A.items())
        layout += tuple((f"{adapter} scaling", int(scale * 1e6)) for adapter, scale in module.scaling.items())
        parent_name, _, child = name.rpartition(".")
        key = keys.setdefault(layout, len(keys))
        setattr(base.get_submodule(parent_name), child, MixedLoraLinear(module, rows, key))
    return base, rows
