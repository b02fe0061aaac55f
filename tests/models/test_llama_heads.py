"""Tests of Llamas whose heads do not divide their width, as Kanana 2.1B's: they load, answer as transformers does, and can be tuned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel

from models.decode_batch import DecodeBatch
from models.errors import WeightsError
from models.llama_heads import load_tokenizer, read_free_heads
from models.loader import load_base
from models.profile import ADAPTER_NAMES, AdapterTraining
from models.training.adapter import train_adapter
from tests.models.tiny import PROMPTS, TinyBase, generate_with_transformers, greedy, make_base, make_sequence


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    return make_base(tmp_path_factory.mktemp("free_heads"), "free_heads")


async def test_engine_answers_as_transformers_does(base: TinyBase) -> None:
    loaded = load_base("main", str(base.folder), base.sources(), torch.device("cpu"), torch.float32)
    reference = PeftModel.from_pretrained(base.network(), str(base.adapters["memory"]), adapter_name="memory")
    for name in ADAPTER_NAMES:
        if name != "memory":
            reference.load_adapter(str(base.adapters[name]), adapter_name=name)
        reference.set_adapter(name)
        batch, sequence = DecodeBatch(loaded, torch.device("cpu"), 2), make_sequence(loaded, name, greedy(20))
        batch.add(sequence)
        while batch.has_work():
            batch.step()
        assert sequence.token_ids == generate_with_transformers(reference, base.tokenizer, PROMPTS[name], 20)


def test_adapter_is_tuned_on_it(base: TinyBase, tmp_path: Path) -> None:
    recipe = AdapterTraining(rank=4, epochs=1, batch_size=2, learning_rate=1e-3, target_modules=("q_proj", "o_proj"))
    examples = [("안녕 (답변 시작)", "응, 안녕! (답변 종료)")] * 4
    figures = train_adapter(str(base.folder), examples, recipe, tmp_path / "out", seed=1, report=lambda *_: None)
    assert figures["steps"] == 2
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()


def test_only_such_folders_are_read_differently(base: TinyBase, llama: TinyBase, neox: TinyBase) -> None:
    assert read_free_heads(base.folder) is not None
    assert read_free_heads(llama.folder) is None
    assert read_free_heads(neox.folder) is None
    assert load_tokenizer(base.folder)("안녕")["input_ids"] == base.tokenizer("안녕")["input_ids"]


def test_width_that_heads_do_not_divide_needs_the_size_of_a_head(base: TinyBase, tmp_path: Path) -> None:
    folder = shutil.copytree(base.folder, tmp_path / "base")
    raw = json.loads((folder / "config.json").read_text())
    del raw["head_dim"]
    (folder / "config.json").write_text(json.dumps(raw))
    with pytest.raises(WeightsError, match="validate_architecture"):
        load_base("main", str(folder), {}, torch.device("cpu"), torch.float32)
