"""Train tiny adapters and a tiny encoder from end to end, and use what was written."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.embedder import encode
from models.errors import ModelError
from models.loader import load_base, load_encoder
from models.profile import AdapterTraining, EncoderTraining, load_profile
from models.training.adapter import lora_config, train_adapter
from models.training.embedded import EmbeddedRecipe
from models.training.encoder import EncoderRecipe, make_encoder, recipe_for, train_encoder
from models.training.encoder_data import CATEGORIES, EthicsSentence, Pair, ethics_pairs
from models.training.encoder_run import EncoderOptions
from models.training.manifest import hash_corpus, hash_folder, write_manifest
from models.training.target import TargetExists
from models.training.tokenizer import MARKS, train_tokenizer
from tests.models.tiny import LINES, TARGETS, TinyBase, greedy, running

EXAMPLES = [(f"{line[:12]} (답변 시작)", f" {line[-10:]} (답변 종료)") for line in LINES] + [
    ("안녕 (답변 시작)", " 응! (답변 종료)"),
    ("뭐 해? (답변 시작)", " 논문 읽어 (답변 종료)"),
    ("잘 자 (답변 시작)", " 너도 (답변 종료)"),
]
SMALL = EncoderRecipe(buckets=256, dimensions=16, hidden=16, epochs=2, batch_size=8)
PAIRS = ethics_pairs(
    [EthicsSentence(text=text, category=name) for text, name in zip(LINES, CATEGORIES, strict=True)], copies=2, seed=1
)


def _recipe(kind: str) -> AdapterTraining:
    return AdapterTraining(
        rank=4, epochs=1, learning_rate=5e-3, batch_size=4, dropout=0.0, target_modules=tuple(TARGETS[kind])
    )


def _ignore(step: int, steps: int, loss: float) -> None:
    """Take a progress report."""


async def test_trained_adapter_is_loaded_and_answers(tiny: TinyBase, tmp_path: Path) -> None:
    out = tmp_path / "adapters" / "output_message"
    figures = train_adapter(str(tiny.folder), EXAMPLES, _recipe(tiny.kind), out, seed=7, report=_ignore)
    assert figures["steps"] == 2
    assert 0 < figures["loss"] < 50
    names = {path.name for path in out.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= names
    assert not any(path.suffix in {".bin", ".py", ".pt"} for path in out.rglob("*"))
    assert any(
        value.abs().max() > 0 for key, value in load_file(out / "adapter_model.safetensors").items() if "lora_B" in key
    )
    base = load_base("main", str(tiny.folder), {"output_message": str(out)}, torch.device("cpu"), torch.float32)
    async with running([base]) as generator:
        generation = await generator.generate("output_message", EXAMPLES[0][0], greedy(8, stop="(답변 종료)"))
    assert generation.new_tokens > 0


def test_existing_folder_is_never_overwritten(llama: TinyBase, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(TargetExists, match="exists"):
        train_adapter(str(llama.folder), EXAMPLES, _recipe("llama"), tmp_path / "here", seed=7, report=_ignore)
    with pytest.raises(TargetExists, match="exists"):
        train_encoder(PAIRS, SMALL, tmp_path / "here", _ignore)
    assert list((tmp_path / "here").iterdir()) == []


def test_nothing_to_learn_from_is_an_error(llama: TinyBase, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no example"):
        train_adapter(str(llama.folder), [], _recipe("llama"), tmp_path / "out", seed=7, report=_ignore)
    with pytest.raises(ModelError, match="no training pairs"):
        train_encoder([], SMALL, tmp_path / "out", _ignore)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_base_that_cannot_be_loaded_is_an_error_of_one_line(llama: TinyBase, tmp_path: Path, name: str) -> None:
    base = tmp_path / "base"
    shutil.copytree(llama.folder, base)
    (base / name).write_bytes((base / name).read_bytes()[:40])
    with pytest.raises(ModelError) as caught:
        train_adapter(str(base), EXAMPLES, _recipe("llama"), tmp_path / "out", seed=7, report=_ignore)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_equal_seeds_train_equal_adapters(llama: TinyBase, tmp_path: Path) -> None:
    recipe, weights = _recipe("llama"), []
    for run in range(2):
        torch.manual_seed(1000 + run)  # what ran before must not matter
        out = tmp_path / str(run)
        train_adapter(str(llama.folder), EXAMPLES[:4], recipe, out, seed=7, report=_ignore)
        weights.append(load_file(out / "adapter_model.safetensors"))
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-3, atol=1e-4, msg=name)


def test_recipe_becomes_the_peft_configuration() -> None:
    config = lora_config(AdapterTraining(rank=64, epochs=20, target_modules=("query_key_value",)))
    assert (config.r, config.lora_alpha, config.lora_dropout) == (64, 16, 0.05)
    assert config.init_lora_weights == "gaussian"
    assert config.bias == "none"
    assert set(config.target_modules) == {"query_key_value"}


def test_trained_encoder_is_loaded_and_has_learned(tmp_path: Path) -> None:
    recipe = EncoderRecipe(buckets=256, dimensions=16, hidden=16, epochs=30, batch_size=16, learning_rate=1e-2)
    losses: list[float] = []
    out = tmp_path / "encoders" / "ethics"
    figures = train_encoder(PAIRS, recipe, out, lambda step, steps, loss: losses.append(loss))
    assert figures["steps"] == 30 * -(-len(PAIRS) // 16)
    assert losses[-1] < losses[0]
    encoder = load_encoder(str(out), torch.device("cpu"))
    scores = encode(encoder, LINES) @ encode(encoder, CATEGORIES).T
    assert (scores.argmax(axis=1) == np.arange(5)).sum() >= 4
    assert not any(path.suffix in {".bin", ".py", ".pt"} for path in out.rglob("*"))
    assert json.loads((out / "modules.json").read_text())[0]["type"] == "models.text_features.HashedNgrams"


def test_equal_seeds_train_equal_encoders(tmp_path: Path) -> None:
    for run in range(2):
        torch.manual_seed(1000 + run)
        train_encoder(PAIRS, SMALL, tmp_path / str(run), _ignore)
    first, second = (load_file(tmp_path / str(run) / "model.safetensors") for run in range(2))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], msg=name)


def test_language_model_is_pooled_into_an_encoder(llama: TinyBase, tmp_path: Path) -> None:
    recipe = EncoderRecipe(base=str(llama.folder), epochs=1, batch_size=4, learning_rate=2e-5)
    pairs = [Pair(first=line, second="일반", similarity=1.0) for line in LINES[:4]]
    train_encoder(pairs, recipe, tmp_path / "encoder", _ignore)
    encoder = load_encoder(str(tmp_path / "encoder"), torch.device("cpu"))
    rows = encode(encoder, ["안녕", "나는 오늘 학교에 가"])
    assert rows.shape == (2, 32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-4)


def test_learning_rate_follows_the_base() -> None:
    assert recipe_for(EncoderTraining(), seed=1) == EncoderRecipe(epochs=4, learning_rate=1e-3, seed=1)
    pooled = recipe_for(EncoderTraining(base="klue/roberta-base", epochs=10))
    assert (pooled.base, pooled.epochs, pooled.learning_rate) == ("klue/roberta-base", 10, 2e-5)
    assert make_encoder(SMALL).get_embedding_dimension() == 16


def test_what_a_profile_says_of_an_encoder_goes_before_what_suits_its_kind() -> None:
    training = EncoderTraining(epochs=3, buckets=64, dimensions=8, hidden=4, batch_size=2, learning_rate=0.5)
    wanted = {"epochs": 3, "buckets": 64, "dimensions": 8, "hidden": 4, "batch_size": 2, "learning_rate": 0.5}
    for reads_turns, reading in ((False, "message"), (True, "turn")):
        recipe = recipe_for(training, reads_turns=reads_turns)
        assert wanted.items() <= asdict(recipe).items()
        assert recipe.reading == reading
    assert recipe_for(EncoderTraining(), reads_turns=True).buckets == 8192


def test_encoders_that_ship_are_trained_as_the_profile_says() -> None:
    recipe = EmbeddedRecipe()
    assert recipe.ethics == EncoderRecipe(epochs=3, buckets=65536, dimensions=32, hidden=128)
    assert recipe.memory == EncoderRecipe(epochs=6, buckets=16384, dimensions=128, hidden=256)
    assert recipe.relevance == EncoderRecipe(
        epochs=4, batch_size=384, learning_rate=1e-2, feature_dropout=0.3, reading="dialogue",
        buckets=30720, dimensions=64, hidden=128,
    )  # fmt: skip
    encoders = load_profile("embedded").encoders
    assert EncoderOptions().make_recipe("ethics", encoders["ethics"].training) == recipe.ethics
    assert EncoderOptions().make_recipe("memory", encoders["memory"].training) == recipe.memory


def test_another_base_keeps_only_the_epochs_of_a_profile() -> None:
    training = EncoderTraining(epochs=3, buckets=64, learning_rate=0.5)
    recipe = EncoderOptions(base="klue/roberta-base", batch_size=16).make_recipe("ethics", training)
    assert recipe == EncoderRecipe(base="klue/roberta-base", epochs=3, learning_rate=2e-5, batch_size=16)


def test_tokenizer_keeps_marks_whole_and_gives_back_any_text() -> None:
    tokenizer = train_tokenizer(LINES, 400)
    assert len(tokenizer) <= 400
    for mark in MARKS:
        assert len(tokenizer(mark, add_special_tokens=False)["input_ids"]) == 1
    assert tokenizer("안녕")["input_ids"][0] == tokenizer.bos_token_id == 0
    assert tokenizer.eos_token_id == 1
    for text in ("뷁 2026년 🫠 (답변 시작) 응", " 앞뒤 공백 ", "a\nb\tc", "12345"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    assert len(tokenizer("12345", add_special_tokens=False)["input_ids"]) == 5


def test_manifest_names_every_file_and_follows_the_corpus(tmp_path: Path) -> None:
    weights, corpus = tmp_path / "weights", tmp_path / "corpus"
    (weights / "base").mkdir(parents=True)
    (weights / "base" / "x.safetensors").write_bytes(b"123")
    corpus.mkdir()
    (corpus / "a.txt").write_text("안녕", "utf-8")
    manifest = write_manifest(weights, corpus, "train", {"loss": 0.5})
    assert json.loads((weights / "manifest.json").read_text("utf-8")) == manifest
    assert list(manifest["files"]) == ["base/x.safetensors"]
    assert manifest["bytes"] == 3
    assert write_manifest(weights, corpus, "train", {"loss": 0.5}) == manifest
    before = hash_folder(corpus)
    (corpus / "a.txt").rename(corpus / "b.txt")
    assert hash_folder(corpus) != before
    of_talk = hash_corpus(corpus)
    (corpus / "interview").mkdir()
    (corpus / "interview" / "c.txt").write_text("면접", "utf-8")
    assert hash_corpus(corpus) == of_talk
    assert hash_folder(corpus) != of_talk
