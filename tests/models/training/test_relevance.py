"""Tests of what the encoder of relevance is trained on, and that it learns which line answers which message."""

from __future__ import annotations

from pathlib import Path

import torch

from models.loader import load_encoder
from models.training.encoder import EncoderRecipe, train_on_triples
from models.training.relevance import Triple, make_triples
from models.types import HER_LINE, WrittenExchange

EXCHANGES = [
    WrittenExchange(input="기타 배우는 중이야", answers=("줄부터 맞춰 보자!",), source="a:1"),
    WrittenExchange(input="기타 레슨 다녀", answers=("줄부터 맞춰 보자!",), source="a:1"),
    WrittenExchange(input="기타 팔았어", answers=("아깝지 않아?",), source="a:5"),
    WrittenExchange(input="졸려", answers=("얼른 자!",), source="a:9"),
    WrittenExchange(input="기타 배우는 중이야", answers=("손 안 아파?",), source="b:1"),
]


def test_message_is_set_against_the_one_that_looks_like_it_and_is_answered_otherwise() -> None:
    triples = [triple for seed in range(8) for triple in make_triples(EXCHANGES, 10, seed)]
    sold = f"{HER_LINE}아깝지 않아?"
    lesson = {(triple.line, triple.other) for triple in triples if triple.message == "기타 레슨 다녀"}
    assert (f"{HER_LINE}줄부터 맞춰 보자!", sold) in lesson
    assert ("기타 배우는 중이야", "기타 팔았어") in lesson
    assert all(triple.message != "졸려" for triple in triples)  # nothing looks like it


def test_message_that_says_the_same_is_no_wrong_one() -> None:
    triples = [triple for seed in range(8) for triple in make_triples(EXCHANGES, 10, seed)]
    learning = {triple.other for triple in triples if triple.line == f"{HER_LINE}손 안 아파?"}
    assert learning == {f"{HER_LINE}줄부터 맞춰 보자!", f"{HER_LINE}아깝지 않아?"}  # of the lesson, and of the sale
    assert not any(triple.message == triple.other for triple in triples)


def test_no_more_exchanges_than_asked_for() -> None:
    assert len({triple.message for triple in make_triples(EXCHANGES, 1, seed=1)}) == 1


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
