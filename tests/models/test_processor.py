"""How many threads torch computes with, and how soon Python's threads give way, while models run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from models import processor
from models.processor import tune_processor

CPU = torch.device("cpu")
SMALL, LARGE = nn.Linear(8, 8), nn.Linear(2**13, 2**12, device="meta")
OTHER = 3  # threads that nothing here chooses


@pytest.fixture(autouse=True)
def processor_as_it_was() -> Iterator[None]:
    threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    torch.set_num_threads(OTHER)
    yield
    torch.set_num_threads(threads)
    sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    ("network", "device", "environment", "threads"),
    [
        (SMALL, CPU, {}, 1),
        (LARGE, CPU, {}, processor._CORES),
        (SMALL, torch.device("cuda"), {}, OTHER),
        (SMALL, CPU, {"OMP_NUM_THREADS": "3"}, OTHER),
    ],
    ids=["small", "large", "not on the CPU", "chosen by the owner"],
)
def test_small_networks_run_with_one_thread(
    network: nn.Module, device: torch.device, environment: dict[str, str], threads: int
) -> None:
    tune_processor([network], device, environment)
    assert torch.get_num_threads() == threads


def test_pythons_threads_give_way_soon() -> None:
    sys.setswitchinterval(0.005)
    tune_processor([], CPU, {})
    assert sys.getswitchinterval() < 0.001
