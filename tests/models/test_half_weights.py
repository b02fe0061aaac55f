"""Check that weights in half the memory give what they give in whole, and that others stay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.half_weights import HalfLinear, can_halve, halve_linear_layers

pytestmark = pytest.mark.skipif(
    "fbgemm" not in torch.backends.quantized.supported_engines,
    reason="this processor has no FBGEMM: nothing is halved here",
)


def _trained_in_bfloat16(out: int, width: int) -> nn.Linear:
    torch.manual_seed(out)
    layer = nn.Linear(width, out)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(
                (parameter * torch.logspace(-6, 1, len(parameter)).reshape(-1, *[1] * (parameter.ndim - 1))).bfloat16()
            )
    return layer


@pytest.mark.parametrize("rows", [1, 2, 7, 64])
def test_bfloat16_numbers_give_the_same_in_half_the_memory(rows: int) -> None:
    layer = _trained_in_bfloat16(48, 32)
    network = nn.Sequential(layer, nn.GELU())
    x = torch.randn(1, rows, 32)
    expected = network(x)
    halve_linear_layers(network)
    assert isinstance(network[0], HalfLinear)
    assert network[0].stored_bytes == layer.weight.nbytes // 2
    torch.testing.assert_close(network(x), expected, rtol=1e-5, atol=1e-5)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    layer = _trained_in_bfloat16(48, 32)
    half = HalfLinear(layer.weight.data, layer.bias.data)
    x = torch.randn(16, 32)
    torch.testing.assert_close(half(x)[3:4], half(x[3:4]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("value", [0.1, 1e-9 / 3, 70000.0, float("nan"), float("inf")])
def test_numbers_that_would_not_stay_what_they_are_stay_whole(value: float) -> None:
    weight = torch.ones(4, 4)
    weight[1, 2] = value
    assert can_halve(weight) == (value == 1e-9 / 3)  # what is lost there is below what bfloat16 loses
    network = nn.Sequential(nn.Linear(4, 4))
    network[0].weight.data = weight
    halve_linear_layers(network)
    assert isinstance(network[0], HalfLinear) == can_halve(weight)


def test_other_types_stay() -> None:
    assert not can_halve(torch.ones(4, 4, dtype=torch.bfloat16))
