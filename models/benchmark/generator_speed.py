"""How fast the decode batch is at so many rows, and how near that is to what the hardware can do.

The limit of a decode step is the larger of two times (the roofline of Williams et al. 2009): reading every weight and the rows' keys
and values once, at the bandwidth that a plain copy reaches here, and the products' arithmetic, at the rate that a large product
reaches here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from models.benchmark.random_weights import make_random_base
from models.decode_batch import DecodeBatch
from models.half_weights import HalfLinear
from models.loader import LoadedBase, choose_device, load_models
from models.profile import Profile
from models.sequence import DecodeSequence
from models.settings import ModelSettings
from models.types import Generation, Sampling

_COPY_MB = 256
_MATRIX = 1536
_REPEATS = 7


class _Nobody:
    """Receives what nobody waits for; errors are raised."""

    def on_text(self, text: str) -> None:
        """Drop it."""

    def on_finish(self, generation: Generation) -> None:
        """Drop it."""

    def on_error(self, error: Exception) -> None:
        """Raise it."""
        raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the hardware does at its best: bytes read and floating-point operations a second."""

    bytes_per_s: float
    operations_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """What is decoded: batches of `rows`, each of prompts and new tokens of these lengths; with or without the limits."""

    rows: tuple[int, ...]
    prompt_tokens: int
    new_tokens: int
    with_limits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBases:
    """Bases on their device."""

    bases: tuple[LoadedBase, ...]
    device: torch.device
    dtype: torch.dtype


def open_bases(profile: Profile, shape: str, settings: ModelSettings) -> OpenedBases:
    """Load the bases of `profile`, or make a random one of `shape`.

    Raises:
        WeightsError: something cannot be loaded.
        ModelError: there is no such shape.
    """
    device, dtype = choose_device(settings)
    bases = [make_random_base(shape, device, dtype)] if shape else load_models(profile, settings).bases
    return OpenedBases(bases=tuple(bases), device=device, dtype=dtype)


def measure_bases(opened: OpenedBases, what: Decoding, tell: Callable[[int, int, float], None]) -> dict[str, Any]:
    """Decode as `what` says with each base; return the figures, with `share` of the limit where limits are asked for."""
    figures: dict[str, Any] = {}
    limits = measure_limits(opened.device, opened.dtype) if what.with_limits else None
    if limits is not None:
        figures["read_gb_per_s"] = round(limits.bytes_per_s / 1e9, 1)
        figures["gflop_per_s"] = round(limits.operations_per_s / 1e9, 1)
    figures["weights_mb"] = {base.name: round(weight_bytes(base) / 2**20, 1) for base in opened.bases}
    done, steps = [], len(opened.bases) * len(what.rows)
    for base in opened.bases:
        for rows in what.rows:
            found = {"base": base.name} | measure_rows(base, opened.device, rows, what)
            if limits is not None:
                limit_s = step_limit_s(base, limits, rows, what.prompt_tokens + what.new_tokens // 2)
                found |= {"limit_ms": round(limit_s * 1000, 3), "share": round(limit_s * 1000 / found["step_ms"], 3)}
            done.append(found)
            tell(len(done), steps, 0.0)
    figures["decoding"] = done
    if opened.device.type == "cuda":
        figures["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated(opened.device) / 2**20, 1)
    return figures


def measure_limits(device: torch.device, dtype: torch.dtype) -> Limits:
    """Read a large tensor over and multiply large matrices; take the best of several times."""
    size = _COPY_MB * 2**20 // dtype.itemsize
    vector = torch.ones(size, device=device, dtype=dtype)
    matrix = torch.ones(_MATRIX, _MATRIX, device=device, dtype=dtype)
    read_s = min(_timed(lambda: vector.sum(), device) for _ in range(_REPEATS))
    multiply_s = min(_timed(lambda: matrix @ matrix, device) for _ in range(_REPEATS))
    return Limits(bytes_per_s=vector.nbytes / read_s, operations_per_s=2 * _MATRIX**3 / multiply_s)


def measure_rows(base: LoadedBase, device: torch.device, rows: int, what: Decoding) -> dict[str, Any]:
    """Decode `rows` sequences, the adapters in turn; return milliseconds and tokens a second.

    `cpu_ms` is the thread's own time, which other programs on the machine disturb less than the time on the wall.
    """
    batch = DecodeBatch(base, device, rows, cache_tokens=rows * 2048)
    sequences = [_sequence(base, row, what) for row in range(rows)]
    for sequence in sequences:
        batch.add(sequence)
    begun = time.perf_counter()
    while not all(sequence.token_ids for sequence in sequences):
        batch.step()
    _wait_for(device)
    prefill_s = time.perf_counter() - begun
    walls, cpus = [], []
    while batch.has_work() and all(sequence.finish_reason is None for sequence in sequences):
        wall, cpu = time.perf_counter(), time.thread_time()
        batch.step()
        _wait_for(device)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.thread_time() - cpu)
    step_s = sorted(walls)[len(walls) // 2]
    return {
        "rows": rows,
        "prefill_tokens_per_s": round(rows * what.prompt_tokens / prefill_s, 1),
        "step_ms": round(step_s * 1000, 3),
        "best_step_ms": round(min(walls) * 1000, 3),
        "cpu_ms": round(sorted(cpus)[len(cpus) // 2] * 1000, 3),
        "new_tokens_per_s": round(rows / step_s, 1),
        "cache_mb": round(batch.cache_bytes / 2**20, 1),
    }


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
    """Return the memory of a base with its adapters."""
    tensors: dict[int, int] = {
        each.data_ptr(): each.nbytes for each in (*base.network.parameters(), *base.network.buffers())
    }
    return sum(tensors.values()) + sum(each.stored_bytes for each in _halved(base))


def _used_weights(base: LoadedBase) -> list[tuple[int, int]]:
    """Return bytes and numbers of every matrix that a step multiplies with; an embedding counts where it gives the logits too."""
    embedding = base.network.get_input_embeddings().weight
    tensors = {
        each.data_ptr(): each for each in (*base.network.parameters(), *base.network.buffers()) if each.ndim == 2
    }
    halved = [(each.stored_bytes, each.stored_numbers) for each in _halved(base)]
    if halved:
        tensors.pop(embedding.data_ptr(), None)
    return halved + [(each.nbytes, each.numel()) for each in tensors.values()]


def _halved(base: LoadedBase) -> list[HalfLinear]:
    return [each for each in base.network.modules() if isinstance(each, HalfLinear)]


def _sequence(base: LoadedBase, number: int, what: Decoding) -> DecodeSequence:
    sampling = Sampling(
        temperature=0.6, top_p=0.9, max_new_tokens=what.new_tokens + 1, stop="", seed=number, ignore_end=True
    )
    ids = [2 + (number * 31 + place * 7) % 300 for place in range(what.prompt_tokens)]
    receiver: Any = _Nobody()
    return DecodeSequence(
        adapter=base.adapters[number % len(base.adapters)],
        prompt_ids=ids,
        sampling=sampling,
        tokenizer=base.tokenizer,
        receiver=receiver,
    )


def _timed(work: Callable[[], object], device: torch.device) -> float:
    begun = time.perf_counter()
    work()
    _wait_for(device)
    return time.perf_counter() - begun


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
