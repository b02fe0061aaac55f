"""Random weights in the shapes of real models: their parameters are counted without making them, and small stand-ins are made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import GPTNeoXConfig

from models.benchmark.random_weights import SHAPES, Shape, make_random_bases, make_random_peft
from models.benchmark.roofline import weight_bytes
from models.errors import ModelError
from models.llama_heads import FreeHeadsConfig
from models.profile import ADAPTER_NAMES, AdapterTraining, load_profile

CPU, META = torch.device("cpu"), torch.device("meta")
KANANA, POLYGLOT = "kanana-2.1b", "polyglot-1.3b"
SMALL = {
    KANANA: replace(
        SHAPES[KANANA],
        config=FreeHeadsConfig(
            hidden_size=40, intermediate_size=64, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
            head_dim=16, vocab_size=310, tie_word_embeddings=True,
        ),
    ),
    POLYGLOT: replace(
        SHAPES[POLYGLOT],
        config=GPTNeoXConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=310
        ),
    ),
}  # fmt: skip


def _count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def _on_meta(profile: str, shapes: dict[str, Shape]) -> dict[str, Any]:
    """Return the bases of `profile` with its adapters, without memory."""
    loaded = load_profile(profile)
    of_source = {source: shape for shape in shapes.values() for source in shape.sources}
    found = {}
    for name, base in loaded.bases.items():
        recipes = {
            key: each.training for key, each in loaded.adapters.items() if each.base == name and key in ADAPTER_NAMES
        }
        known = {key: recipe for key, recipe in recipes.items() if recipe is not None}
        found[name] = make_random_peft(of_source[base.source], known, META, torch.bfloat16)
    return found


@pytest.mark.parametrize(("name", "billions"), [(KANANA, 2.09), (POLYGLOT, 1.33)])
def test_real_shapes_have_the_parameters_of_their_names(name: str, billions: float) -> None:
    with META:
        network = SHAPES[name].network(SHAPES[name].config)
    assert _count(network) / 1e9 == pytest.approx(billions, rel=0.02)


def test_weights_of_the_production_profile_are_counted_before_they_are_made() -> None:
    numbers = {name: _count(peft) for name, peft in _on_meta("ohlora-v4", dict(SHAPES)).items()}
    assert numbers == {"kanana-instruct": 2_109_982_464, "kanana": 2_178_991_872, "polyglot": 1_356_976_128}


@pytest.mark.parametrize("profile", ["ohlora-v4", "kanana-one"])
def test_bases_of_a_profile_hold_its_adapters_in_their_ranks_and_nothing_else(profile: str) -> None:
    bases = make_random_bases(profile, CPU, torch.bfloat16, SMALL)
    loaded, expected = load_profile(profile), _on_meta(profile, SMALL)
    assert [base.name for base in bases] == list(loaded.bases)
    assert sorted(name for base in bases for name in base.adapters) == sorted(ADAPTER_NAMES)
    for base in bases:
        recipes = [loaded.adapters[name].training for name in base.adapters]
        ranks = sum(recipe.rank for recipe in recipes if recipe is not None)
        layers = [each for each in base.network.modules() if hasattr(each, "columns")]
        assert {layer.rank for layer in layers} == {ranks}
        padding = sum(layer.rank * len(layer.sizes) for layer in layers if layer.product.bias is not None)
        rotary = sum(each.nbytes for name, each in base.network.named_buffers() if "inv_freq" in name)
        assert weight_bytes(base) == 2 * (_count(expected[base.name]) + padding) + rotary


def test_base_without_adapters_is_refused() -> None:
    with pytest.raises(ModelError, match="at least one adapter"):
        make_random_peft(SHAPES["tiny"], {}, META, torch.float32)


def test_rank_is_the_recipe_s() -> None:
    recipe = AdapterTraining(rank=3, epochs=1, target_modules=("q_proj",))
    with_adapter = make_random_peft(SHAPES["tiny"], {"memory": recipe}, META, torch.float32)
    with META:
        alone = SHAPES["tiny"].network(SHAPES["tiny"].config)
    assert _count(with_adapter) - _count(alone) == 2 * 3 * (64 + 64)  # two layers of 64 by 64


@pytest.mark.parametrize("name", ["gpt-5", "embedded"])
def test_unknown_shape_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(
        ModelError, match=f"no shape '{name}'; choose one of kanana-2.1b, polyglot-1.3b, tiny, kanana-one, ohlora-v4"
    ):
        make_random_bases(name, CPU, torch.float32)
