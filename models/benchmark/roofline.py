"""What the hardware can do at its best, and the least time that a decode step could take on it.

The limit of a decode step is the larger of two times (the roofline of Williams et al. 2009): reading every weight and the rows' keys
and values once, at the bandwidth that a plain read reaches here, and the products' arithmetic, at the rate that a large product
reaches here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from models.half_weights import HalfLinear
from models.loader import LoadedBase
from models.lora import MixedLoraLinear

_COPY_MB = 256
_MATRIX = 1536
_REPEATS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the hardware does at its best: bytes read and floating-point operations a second."""

    bytes_per_s: float
    operations_per_s: float

    def figures(self) -> dict[str, float]:
        """Return both in the units that people use."""
        return {
            "read_gb_per_s": round(self.bytes_per_s / 1e9, 1),
            "gflop_per_s": round(self.operations_per_s / 1e9, 1),
        }


def measure_limits(device: torch.device, dtype: torch.dtype) -> Limits:
    """Read a large tensor over and multiply large matrices, with as many threads as torch has now; take the best of several times."""
    size = _COPY_MB * 2**20 // dtype.itemsize
    vector = torch.ones(size, device=device, dtype=dtype)
    matrix = torch.ones(_MATRIX, _MATRIX, device=device, dtype=dtype)
    read_s = min(_timed(lambda: vector.sum(), device) for _ in range(_REPEATS))
    multiply_s = min(_timed(lambda: matrix @ matrix, device) for _ in range(_REPEATS))
    return Limits(bytes_per_s=vector.nbytes / read_s, operations_per_s=2 * _MATRIX**3 / multiply_s)


def step_limit_s(base: LoadedBase, limits: Limits, rows: int, context: int) -> float:
    """Return the least time of a decode step of `rows` rows with `context` tokens each."""
    config = base.network.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = rows * context * 2 * heads * width * config.num_hidden_layers * base.network.dtype.itemsize
    used = _used_weights(base)
    read_s: float = (sum(size for size, _ in used) + cache) / limits.bytes_per_s
    return max(read_s, 2 * rows * sum(numbers for _, numbers in used) / limits.operations_per_s)


def weight_bytes(base: LoadedBase) -> int:
    """Return the memory of a base with its adapters; what is a view of something else is counted once."""
    tensors = (*base.network.parameters(), *base.network.buffers())
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors}
    plain: int = sum(storages.values())
    return plain + sum(each.stored_bytes for each in _halved(base.network))


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _used_weights(base: LoadedBase) -> list[tuple[int, int]]:
    """Return bytes and numbers of every matrix that a step multiplies with; an embedding counts where it gives the logits too."""
    embedding = base.network.get_input_embeddings().weight
    is_tied = getattr(base.network.get_output_embeddings(), "weight", None) is embedding
    mixed = [each for each in base.network.modules() if isinstance(each, MixedLoraLinear)]
    left_out = {id(each) for layer in mixed for each in layer.apart()}  # read instead of others, in long passes
    apart: list[nn.Module] = [each.base for each in mixed if each.base is not None]
    matrices = [each for each in (*base.network.parameters(), *base.network.buffers()) if each.ndim == 2]
    used = [
        (each.nbytes, each.numel())
        for each in matrices
        if (is_tied or each is not embedding) and id(each) not in left_out
    ]
    return used + [(each.stored_bytes, each.stored_numbers) for each in _halved(base.network) if each not in apart]


def _halved(network: nn.Module) -> list[HalfLinear]:
    return [each for each in network.modules() if isinstance(each, HalfLinear)]


def _timed(work: Callable[[], object], device: torch.device) -> float:
    begun = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - begun
