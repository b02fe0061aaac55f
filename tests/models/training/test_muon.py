"""Tests of Muon in full precision: it steps as torch's own does, but for rounding."""

from __future__ import annotations

import pytest
import torch

from models.training.muon import FullPrecisionMuon, orthogonalise


@pytest.mark.parametrize("shape", [(6, 16), (16, 6)])
def test_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    made = orthogonalise(torch.randn(shape, generator=torch.Generator().manual_seed(1)))
    values = torch.linalg.svdvals(made)
    assert made.shape == shape
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_steps_are_those_of_torch_but_for_rounding() -> None:
    start = torch.randn(8, 24, generator=torch.Generator().manual_seed(2))
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    optimisers = (
        FullPrecisionMuon([ours], lr=0.02, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for step in range(5):
        gradient = torch.randn(8, 24, generator=torch.Generator().manual_seed(10 + step))
        for matrix, optimiser in zip((ours, theirs), optimisers, strict=True):
            matrix.grad = gradient.clone()
            optimiser.step()
    moved = (ours - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved


def test_a_closure_is_refused() -> None:
    optimiser = FullPrecisionMuon([torch.nn.Parameter(torch.ones(2, 2))], lr=0.1, weight_decay=0.0)
    with pytest.raises(ValueError, match="closure"):
        optimiser.step(lambda: 0.0)
