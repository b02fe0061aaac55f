"""Load causal language models, also Llamas whose heads are not a division of their width, as Kanana 2.1B's (24 heads of 128 over 1,792).

transformers refuses such a configuration since 5.8, although its network sizes the projections by heads times head size
(huggingface/transformers issue 46082). The folder's configuration is read here without that one check; no file is changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase


class FreeHeadsConfig(LlamaConfig):  # type: ignore[misc]  # transformers is not typed here
    """A Llama configuration that says itself how wide a head is."""

    def validate_architecture(self) -> None:
        """Accept any width: `head_dim` is given."""

    def validate(self) -> None:
        """Accept it, too, where the library checks it again."""


def load_causal(folder: str | Path, **options: Any) -> Any:
    """Load the network in `folder` as `AutoModelForCausalLM.from_pretrained` does, safetensors and no code of others.

    Raises:
        OSError, ValueError and the library's own errors (`models.loader.LOAD_FAILURES`): it cannot be loaded.
    """
    options |= {"use_safetensors": True, "trust_remote_code": False}
    if (config := read_free_heads(folder)) is not None:
        return LlamaForCausalLM.from_pretrained(folder, config=config, **options)
    return AutoModelForCausalLM.from_pretrained(folder, **options)


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer in `folder`, with its configuration where the library would refuse to read that."""
    config = read_free_heads(folder)
    named = {} if config is None else {"config": config}
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **named)
    return tokenizer


def read_free_heads(folder: str | Path) -> FreeHeadsConfig | None:
    """Return the configuration of a Llama whose heads do not divide its width, None for every other folder."""
    file = Path(folder) / "config.json"
    if not file.is_file():
        return None
    raw = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or raw.get("model_type") != "llama" or not raw.get("head_dim"):
        return None
    if raw["hidden_size"] % raw["num_attention_heads"] == 0:
        return None
    config: FreeHeadsConfig = FreeHeadsConfig.from_pretrained(folder)
    return config
