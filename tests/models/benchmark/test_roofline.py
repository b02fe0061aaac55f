"""Check the limits of the hardware, and what of a base a decode step reads."""

from __future__ import annotations

import pytest
import torch

from models.benchmark.random_weights import make_random_bases
from models.benchmark.roofline import Limits, measure_limits, step_limit_s, weight_bytes
from models.half_weights import halve_linear_layers
from models.loader import LoadedBase

CPU = torch.device("cpu")
SLOW_READING, SLOW_ARITHMETIC = (
    Limits(bytes_per_s=1.0, operations_per_s=1e30),
    Limits(bytes_per_s=1e30, operations_per_s=1.0),
)
EMBEDDING = 500 * 64


@pytest.fixture
def base() -> LoadedBase:
    (base,) = make_random_bases("tiny", CPU, torch.float32)
    return base


def test_limit_is_memory_for_few_rows_and_arithmetic_for_many(base: LoadedBase) -> None:
    limits = Limits(bytes_per_s=1e9, operations_per_s=1e9)
    assert step_limit_s(base, limits, 1, 1) == pytest.approx(step_limit_s(base, SLOW_READING, 1, 1) / 1e9)
    assert step_limit_s(base, limits, 64, 1) == pytest.approx(step_limit_s(base, SLOW_ARITHMETIC, 64, 1) / 1e9)
    assert step_limit_s(base, SLOW_READING, 64, 100) > step_limit_s(base, SLOW_READING, 1, 100)


def test_embedding_that_only_looks_tokens_up_is_not_read_by_a_step(base: LoadedBase) -> None:
    matrices = [each for each in (*base.network.parameters(), *base.network.buffers()) if each.ndim == 2]
    numbers = sum(each.numel() for each in matrices)
    assert step_limit_s(base, SLOW_ARITHMETIC, 1, 0) == pytest.approx(2 * (numbers - EMBEDDING))
    assert step_limit_s(base, SLOW_READING, 1, 0) == pytest.approx(4 * (numbers - EMBEDDING))


def test_embedding_that_gives_the_logits_too_is_read_once(base: LoadedBase) -> None:
    apart = step_limit_s(base, SLOW_READING, 1, 0)
    memory = weight_bytes(base)
    base.network.lm_head.weight = base.network.model.embed_tokens.weight
    assert step_limit_s(base, SLOW_READING, 1, 0) == pytest.approx(apart)
    assert weight_bytes(base) == memory - 4 * EMBEDDING


def test_weights_of_half_the_size_are_read_in_half_the_time(base: LoadedBase) -> None:
    apart, memory = step_limit_s(base, SLOW_READING, 1, 0), weight_bytes(base)
    head = base.network.lm_head.weight
    with torch.no_grad():
        head.copy_(head.bfloat16())
    halve_linear_layers(base.network)
    if weight_bytes(base) < memory:  # only processors with FBGEMM have such products
        assert step_limit_s(base, SLOW_READING, 1, 0) == pytest.approx(apart - 2 * EMBEDDING)


def test_limits_are_measured() -> None:
    limits = measure_limits(CPU, torch.float32)
    assert limits.bytes_per_s > 1e6
    assert limits.operations_per_s > 1e6
    assert limits.figures()["gflop_per_s"] > 0
