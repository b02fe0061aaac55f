"""Muon (Jordan et al. 2024) for CPUs without bfloat16: momentum whose matrix is made orthogonal before each step.

`torch.optim.Muon` makes it orthogonal in bfloat16, which a CPU without such products emulates at about a hundredth of its speed: a step
of the base took a minute. This one does it in the type of the weights and is otherwise the same, so it is used only there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, https://kellerjordan.github.io/posts/muon/
_ITERATIONS = 5
_MOMENTUM = 0.95


class FullPrecisionMuon(torch.optim.Optimizer):
    """Steps matrices by orthogonal momentum (Nesterov), with the learning rate matched to AdamW's (Liu et al. 2025)."""

    def __init__(self, matrices: Iterable[Tensor], *, lr: float, weight_decay: float) -> None:
        """Take two-dimensional parameters only."""
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Step every matrix that has a gradient."""
        if closure is not None:
            raise ValueError("this optimiser takes no closure")
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._step(matrix, matrix.grad, group["lr"], group["weight_decay"])

    def _step(self, matrix: Tensor, gradient: Tensor, learning_rate: float, weight_decay: float) -> None:
        momentum = self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 1 - _MOMENTUM)
        update = orthogonalise(gradient.lerp(momentum, _MOMENTUM))
        matrix.mul_(1 - learning_rate * weight_decay)
        matrix.add_(update, alpha=-learning_rate * 0.2 * math.sqrt(max(matrix.shape)))


def orthogonalise(matrix: Tensor, smallest: float = 1e-7) -> Tensor:
    """Return the matrix nearest to `matrix` whose singular values are all about 1 (Newton-Schulz), of the same shape."""
    first, second, third = _COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    flat = matrix.T if is_tall else matrix
    flat = flat / flat.norm().clamp_min(smallest)
    for _ in range(_ITERATIONS):
        gram = flat @ flat.T
        update = torch.addmm(gram, gram, gram, beta=second, alpha=third)
        flat = torch.addmm(flat, update, flat, beta=first)
    return flat.T if is_tall else flat
