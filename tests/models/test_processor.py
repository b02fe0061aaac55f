"""How many threads torch computes with, and how soon Python's threads give way, while models run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from models.processor import tuned_processor

CPU = torch.device("cpu")
SMALL, LARGE = nn.Linear(8, 8), nn.Linear(2**13, 2**12, device="meta")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("network", "device", "chosen_by_owner", "threads"),
    [
        (SMALL, CPU, False, 1),
        (LARGE, CPU, False, 2),
        (SMALL, torch.device("cuda"), False, 2),
        (SMALL, CPU, True, 2),
    ],
    ids=["small", "large", "not on the CPU", "chosen by the owner"],
)
def test_small_networks_run_with_one_thread(
    network: nn.Module, device: torch.device, chosen_by_owner: bool, threads: int
) -> None:
    environment = {"OMP_NUM_THREADS": "2"} if chosen_by_owner else {}
    with tuned_processor([network], device, environment):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 2


def test_threads_give_way_soon_until_the_models_are_closed() -> None:
    before = sys.getswitchinterval()
    with tuned_processor([], CPU, {}):
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before
