"""The figures of interviews, by hand, and the judgement of lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelError
from models.evaluation.interview import InterviewScores, LabelScores, interview_figures, measure_interview
from models.evaluation.interview_report import write_interview_report
from models.evaluation.report import Report
from models.interview_bank import load_bank
from models.profile import Profile, load_profile
from models.training.encoder_data import Pair
from models.training.interview_encoders import label_figures
from models.training.interview_rows import InterviewRow
from tests.fakes import FakeEmbedder, FakeGenerator

COSINES = np.array([[0.9, 0.1, 0.0], [0.2, 0.6, 0.5], [0.7, 0.3, 0.1]])
PAIRS = [Pair(first=f"질문 -> {i}", second=label, similarity=1.0) for i, label in enumerate(("가", "나", "나"))]
ROWS = [
    InterviewRow(topic="LoRA", text=text, answered="LoRA", left=(), next_question="LoRA 와 QLoRA 의 차이", line="")
    for text in ("행렬 둘", "행렬 두 개")
]
LINES = ("맞아! 그럼 QLoRA는?", "1. 맞아", "좋아!", "맞아, QLoRA 차례!")


@pytest.fixture
def profile() -> Profile:
    return load_profile("embedded")


def test_mean_diff_rewards_the_lead_of_the_right_label_and_counts_against_how_far_it_is_behind() -> None:
    figures = label_figures(COSINES, [0, 1, 1])
    assert figures.accuracy == pytest.approx(2 / 3, abs=1e-5)
    assert figures.mean_diff == pytest.approx(((0.9 - 0.1) + (0.6 - 0.5) - (0.7 - 0.3)) / 3, abs=1e-5)
    assert figures.mse == pytest.approx(float(((COSINES - np.eye(3)[[0, 1, 1]]) ** 2).mean()), abs=1e-4)


async def measure(profile: Profile, *lines: str) -> InterviewScores:
    generator = FakeGenerator()
    generator.enqueue("interview", *lines)
    scores = {
        "LoRA -> 행렬 둘": {"LoRA": 0.9},
        "LoRA -> 행렬 두 개": {"답변 실패": 0.8},
        "LoRA -> 행렬 둘 (모든 질문 해결 완료)": {"LoRA 와 QLoRA 의 차이": 0.9},
        "LoRA -> 행렬 두 개 (모든 질문 해결 완료)": {"LoRA 와 QLoRA 의 차이": 0.8},
    }
    return await measure_interview(
        generator, FakeEmbedder(scores), profile, ROWS, load_bank(), samples=2, prompts=81, seed=7
    )


async def test_lines_are_drawn_several_times_and_judged_by_form_and_by_what_they_ask(profile: Profile) -> None:
    scores = await measure(profile, *LINES)
    assert (scores.well_formed, scores.asking) == (0.75, 0.5)
    figures = interview_figures(scores)
    assert list(figures) == ["answer", "question", "interviewer"]
    assert list(figures["answer"]) == ["accuracy", "mean_diff", "mse", "mae", "corr"]
    assert figures["interviewer"] == {"well_formed": 0.75}
    assert (figures["answer"]["accuracy"], figures["question"]["accuracy"]) == (0.5, 1.0)


async def test_profile_without_interview_models_is_told(profile: Profile) -> None:
    bare = replace(profile, adapters={k: v for k, v in profile.adapters.items() if k != "interview"})
    with pytest.raises(ModelError, match="has no interview models here"):
        await measure(bare, *LINES)


async def test_report_says_what_is_wrong_and_who_is_out(tmp_path: Path, profile: Profile) -> None:
    scores = await measure(profile, *LINES)
    write_interview_report(Report(folder=tmp_path, name="interview", command="main.py"), scores, profile)
    page = (tmp_path / "interview.md").read_text("utf-8")
    assert "| said | asked | label | found | behind by |" in page
    assert "| 행렬 두 개 | question 17 |" in page
    assert "so this model is out" in page
    assert "1. 맞아" in page
    assert "0.9201" in page


def test_wrong_turns_come_worst_first() -> None:
    pairs = [*PAIRS, Pair(first="질문 -> 3", second="다", similarity=1.0)]
    cosines = np.vstack([COSINES, [0.8, 0.1, 0.0]])
    scores = LabelScores(pairs=pairs, labels=("가", "나", "다"), cosines=cosines)
    assert [(text, found) for text, _, found, _ in scores.wrong()] == [("질문 -> 3", "가"), ("질문 -> 2", "가")]
