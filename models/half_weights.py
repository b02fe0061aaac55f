"""Weights in half the memory for processors that multiply in float32: stored as float16, multiplied as float32.

A decode step of few rows waits for the weights to come from memory, so half the bytes is nearly half the time. The weights that ship
were trained and stored in bfloat16, whose 8 significant bits all fit into float16's 11, so nothing is lost; where something would be,
a layer stays as it is. (docs/performance.md has the measurement; the products are FBGEMM's, through torch.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LOST = 2.0**-25  # what bfloat16 numbers near zero lose at most, where float16 has no more exponents


def can_halve(weight: Tensor) -> bool:
    """Tell whether `weight` may be stored as float16: a float32 one on a processor with FBGEMM, that stays what it is."""
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return False
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return False
    halved = weight.half()
    return bool(torch.isfinite(halved).all()) and float((halved.float() - weight).abs().max()) <= _LOST


class HalfLinear(nn.Module):
    """A linear layer whose weight, (out, in), is stored in half the memory; the weight itself is given up."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Pack `weight`, which `can_halve`."""
        super().__init__()
        self.stored_numbers = weight.numel()
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)

    @property
    def stored_bytes(self) -> int:
        """The memory of the weight, in bytes."""
        return 2 * self.stored_numbers

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, in) to (…, out)."""
        result: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return result


def halve_linear_layers(network: nn.Module) -> None:
    """Replace every linear layer of `network` that can be stored in half the memory."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and can_halve(child.weight.data):
                bias = None if child.bias is None else child.bias.data
                setattr(parent, name, HalfLinear(child.weight.data, bias))
