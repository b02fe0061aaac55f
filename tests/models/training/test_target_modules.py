"""Check which layers are chosen for another base."""

from __future__ import annotations

import pytest

from models.training.target_modules import fit_target_modules

LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.mark.parametrize(
    ("modules", "model_type", "chosen"),
    [
        (LLAMA, "gpt_neox", ("query_key_value",)),
        (("query_key_value",), "llama", LLAMA),
        (("query_key_value",), "gemma2", LLAMA),
        (("q_proj", "v_proj"), "llama", ("q_proj", "v_proj")),
        (("query_key_value",), "gpt_neox", ("query_key_value",)),
        (("c_attn",), "gpt2", ("c_attn",)),
        (LLAMA, "", LLAMA),
    ],
)
def test_modules_follow_the_architecture_where_the_profile_does_not_fit(
    modules: tuple[str, ...], model_type: str, chosen: tuple[str, ...]
) -> None:
    assert fit_target_modules(modules, model_type) == chosen
