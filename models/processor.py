"""How the process uses the processor while models run: how many threads torch computes with, and how soon Python's threads give way.

Both are measured in docs/performance.md. A product of a small base is done before further threads have woken up, and while they wait
for the next one they spin, so the event loop beside them starves. And a device thread comes back from each operator to ask for the
interpreter: at Python's usual interval of 5 ms a busy event loop makes it wait longer than the operator took.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

import torch
from torch import nn

_SMALL = 2**24
"""Numbers in the largest matrix of a network up to which one thread computes it at least as fast as several."""
_SWITCH_S = 0.0002
_CORES = torch.get_num_threads()


def tune_processor(
    networks: Iterable[nn.Module], device: torch.device, environment: Mapping[str, str] = os.environ
) -> None:
    """Run small networks on a CPU with one thread, unless OMP_NUM_THREADS says otherwise, and let Python's threads give way soon.

    Both hold for the whole process, until it is called again.
    """
    sys.setswitchinterval(_SWITCH_S)
    if device.type == "cpu" and "OMP_NUM_THREADS" not in environment:
        largest = max((each.numel() for network in networks for each in network.parameters()), default=0)
        torch.set_num_threads(1 if largest <= _SMALL else _CORES)
