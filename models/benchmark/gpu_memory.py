"""How much memory this process holds on the GPU, as torch's tensors do; the CUDA context itself is not in it."""

from __future__ import annotations

import torch


def gpu_peak_mb() -> float | None:
    """Return the most megabytes that were held since `reset_gpu_peak`, or ever; None where nothing runs on a GPU."""
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return peak / 2**20 if peak else None


def reset_gpu_peak() -> None:
    """Begin anew with what is held now."""
    if gpu_peak_mb() is not None:
        torch.cuda.reset_peak_memory_stats()
