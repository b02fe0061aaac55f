"""Check that text is read as letters only, and the encoder over it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from models.loader import load_encoder
from models.text_features import (
    HashedNgrams,
    compose_jamo,
    dialogue_features,
    features,
    normalise,
    split_jamo,
)
from models.training.augment import obfuscate
from models.types import HER_LINE

SYLLABLES = st.text(st.characters(min_codepoint=ord("가"), max_codepoint=ord("힣")), max_size=6)


def _letters(text: str) -> list[str]:
    """Return the letters that `text` is read as."""
    return [feature[1] for feature in features(text) if feature.startswith("s") and len(feature) == 2][1:-1]


@given(SYLLABLES)
@example("안녕")
@example("학교")
@example("값을 꽃이 닭".replace(" ", ""))
def test_split_syllables_compose_again(text: str) -> None:
    assert compose_jamo(split_jamo(text)) == text


@pytest.mark.parametrize("text", ["ㅋㅋㅋ", "ㅠㅠ", "ㅎㅇ", "좋아ㅋㅋ", "하ㅋㅋㅋ", "abc"])
def test_single_jamo_stay(text: str) -> None:
    assert compose_jamo(text) == text


def test_splitting_leaves_other_letters() -> None:
    assert split_jamo("사랑 a1ㅋ") == "ㅅㅏㄹㅏㅇ a1ㅋ"


@pytest.mark.parametrize(
    ("obfuscated", "plain"),
    [
        ("사💗랑💗해", "사랑해"),
        ("국민의789 힘012", "국민의힘"),
        ("사 랑 해", "사랑해"),
        ("사.랑.해!!", "사랑해"),
        ("사\u200b랑\u2060해", "사랑해"),
        ("ㅅㅏㄹㅏㅇㅎㅐ", "사랑해"),
        ("ㅅ ㅏ ㄹ ㅏ ㅇ ㅎ ㅐ", "사랑해"),
        ("ㅇㅏㄴㄴㅕㅇ", "안녕"),
        ("\u1109\u1161\u1105\u1161\u11bc\u1112\u1162", "사랑해"),
        ("ＬＯＶＥ", "love"),
    ],
)
def test_obfuscated_text_reads_as_its_letters(obfuscated: str, plain: str) -> None:
    assert _letters(obfuscated) == _letters(plain) == list(plain)


@pytest.mark.parametrize("text", ["ㅋㅋ", "ㅠㅠ", "ㅇㅇ", "ㅎㅇ"])
def test_jamo_are_letters(text: str) -> None:
    assert _letters(text) == list(text)


def test_training_obfuscation_of_every_kind_keeps_the_letters() -> None:
    for seed in range(60):
        read = "".join(_letters(obfuscate("우리 국민의힘 찍자", random.Random(seed))))
        squeezed = "".join(c for i, c in enumerate(read) if i == 0 or read[i - 1] != c)
        assert squeezed == "우리국민의힘찍자"


def test_case_calls_and_long_runs_do_not_matter() -> None:
    assert normalise("ㅋㅋㅋㅋㅋㅋ아아아아") == normalise("ㅋㅋ아아")
    assert list(features("로라야, 사랑해")) == list(features("사랑해"))
    assert list(features("오로라야 사랑해")) == list(features("사랑해"))
    assert _letters("로라야") == list("로라야")  # a call alone is the message
    assert list(features("AI 좋아")) == list(features("ai 좋아"))


@given(st.text(max_size=40))
def test_any_text_has_features_and_bucket_ids_in_range(text: str) -> None:
    module = HashedNgrams(buckets=64, dimensions=4, hidden=4, max_features=50)
    ids = module.bucket_ids(text)
    assert 0 < len(ids) <= 50
    assert all(1 <= number <= 64 for number in ids)


def test_batches_are_padded_with_nothing() -> None:
    module = HashedNgrams(buckets=64, dimensions=4, hidden=4).eval()
    together = module(module.preprocess(["안녕", "나는 오늘 학교에 가", ""]))["sentence_embedding"]
    alone = module(module.preprocess(["안녕"]))["sentence_embedding"]
    torch.testing.assert_close(together[:1], alone)
    assert torch.isfinite(together).all()


def test_features_are_left_out_in_training_only() -> None:
    torch.manual_seed(0)
    module = HashedNgrams(buckets=64, dimensions=4, hidden=4)
    ids = module.preprocess(["나는 오늘 학교에 가"])
    module.train()
    assert not torch.equal(module(dict(ids))["sentence_embedding"], module(dict(ids))["sentence_embedding"])
    module.eval()
    assert torch.equal(module(dict(ids))["sentence_embedding"], module(dict(ids))["sentence_embedding"])


def test_saved_encoder_embeds_the_same(tmp_path: Path) -> None:
    torch.manual_seed(1)
    encoder = SentenceTransformer(modules=[HashedNgrams(buckets=256, dimensions=8, hidden=8)], device="cpu").eval()
    encoder.save(str(tmp_path / "encoder"), create_model_card=False)
    loaded = load_encoder(str(tmp_path / "encoder"), torch.device("cpu"))
    texts = ["안녕 로라야", "사💗랑💗해", ""]
    np.testing.assert_allclose(
        loaded.encode(texts, normalize_embeddings=True), encoder.encode(texts, normalize_embeddings=True), atol=2e-3
    )
    assert next(loaded.parameters()).dtype == torch.float32
    assert (
        sum(path.stat().st_size for path in (tmp_path / "encoder").rglob("*.safetensors")) < 257 * (8 + 2) + 400 + 1000
    )


def test_rows_of_the_table_are_stored_with_their_own_scales_and_one_of_zeros_stays_so(tmp_path: Path) -> None:
    module = HashedNgrams(buckets=3, dimensions=4, hidden=2)
    with torch.no_grad():
        module.table.weight[1:] = torch.tensor([[1e-3, -5e-4, 0, 1e-3], [300, 1, -2, 0], [0, 0, 0, 0]])
    module.save(str(tmp_path))
    table = HashedNgrams.load(str(tmp_path)).table.weight
    assert torch.equal(table[0], torch.zeros(4))
    assert torch.equal(table[3], torch.zeros(4))
    torch.testing.assert_close(table[1], module.table.weight[1], atol=1e-3 / 254 * 1.01, rtol=1e-3)
    torch.testing.assert_close(table[2], module.table.weight[2], atol=300 / 254 * 1.01, rtol=1e-3)


def test_encoder_that_was_stored_in_float16_is_still_read(tmp_path: Path) -> None:
    module = HashedNgrams(buckets=7, dimensions=4, hidden=2)
    module.save(str(tmp_path))
    save_file({name: value.half() for name, value in module.state_dict().items()}, tmp_path / "model.safetensors")
    torch.testing.assert_close(HashedNgrams.load(str(tmp_path)).table.weight, module.table.weight, atol=1e-3, rtol=1e-3)


def test_dialogue_is_read_as_contexts_message_and_line_apart() -> None:
    message, line = set(dialogue_features("감기")), set(dialogue_features(f"{HER_LINE}감기"))
    assert {feature[1:] for feature in message} == {feature[1:] for feature in line} == set(features("감기"))
    assert not message & line
    whole = set(dialogue_features("[상태: 감기] (지금은 월요일 오전) 졸려"))
    assert whole >= set(dialogue_features("졸려"))
    assert {feature[0] for feature in whole} == {"m", "f"}
