"""Measure a tiny random base: the figures are those of the rows that were asked for."""

from __future__ import annotations

import pytest
import torch

from models.benchmark.generator_speed import Decoding, Limits, OpenedBases, measure_bases, measure_limits, step_limit_s
from models.benchmark.random_weights import SHAPES, make_random_base
from models.errors import ModelError
from models.profile import ADAPTER_NAMES

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def opened() -> OpenedBases:
    base = make_random_base("tiny", CPU, torch.float32)
    return OpenedBases(bases=(base,), device=CPU, dtype=torch.float32)


def test_random_base_decodes_as_many_rows_as_are_asked_for(opened: OpenedBases) -> None:
    told: list[int] = []
    what = Decoding(rows=(1, 6), prompt_tokens=12, new_tokens=5, with_limits=False)
    figures = measure_bases(opened, what, lambda done, of, _: told.append(done))
    assert told == [1, 2]
    assert [each["rows"] for each in figures["decoding"]] == [1, 6]
    assert all(
        each["new_tokens_per_s"] > 0 and each["step_ms"] >= each["best_step_ms"] > 0 for each in figures["decoding"]
    )
    assert "share" not in figures["decoding"][0]
    assert opened.bases[0].adapters == ADAPTER_NAMES


def test_roofline_gives_each_step_its_share_of_the_limit(opened: OpenedBases) -> None:
    figures = measure_bases(
        opened, Decoding(rows=(2,), prompt_tokens=4, new_tokens=4, with_limits=True), lambda *_: None
    )
    assert figures["read_gb_per_s"] > 0
    assert figures["gflop_per_s"] > 0
    assert figures["decoding"][0]["share"] > 0


def test_limit_is_memory_for_few_rows_and_arithmetic_for_many(opened: OpenedBases) -> None:
    base = opened.bases[0]
    limits = Limits(bytes_per_s=1e9, operations_per_s=1e9)
    slow_arithmetic = Limits(bytes_per_s=1e30, operations_per_s=1e9)
    slow_memory = Limits(bytes_per_s=1e9, operations_per_s=1e30)
    assert step_limit_s(base, limits, 1, 1) == step_limit_s(base, slow_memory, 1, 1)
    assert step_limit_s(base, limits, 64, 1) == step_limit_s(base, slow_arithmetic, 64, 1)
    assert step_limit_s(base, slow_memory, 64, 100) > step_limit_s(base, slow_memory, 1, 100)


def test_limits_are_measured() -> None:
    limits = measure_limits(CPU, torch.float32)
    assert limits.bytes_per_s > 1e6
    assert limits.operations_per_s > 1e6


@pytest.mark.parametrize(("name", "billions"), [("kanana-2.1b", 2.09), ("polyglot-1.3b", 1.33)])
def test_real_shapes_have_the_parameters_of_their_names(name: str, billions: float) -> None:
    config = SHAPES[name].config
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config)
    assert network.num_parameters() / 1e9 == pytest.approx(billions, rel=0.02)


def test_unknown_shape_is_named_with_those_there_are() -> None:
    with pytest.raises(ModelError, match="kanana-2.1b"):
        make_random_base("gpt-5", CPU, torch.float32)
