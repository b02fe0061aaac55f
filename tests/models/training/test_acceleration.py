"""Check what is said of Unsloth, and what is asked of it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models.profile import AdapterTraining
from models.training.acceleration import Capability, advise, find_obstacle, load_patched, read_capability


@pytest.mark.parametrize(
    ("capability", "installed", "said"),
    [
        ((6, 1), True, "this card has capability 6.1; Unsloth needs 7.0; training goes on without it"),
        ((6, 1), False, "this card has capability 6.1; Unsloth needs 7.0; training goes on without it"),
        (None, True, "there is no CUDA device here; Unsloth needs 7.0; training goes on without it"),
        ((9, 0), False, "Unsloth is not installed (pip install unsloth); training goes on without it"),
        ((7, 0), True, ""),
        ((12, 0), True, ""),
    ],
)
def test_obstacle_is_said_plainly(capability: Capability | None, installed: bool, said: str) -> None:
    assert find_obstacle(capability, installed=installed) == said


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_without_cuda_it_is_never_used_and_only_said_when_asked_for() -> None:
    assert read_capability() is None
    assert advise(wanted=False) == (False, "")
    used, said = advise(wanted=True)
    assert not used
    assert "no CUDA device" in said


def test_recipe_reaches_unsloth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    class FastLanguageModel:
        @staticmethod
        def from_pretrained(**options: Any) -> tuple[str, str]:
            asked.update(options)
            return "network", "tokenizer"

        @staticmethod
        def get_peft_model(network: str, **options: Any) -> str:
            asked.update(options)
            return f"{network} with an adapter"

    monkeypatch.setitem(sys.modules, "unsloth", SimpleNamespace(FastLanguageModel=FastLanguageModel))
    recipe = AdapterTraining(rank=16, epochs=5, target_modules=("q_proj",))
    assert load_patched(tmp_path, recipe, max_length=512, seed=7) == "network with an adapter"
    assert (asked["r"], asked["lora_alpha"], asked["target_modules"]) == (16, 16, ["q_proj"])
    assert (asked["model_name"], asked["max_seq_length"], asked["random_state"]) == (str(tmp_path), 512, 7)
    assert asked["load_in_4bit"] is False
