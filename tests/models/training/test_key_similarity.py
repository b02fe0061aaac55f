"""Check how alike the keys of memories are taken to be: by groups, by a reference encoder, by their words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from models.embedder import encode
from models.errors import ModelError
from models.loader import load_encoder
from models.training.dialogue_files import DATA_DIR
from models.training.encoder_data import product_pairs, read_memory_lines
from models.training.key_similarity import KeyGroups, KeyReference, KeyWords, MemoryLine, Target, stretch
from models.training.key_target import make_similarity
from models.types import Embeddings


def _line(key: str, value: str, message: str = "응") -> MemoryLine:
    return MemoryLine(memory=f"[{key}: {value}]", key=key, value=value, message=message)


@pytest.mark.parametrize(
    ("first", "second", "similarity"),
    [
        (("좋아하는 아이돌", "a"), ("좋아하는 가수", "b"), 1.0),
        (("상태", "감기 걸림"), ("상태", "감기 걸림"), 1.0),
        (("상태", "우울함"), ("상태", "감기 걸림"), 0.0),
        (("취미", "등산"), ("직업", "간호사"), 0.0),
        (("내 방 색", "a"), ("내 방 색", "b"), 1.0),
    ],
)
def test_similarity_of_keys(first: tuple[str, str], second: tuple[str, str], similarity: float) -> None:
    assert KeyGroups().between(_line(*first), _line(*second)) == similarity


def test_similarity_by_words_is_stretched() -> None:
    keys = KeyGroups(path=None)
    assert keys.between(_line("a b c d", ""), _line("a b c", "")) == pytest.approx(2.6 * 0.75 - 1.6)
    assert keys.between(_line("a b", ""), _line("a c", "")) == 0
    assert keys.between(_line("좋아하는 아이돌", ""), _line("좋아하는 가수", "")) == 0


def test_similarity_is_the_same_both_ways_and_in_range() -> None:
    keys, lines = KeyGroups(), read_memory_lines(DATA_DIR / "memory" / "lines.txt")[::7]
    for first in lines:
        for second in lines:
            assert 0 <= keys.between(first, second) <= 1
            assert keys.between(first, second) == keys.between(second, first)


def test_older_target_is_the_overlap_of_the_words() -> None:
    keys = KeyWords()
    assert keys.between(_line("좋아하는 아이돌", ""), _line("좋아하는 가수", "")) == pytest.approx(1 / 3)
    assert keys.between(_line("취미", "등산"), _line("취미", "독서")) == 1
    assert keys.between(_line("상태", "배가 고픔"), _line("상태", "배가 부름")) == pytest.approx(1 / 3)
    assert keys.between(_line("취미", ""), _line("직업", "")) == 0


def test_published_target_stretches_the_cosine_of_a_reference_encoder() -> None:
    angles = {"취미": 0.0, "특기": 0.5, "직업": 1.4, "감기": 0.1, "좋아하는 아이돌": 0.0, "좋아하는 가수": 3.0}
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> Embeddings:
        asked.extend(texts)
        return np.array([[np.cos(angles[text]), np.sin(angles[text])] for text in texts], dtype=np.float32)

    keys = KeyReference(embed)
    assert keys.between(_line("취미", "등산"), _line("취미", "독서")) == 1
    assert keys.between(_line("취미", ""), _line("특기", "")) == pytest.approx(2.6 * np.cos(0.5) - 1.6, abs=1e-6)
    assert keys.between(_line("취미", ""), _line("직업", "")) == 0
    assert (
        keys.between(_line("좋아하는 가수", ""), _line("좋아하는 아이돌", "")) == 1
    )  # one key, whatever the encoder says
    assert keys.between(_line("상태", "감기"), _line("특기", "")) == pytest.approx(2.6 * np.cos(0.4) - 1.6, abs=1e-6)
    assert sorted(asked) == ["감기", "직업", "취미", "특기"]  # each key once


@pytest.fixture(scope="module")
def reference(roberta: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny sentence-transformers model: a RoBERTa, pooled by mean."""
    folder = tmp_path_factory.mktemp("reference") / "encoder"
    module = Transformer(str(roberta))
    pooling = Pooling(module.get_embedding_dimension(), "mean")
    SentenceTransformer(modules=[module, pooling], device="cpu").save(str(folder), create_model_card=False)
    return folder


def test_reference_encoder_is_any_that_the_engine_loads(reference: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("[취미: 등산] 산 가자\n[사는 곳: 서울] 집 가자\n[취미: 독서] 책 읽자\n", "utf-8")
    lines = read_memory_lines(file)
    notes: list[str] = []
    keys = make_similarity([file], None, str(reference), notes.append)
    assert isinstance(keys, KeyReference)
    one, two = encode(load_encoder(str(reference), torch.device("cpu")), ["취미", "사는 곳"])
    far = stretch(float(one @ two))
    found = [pair.similarity for pair in product_pairs(lines, keys)]
    assert found == pytest.approx([1, far, 1, far, 1, far, 1, far, 1], abs=1e-6)


def test_options_that_do_not_go_together_are_told(reference: Path, tmp_path: Path) -> None:
    lines, pairs = tmp_path / "lines.txt", tmp_path / "pairs.CSV"
    notes: list[str] = []
    with pytest.raises(ModelError, match="needs --reference-encoder"):
        make_similarity([lines], Target.REFERENCE, "", notes.append)
    with pytest.raises(ModelError, match="--target iou out"):
        make_similarity([lines], Target.IOU, str(reference), notes.append)
    with pytest.raises(ModelError, match="which holds similarities"):
        make_similarity([pairs], Target.IOU, "", notes.append)
    with pytest.raises(ModelError, match="nothing-here"):
        make_similarity([lines], None, str(tmp_path / "nothing-here"), notes.append)
    assert isinstance(make_similarity([lines, pairs], None, "", notes.append), KeyGroups)
    assert isinstance(make_similarity([lines], Target.IOU, "", notes.append), KeyWords)
    assert make_similarity([pairs], None, "", notes.append) is None
