"""Tests of what the encoder of relevance is trained on, and that it learns which line answers which message."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.loader import load_encoder
from models.training.dialogue_rows import DialogueRow
from models.training.encoder import EncoderRecipe, train_on_triples
from models.training.relevance import Triple, make_triples, shared_word
from models.types import HER_LINE

ROWS = [
    DialogueRow(input="기타 배우는 중이야", reply="기타 줄부터 맞춰 보자!"),
    DialogueRow(input="화분 샀어", reply="화분은 창가로 옮겨 줘 🌱"),
    DialogueRow(input="화분 샀어", reply="화분은 창가로 옮겨 줘 🌱"),
    DialogueRow(input="졸려", reply="얼른 자!"),
]


@pytest.mark.parametrize(
    ("message", "line", "word"),
    [
        ("기타 배우는 중이야", "기타 줄부터 맞춰 보자!", "기타"),
        ("떡볶이가 좋아", "떡볶이는 못 참지", "떡볶이"),
        ("[취미: 낚시] 심심해", "낚시 갈까?", ""),  # what stands in front is no word of the message
        ("졸려", "얼른 자!", ""),
    ],
)
def test_shared_word_is_the_longest_beginning_that_the_line_repeats(message: str, line: str, word: str) -> None:
    assert shared_word(message, line) == word


def test_wrong_line_repeats_the_word_that_the_right_one_repeats() -> None:
    triples = {triple.message: triple for triple in make_triples(ROWS, 10, seed=1) + make_triples(ROWS, 10, seed=2)}
    guitar = triples["기타 배우는 중이야"]
    assert guitar.line == f"{HER_LINE}기타 줄부터 맞춰 보자!"
    assert guitar.other == f"{HER_LINE}기타은 창가로 옮겨 줘 🌱"


def test_rows_are_taken_once_and_no_more_than_asked_for() -> None:
    rows = [DialogueRow(input=f"말 {number}", reply=f"대답 {number}") for number in range(20)]
    assert len(make_triples(rows, 5, seed=1)) <= 5
    assert all(triple.line != triple.other for triple in make_triples(rows + rows, 50, seed=1))
    assert len({triple.message for triple in make_triples(rows + rows, 50, seed=1)}) <= 20


def test_trained_encoder_prefers_the_line_that_answers(tmp_path: Path) -> None:
    pairs = [("기타", "줄부터 맞춰"), ("화분", "창가로 옮겨"), ("시험", "공부부터 하자"), ("감기", "이불 덮고 쉬어")]
    triples = [
        Triple(message=f"{word} {ending}", line=f"{HER_LINE}{line}", other=f"{HER_LINE}{pairs[number - 1][1]}")
        for number, (word, line) in enumerate(pairs)
        for ending in ("때문에", "이야", "어떡해", "생겼어")
    ]
    recipe = EncoderRecipe(
        reading="dialogue", epochs=40, batch_size=8, learning_rate=2e-2, buckets=512, dimensions=16, hidden=16
    )
    figures = train_on_triples(triples, recipe, tmp_path / "relevance", lambda *_: None)
    assert figures["steps"] == 80
    encoder = load_encoder(str(tmp_path / "relevance"), torch.device("cpu"))
    messages = encoder.encode([f"{word} 있어" for word, _ in pairs], normalize_embeddings=True)
    lines = encoder.encode([f"{HER_LINE}{line}" for _, line in pairs], normalize_embeddings=True)
    assert (messages @ lines.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
