"""Tests of the base's own training step: uneven cuts give back the text, each parameter has one optimiser, sequences end."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from models.errors import ModelError
from models.profile import load_profile
from models.training.base import (
    BaseRecipe,
    BaseRun,
    cut_tokens,
    draw_sequences,
    make_network,
    make_optimisers,
    measure_loss,
    train_base,
)
from models.training.dialogue_files import DATA_DIR, read_dialogue_file
from models.training.dialogue_rows import DialogueCorpus, expand
from models.training.slots import read_slot_lists
from models.training.tokenizer import train_tokenizer
from models.training.training_log import LOG_NAME, read_log

RECIPE = BaseRecipe(hidden=32, layers=1, heads=2, vocabulary=600, rows=4)


@pytest.fixture(scope="module")
def corpus() -> DialogueCorpus:
    shared = read_slot_lists((DATA_DIR / "slots.txt").read_text("utf-8").splitlines())
    file = read_dialogue_file(DATA_DIR / "dialogue" / "things_money.txt", shared)
    return DialogueCorpus(files=(replace(file, exchanges=file.exchanges[::3]),))


@pytest.fixture(scope="module")
def tokenizer(corpus: DialogueCorpus) -> PreTrainedTokenizerFast:
    return train_tokenizer((row.input for row in expand(corpus, 1)), RECIPE.vocabulary)


def test_uneven_cuts_spell_the_same_text_in_more_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = ["월급 받았는데 벌써 없어 (답변 시작)"] * 50
    usual = tokenizer(texts)["input_ids"]
    uneven = cut_tokens(tokenizer, texts, 0.3)
    assert [tokenizer.decode(ids, skip_special_tokens=True) for ids in uneven] == texts
    assert len({tuple(ids) for ids in uneven}) > 10
    assert sum(map(len, uneven)) > sum(map(len, usual))
    assert all(ids[-1] == usual[0][-1] for ids in uneven)  # a mark stays one token
    assert tokenizer(texts)["input_ids"] == usual


def test_each_parameter_has_one_optimiser() -> None:
    network = make_network(RECIPE, 600)
    muon, adamw = make_optimisers(network, RECIPE)
    held = [
        parameter for optimiser in (muon, adamw) for group in optimiser.param_groups for parameter in group["params"]
    ]
    assert len(held) == len({id(parameter) for parameter in held}) == len(list(network.parameters()))
    assert {parameter.ndim for group in muon.param_groups for parameter in group["params"]} == {2}
    embedding = network.get_input_embeddings().weight
    assert any(parameter is embedding for group in adamw.param_groups for parameter in group["params"])


def test_sequences_of_a_pass_begin_and_end(corpus: DialogueCorpus, tokenizer: PreTrainedTokenizerFast) -> None:
    profile = load_profile("embedded")
    sequences = draw_sequences(corpus, profile, tokenizer, RECIPE, 0)
    assert all(sequence[0] == 0 and sequence[-1] == 1 for sequence in sequences)
    assert 1 not in {token for sequence in sequences for token in sequence[:-1]}
    texts = tokenizer.batch_decode(sequences)
    assert tokenizer.batch_decode(draw_sequences(corpus, profile, tokenizer, RECIPE, 0)) == texts
    assert tokenizer.batch_decode(draw_sequences(corpus, profile, tokenizer, RECIPE, 1)) != texts


def test_loss_of_an_untrained_network_is_that_of_guessing(
    corpus: DialogueCorpus, tokenizer: PreTrainedTokenizerFast
) -> None:
    torch.manual_seed(1)
    network = make_network(RECIPE, len(tokenizer))
    sequences = draw_sequences(corpus, load_profile("embedded"), tokenizer, RECIPE, 0)
    sample = random.Random(1).sample(sequences, 400)
    assert measure_loss(network, sample, RECIPE) == pytest.approx(math.log(len(tokenizer)), rel=0.1)
    assert math.isnan(measure_loss(network, [], RECIPE))


def test_interrupted_run_goes_on_after_its_last_pass(corpus: DialogueCorpus, tmp_path: Path) -> None:
    recipe = replace(RECIPE, passes=2, token_dropout=0.0)  # the library's own dice are the only ones without a seed
    profile = load_profile("embedded")
    seen: list[int] = []

    def stop_in_second_pass(step: int, steps: int, loss: float) -> None:
        seen.append(step)
        if step > steps // 2 + 2:
            raise KeyboardInterrupt

    whole = train_base(corpus, profile, tmp_path / "whole", recipe, _ignore, compile_steps=False)
    with pytest.raises(KeyboardInterrupt):
        train_base(corpus, profile, tmp_path / "base", recipe, stop_in_second_pass, compile_steps=False)
    assert not (tmp_path / "base").exists()
    begun = len(seen)
    resumed = train_base(
        corpus, profile, tmp_path / "base", recipe, lambda step, *_: seen.append(step), compile_steps=False
    )
    first_pass, all_passes = [each["step"] for each in read_log(tmp_path / "whole" / LOG_NAME) if "validation" in each]
    assert all_passes == whole["steps"]
    assert seen[begun] == first_pass + 1
    assert resumed["steps"] == whole["steps"]
    assert resumed["loss"] == pytest.approx(whole["loss"], rel=1e-3)
    assert resumed["held_out_loss"] == pytest.approx(whole["held_out_loss"], rel=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "whole"]
    records = read_log(tmp_path / "base" / LOG_NAME)
    assert [record["step"] for record in records if "validation" in record] == [first_pass, all_passes]


def test_base_that_exists_is_trained_on(corpus: DialogueCorpus, tmp_path: Path) -> None:
    profile = load_profile("embedded")
    first = train_base(corpus, profile, tmp_path / "first", replace(RECIPE, passes=1), _ignore, compile_steps=False)
    recipe = replace(RECIPE, hidden=64, passes=1, share=0.5, start=str(tmp_path / "first"))
    second = train_base(corpus, profile, tmp_path / "second", recipe, _ignore, compile_steps=False)
    assert second["held_out_loss"] < first["held_out_loss"]
    assert second["steps"] == pytest.approx(first["steps"] / 2, abs=2)
    assert json.loads((tmp_path / "second" / "config.json").read_text())["hidden_size"] == RECIPE.hidden
    tokenizers = [(tmp_path / name / "tokenizer.json").read_text("utf-8") for name in ("first", "second")]
    assert tokenizers[0] == tokenizers[1]
    assert recipe.changes() == {"start": recipe.start, "passes": 1, "share": 0.5}


def test_weights_that_are_kept_whole_come_out_as_they_went_in(corpus: DialogueCorpus, tmp_path: Path) -> None:
    profile = load_profile("embedded")
    first = train_base(corpus, profile, tmp_path / "first", replace(RECIPE, passes=1), _ignore, compile_steps=False)
    recipe = replace(RECIPE, passes=1, share=0.5, start=str(tmp_path / "first"), kept=1.0)
    second = train_base(corpus, profile, tmp_path / "second", recipe, _ignore, compile_steps=False)
    assert second["held_out_loss"] == pytest.approx(
        first["held_out_loss"], rel=0.01
    )  # the first was written in bfloat16
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("first", "second"))
    assert all(before[name].equal(after[name]) for name in before)


@pytest.mark.parametrize("has_tokenizer", [False, True])
def test_start_without_a_base_is_refused(
    corpus: DialogueCorpus, tokenizer: PreTrainedTokenizerFast, tmp_path: Path, has_tokenizer: bool
) -> None:
    if has_tokenizer:
        tokenizer.save_pretrained(tmp_path / "start")
    recipe = replace(RECIPE, passes=1, start=str(tmp_path / "start"))
    with pytest.raises(ModelError, match="holds no"):
        train_base(corpus, load_profile("embedded"), tmp_path / "out", recipe, _ignore, compile_steps=False)


def test_broken_checkpoint_is_an_error_of_one_line(corpus: DialogueCorpus, tmp_path: Path) -> None:
    run = BaseRun(corpus, load_profile("embedded"), RECIPE, tmp_path / "base.partial", compile_steps=False)
    run.save()
    (tmp_path / "base.partial" / "state.pt").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(ModelError, match="remove it to train the base again"):
        train_base(corpus, load_profile("embedded"), tmp_path / "base", RECIPE, _ignore, compile_steps=False)


def _ignore(step: int, steps: int, loss: float) -> None:
    """Take a progress report."""
