"""Bases and adapters with random weights in the shapes of real ones: what they cost can be measured before they are fetched.

The shapes are those of the published configurations: kakaocorp/kanana-1.5-2.1b and EleutherAI/polyglot-ko-1.3b, with LoRA of rank 64
as the profile `ohlora-v4` has it; `tiny` is for trying the command out. Kanana's layers are built as Mistral's, which are the same:
transformers' `LlamaConfig` wants a width that its heads divide, and 1,792 over 24 is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, GPTNeoXConfig, LlamaConfig, MistralConfig, PretrainedConfig

from models.attention import use_row_attention
from models.errors import ModelError
from models.loader import LoadedBase
from models.lora import mix_adapters
from models.profile import ADAPTER_NAMES

RANK = 64
_LLAMA_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A base by its configuration, and the layers that adapters touch."""

    config: PretrainedConfig
    targets: tuple[str, ...]


SHAPES = {
    "kanana-2.1b": Shape(
        config=MistralConfig(
            hidden_size=1792,
            intermediate_size=8064,
            num_hidden_layers=32,
            num_attention_heads=24,
            num_key_value_heads=8,
            head_dim=128,
            vocab_size=128256,
            max_position_embeddings=32768,
            sliding_window=None,
            rope_theta=8_000_000.0,
            tie_word_embeddings=True,
        ),
        targets=tuple(_LLAMA_LAYERS),
    ),
    "polyglot-1.3b": Shape(
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
    ),
    "tiny": Shape(
        config=LlamaConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=500,
            max_position_embeddings=512,
        ),
        targets=tuple(_LLAMA_LAYERS),
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


def make_random_base(
    name: str, device: torch.device, dtype: torch.dtype, adapters: Sequence[str] = ADAPTER_NAMES
) -> LoadedBase:
    """Make a base of a shape in `SHAPES` with `adapters` mixed in, all weights random.

    Raises:
        ModelError: there is no such shape.
    """
    if name not in SHAPES:
        raise ModelError(f"no shape {name!r}; choose one of {', '.join(SHAPES)}")
    shape = SHAPES[name]
    with torch.device(device):
        network = AutoModelForCausalLM.from_config(shape.config, dtype=dtype)
        config = LoraConfig(r=RANK, lora_alpha=16, target_modules=list(shape.targets), init_lora_weights=False)
        peft: PeftModel | None = None
        for adapter in adapters:
            if peft is None:
                peft = get_peft_model(network, config, adapter_name=adapter)
            else:
                peft.add_adapter(adapter, config)
    if peft is None:
        raise ModelError("a base needs at least one adapter")
    mixed, rows = mix_adapters(peft.to(dtype))
    use_row_attention(mixed)
    tokenizer: Any = RandomTokenizer()
    return LoadedBase(
        name=name, network=mixed.eval().to(device), tokenizer=tokenizer, rows=rows, adapters=tuple(adapters)
    )
