"""How fast the decode batch is at so many rows, with the threads that the engine computes with, and how near that is to the limit."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from models.benchmark.gpu_memory import gpu_peak_mb, reset_gpu_peak
from models.benchmark.random_weights import make_random_bases
from models.benchmark.roofline import Limits, measure_limits, step_limit_s, wait_for, weight_bytes
from models.decode_batch import DecodeBatch
from models.loader import LoadedBase, choose_device, load_models
from models.processor import tune_processor
from models.profile import Profile
from models.sequence import DecodeSequence
from models.settings import ModelSettings
from models.sources import quieten_libraries
from models.types import Generation, Sampling


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


def open_bases(profile: Profile, random: str, settings: ModelSettings) -> OpenedBases:
    """Load the bases of `profile`, or make `random` ones: those of a shape or of a profile that is named.

    Raises:
        WeightsError: something cannot be loaded.
        ModelError: there is no such shape.
    """
    quieten_libraries()
    device, dtype = choose_device(settings)
    bases = make_random_bases(random, device, dtype) if random else load_models(profile, settings).bases
    return OpenedBases(bases=tuple(bases), device=device, dtype=dtype)


def measure_bases(opened: OpenedBases, what: Decoding, tell: Callable[[int, int, float], None]) -> dict[str, Any]:
    """Decode as `what` says with each base, the processor set as the engine sets it; return the figures.

    Limits are those of the threads that decode, and each step has its `share` of them; where a CPU has more cores, `all_cores` and
    `share_of_all_cores` tell of those too. `memory` is that of all bases together, as the engine holds them; where a GPU is used,
    `gpu_peak_mb` is what was held there at most, by all weights and the one batch that ran.
    """
    threads = torch.get_num_threads()
    limits = [measure_limits(opened.device, opened.dtype)] if what.with_limits else []
    tune_processor((base.network for base in opened.bases), opened.device)
    figures: dict[str, Any] = {"threads": torch.get_num_threads()} if opened.device.type == "cpu" else {}
    if limits and opened.device.type == "cpu" and torch.get_num_threads() != threads:
        figures["all_cores"] = {"threads": threads} | limits[0].figures()
        limits = [measure_limits(opened.device, opened.dtype), *limits]
    if limits:
        figures |= limits[0].figures()
    figures["weights_mb"] = {base.name: round(weight_bytes(base) / 2**20, 1) for base in opened.bases}
    done: list[dict[str, Any]] = []
    for base in opened.bases:
        for rows in what.rows:
            found = {"base": base.name} | measure_rows(base, opened.device, rows, what)
            done.append(found | _shares(base, limits, found, what))
            tell(len(done), len(opened.bases) * len(what.rows), 0.0)
    return figures | {"decoding": done, "memory": [_memory(figures["weights_mb"], done, rows) for rows in what.rows]}


def measure_rows(base: LoadedBase, device: torch.device, rows: int, what: Decoding) -> dict[str, Any]:
    """Decode `rows` sequences, the adapters in turn; return milliseconds and tokens a second.

    `cpu_ms` is the thread's own time, which other programs on the machine disturb less than the time on the wall.
    """
    gc.collect()
    reset_gpu_peak()
    room = max(2048, what.prompt_tokens + what.new_tokens + 64)
    batch = DecodeBatch(base, device, rows, cache_tokens=rows * room)
    sequences = [_sequence(base, row, what) for row in range(rows)]
    for sequence in sequences:
        batch.add(sequence)
    begun = time.perf_counter()
    while not all(sequence.token_ids for sequence in sequences):
        batch.step()
    wait_for(device)
    prefill_s = time.perf_counter() - begun
    walls, cpus = [], []
    while batch.has_work() and all(sequence.finish_reason is None for sequence in sequences):
        wall, cpu = time.perf_counter(), time.thread_time()
        batch.step()
        wait_for(device)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.thread_time() - cpu)
    step_s, gpu = sorted(walls)[len(walls) // 2], gpu_peak_mb()
    return {
        "rows": rows,
        "prefill_tokens_per_s": round(rows * what.prompt_tokens / prefill_s, 1),
        "step_ms": round(step_s * 1000, 3),
        "best_step_ms": round(min(walls) * 1000, 3),
        "cpu_ms": round(sorted(cpus)[len(cpus) // 2] * 1000, 3),
        "new_tokens_per_s": round(rows / step_s, 1),
        "cache_mb": round(batch.cache_bytes / 2**20, 1),
        **({} if gpu is None else {"gpu_peak_mb": round(gpu, 1)}),
    }


def _shares(base: LoadedBase, limits: Sequence[Limits], found: dict[str, Any], what: Decoding) -> dict[str, float]:
    """Return the limit of a step by the first of `limits`, and the share of each that was reached."""
    context = what.prompt_tokens + what.new_tokens // 2
    least_ms = [step_limit_s(base, each, found["rows"], context) * 1000 for each in limits]
    shares = {
        name: round(each / found["step_ms"], 3)
        for name, each in zip(("share", "share_of_all_cores"), least_ms, strict=False)
    }
    return {"limit_ms": round(least_ms[0], 3)} | shares if least_ms else {}


def _memory(weights_mb: dict[str, float], done: Sequence[dict[str, Any]], rows: int) -> dict[str, float]:
    """Return the megabytes of all bases when each has so many rows."""
    weights = sum(weights_mb.values())
    caches = sum(each["cache_mb"] for each in done if each["rows"] == rows)
    return {
        "rows": rows,
        "weights_mb": round(weights, 1),
        "caches_mb": round(caches, 1),
        "together_mb": round(weights + caches, 1),
    }


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
