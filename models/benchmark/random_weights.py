"""Bases and adapters with random weights in the shapes of real ones: what they cost can be measured before they are fetched.

The shapes are those of the published configurations: kakaocorp/kanana-1.5-2.1b and EleutherAI/polyglot-ko-1.3b; `tiny` is for trying
the command out. A shape alone has four adapters of rank 64; a profile has its bases, each with its adapters of their ranks, without
the sentence encoders and without optional adapters, which nobody has published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, PretrainedConfig

from models.attention import use_row_attention
from models.errors import ModelError
from models.llama_heads import FreeHeadsConfig
from models.llama_pass import run_without_modules
from models.loader import LoadedBase
from models.lora import mix_adapters
from models.profile import ADAPTER_NAMES, AdapterTraining, Profile, list_profiles, load_profile

_RANK = 64
_LLAMA_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A base by its network's class and configuration, and the layers that adapters touch; `sources` are published ones of it."""

    network: Callable[[Any], Any]
    config: PretrainedConfig
    targets: tuple[str, ...]
    sources: tuple[str, ...] = ()


SHAPES = {
    "kanana-2.1b": Shape(
        network=LlamaForCausalLM,
        config=FreeHeadsConfig(
            hidden_size=1792,
            intermediate_size=8064,
            num_hidden_layers=32,
            num_attention_heads=24,
            num_key_value_heads=8,
            head_dim=128,
            vocab_size=128256,
            max_position_embeddings=32768,
            rope_theta=8_000_000.0,
            tie_word_embeddings=True,
        ),
        targets=_LLAMA_LAYERS,
        sources=("kakaocorp/kanana-1.5-2.1b-instruct-2505", "kakaocorp/kanana-1.5-2.1b-base"),
    ),
    "polyglot-1.3b": Shape(
        network=GPTNeoXForCausalLM,
        config=GPTNeoXConfig(
            hidden_size=2048,
            intermediate_size=8192,
            num_hidden_layers=24,
            num_attention_heads=16,
            vocab_size=30080,
            max_position_embeddings=2048,
            rotary_pct=0.5,
        ),
        targets=("query_key_value",),
        sources=("EleutherAI/polyglot-ko-1.3b",),
    ),
    "tiny": Shape(
        network=LlamaForCausalLM,
        config=LlamaConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=500,
            max_position_embeddings=512,
        ),
        targets=_LLAMA_LAYERS,
    ),
}


class RandomTokenizer:
    """Stands for a tokenizer where the tokens mean nothing; its texts are not to be read."""

    eos_token_id = None

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        """Return a token for each character."""
        return {"input_ids": [ord(character) % 500 for character in text]}

    def decode(self, token_ids: Sequence[int], **_: Any) -> str:
        """Return a letter for each token."""
        return "가" * len(token_ids)


def make_random_bases(
    name: str, device: torch.device, dtype: torch.dtype, shapes: Mapping[str, Shape] = SHAPES
) -> list[LoadedBase]:
    """Make the base of a shape, or every base of a profile, with random weights and adapters mixed in.

    Raises:
        ModelError: there is no such shape, and no such profile whose bases have shapes.
    """
    if name in shapes:
        recipe = AdapterTraining(rank=_RANK, epochs=1, target_modules=shapes[name].targets)
        return [_mixed(name, make_random_peft(shapes[name], dict.fromkeys(ADAPTER_NAMES, recipe), device, dtype))]
    parts = _parts(load_profile(name), shapes) if name in list_profiles() else {}
    if not parts:
        fitting = [each for each in list_profiles() if _parts(load_profile(each), shapes)]
        raise ModelError(f"no shape {name!r}; choose one of {', '.join([*shapes, *fitting])}")
    return [_mixed(base, make_random_peft(*part, device, dtype)) for base, part in parts.items()]


def make_random_peft(
    shape: Shape, adapters: Mapping[str, AdapterTraining], device: torch.device, dtype: torch.dtype
) -> PeftModel:
    """Make a base of `shape` with `adapters` as PEFT holds them, all weights random; on `meta` they cost nothing.

    Raises:
        ModelError: there is no adapter.
    """
    peft: PeftModel | None = None
    with device, _in_precision(dtype):
        network = shape.network(shape.config)
        for name, recipe in adapters.items():
            config = LoraConfig(
                r=recipe.rank,
                lora_alpha=recipe.alpha,
                target_modules=list(recipe.target_modules),
                init_lora_weights=False,
            )
            if peft is None:
                peft = get_peft_model(network, config, adapter_name=name, autocast_adapter_dtype=False)
            else:
                peft.add_adapter(name, config, autocast_adapter_dtype=False)
    if peft is None:
        raise ModelError("a base needs at least one adapter")
    return peft


def _mixed(name: str, peft: PeftModel) -> LoadedBase:
    adapters = tuple(peft.peft_config)
    network, rows = mix_adapters(peft)
    use_row_attention(network)
    run_without_modules(network, rows)
    tokenizer: Any = RandomTokenizer()
    return LoadedBase(name=name, network=network.eval(), tokenizer=tokenizer, rows=rows, adapters=adapters)


def _parts(profile: Profile, shapes: Mapping[str, Shape]) -> dict[str, tuple[Shape, dict[str, AdapterTraining]]]:
    """Return shape and adapters of every base of `profile`; nothing where one has no shape or an adapter no recipe."""
    of_source = {source: shape for shape in shapes.values() for source in shape.sources}
    adapters = {name: each for name, each in profile.adapters.items() if not each.optional}
    parts: dict[str, tuple[Shape, dict[str, AdapterTraining]]] = {}
    for name, base in profile.bases.items():
        recipes = {key: each.training for key, each in adapters.items() if each.base == name}
        known = {key: recipe for key, recipe in recipes.items() if recipe is not None}
        if base.source not in of_source or len(known) < len(recipes):
            return {}
        if known:
            parts[name] = of_source[base.source], known
    return parts


@contextmanager
def _in_precision(dtype: torch.dtype) -> Iterator[None]:
    """Make new weights of this type, so that they are at no time twice as large."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
