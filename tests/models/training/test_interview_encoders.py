"""Encoders that choose among labels learn to, read questions and answers apart, and are cross-validated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from models.evaluation.cross_validation import cross_validate
from models.loader import load_encoder
from models.profile import EncoderTraining, Profile
from models.text_features import HashedNgrams, turn_features
from models.training.encoder import recipe_for, train_encoder
from models.training.encoder_data import Pair
from models.training.encoder_run import EncoderOptions, run_encoder
from models.training.interview_encoders import label_cosines

LABELS = ("LoRA", "답변 실패", "수식")
TEXTS = {
    "LoRA -> 행렬 두 개": "LoRA",
    "LoRA -> 작은 행렬 둘": "LoRA",
    "LoRA -> 몰라": "답변 실패",
    "BCE Loss 설명 -> 행렬 두 개": "답변 실패",
    "BCE Loss 설명 -> 로그 식": "수식",
    "BCE Loss 설명 -> 몰라": "답변 실패",
}
CSV = (
    "data_type,user_input,current_remaining_user_answer,current_question,output_data,output_answered,output_next_question\n"
    + "".join(
        f"train,행렬 {i}개,모든 질문 해결 완료,LoRA,맞아,LoRA,LoRA 와 QLoRA 의 차이\ntrain,몰라 {i},LoRA,LoRA,음,답변 실패,LoRA\n"
        for i in range(6)
    )
    + "test,행렬 9개,모든 질문 해결 완료,LoRA,맞아,LoRA,LoRA 와 QLoRA 의 차이\n"
)


def test_same_words_get_another_label_under_another_question(tmp_path: Path) -> None:
    pairs = [Pair(first=text, second=label, similarity=1.0) for text, label in TEXTS.items()]
    recipe = recipe_for(EncoderTraining(epochs=60, batch_size=6), reads_turns=True)
    train_encoder(pairs, recipe, tmp_path / "encoder", lambda *_: None, labels=LABELS)
    encoder = load_encoder(str(tmp_path / "encoder"), torch.device("cpu"))
    found = label_cosines(encoder, pairs, LABELS).argmax(axis=1)
    assert [LABELS[place] for place in found] == list(TEXTS.values())


def test_what_is_left_to_answer_is_read_apart_from_the_answer() -> None:
    done = set(turn_features("LoRA -> 행렬 (모든 질문 해결 완료)"))
    open_ = set(turn_features("LoRA -> 행렬 (남은 답변: LoRA)"))
    plain = set(turn_features("LoRA -> 행렬"))
    assert plain < done
    assert plain < open_
    assert done - plain != open_ - plain
    assert "w작은" in set(turn_features("LoRA -> 행렬 (작은 것)"))  # brackets of the user's own are part of the answer


def test_encoder_that_remembers_reads_the_same() -> None:
    module = HashedNgrams(buckets=64, dimensions=4, hidden=4, reading="turn")
    before = module.preprocess(["LoRA -> 행렬", "LoRA"])["input_ids"]
    module.remember()
    for _ in range(2):
        assert torch.equal(module.preprocess(["LoRA -> 행렬", "LoRA"])["input_ids"], before)


def test_train_encoder_reads_a_csv_and_measures_its_test_rows(
    write: Callable[..., Path], tmp_path: Path, interview_profile: Profile
) -> None:
    options = EncoderOptions(epochs=1, batch_size=4)
    figures = run_encoder(
        interview_profile, "interview-question", write("a.csv", CSV), None, tmp_path / "out", options,
        lambda _: lambda *_: None, lambda _: None,
    )  # fmt: skip
    assert figures["pairs"] >= 12
    assert set(figures["validation"]) == {"accuracy", "mean_diff", "mse", "mae", "corr"}


def test_cross_validation_of_turns_counts_texts(write: Callable[..., Path], interview_profile: Profile) -> None:
    options = EncoderOptions(epochs=1, batch_size=4)
    figures: dict[str, Any] = cross_validate(
        interview_profile,
        "interview-answer",
        write("a.csv", CSV),
        2,
        options,
        lambda _: lambda *_: None,
        lambda _: None,
    )
    assert figures["all"]["n"] == 13
    assert "mean_diff" in figures["all"]
    assert figures["published"]["mean_diff"] == 0.9201
