"""`evaluate interview-bases` trains the interviewer over several bases and puts what its lines are like into one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from models.evaluation.interview import LEAST_WELL_FORMED
from models.evaluation.interview_bases import compare_bases, write_bases_report
from models.evaluation.report import Report
from models.profile import Profile
from tests.models.tiny import TinyBase

HEAD = "data_type,user_input,current_remaining_user_answer,current_question,output_data,output_answered,output_next_question\n"
TRAIN = "".join(f"train,행렬 {n}개,모든 질문 해결 완료,LoRA,맞아,LoRA,LoRA 와 QLoRA 의 차이\n" for n in range(4))
VALID = "valid,행렬 9개,모든 질문 해결 완료,LoRA,맞아,LoRA,LoRA 와 QLoRA 의 차이\n"

Compare = Callable[..., dict[str, Any]]


@pytest.fixture
def compare(interview_profile: Profile, tmp_path: Path, write: Callable[..., Path]) -> Compare:
    """Compare bases over a few rows; short lines, so that it takes little time."""
    adapter = replace(interview_profile.adapters["interview"], max_new_tokens=8)
    profile = replace(interview_profile, adapters={**interview_profile.adapters, "interview": adapter})

    def call(bases: list[str], epochs: list[float], *, text: str = HEAD + TRAIN + VALID) -> dict[str, Any]:
        data = write("interview.csv", text)
        return compare_bases(
            profile, data, tmp_path / "out", bases, epochs, lambda _: lambda *_: None, lambda _: None,
            samples=2, prompts=4, train_rows=None, seed=7,
        )  # fmt: skip

    return call


def test_each_base_and_number_of_epochs_has_a_line_in_one_table(
    compare: Compare, tmp_path: Path, llama: TinyBase, neox: TinyBase, interview_profile: Profile
) -> None:
    figures = compare([str(llama.folder), str(neox.folder)], [1, 2])
    found = figures["bases"]
    assert [(each["base"], each["epochs"]) for each in found] == [
        (str(base.folder), count) for base in (llama, neox) for count in (1, 2)
    ]
    for each in found:
        assert each["lines"] == 2
        assert 0 <= each["well_formed"] <= 1
        assert each["out"] == (each["well_formed"] < LEAST_WELL_FORMED)
    assert (
        len(list((tmp_path / "out").iterdir())) == 4
    )  # both folders are called base, and each has adapters of its own
    report = Report(folder=tmp_path, name="interview-bases", command="main.py")
    write_bases_report(report, figures, interview_profile)
    page = (tmp_path / "interview-bases.md").read_text("utf-8")
    assert sum("/base" in line for line in page.splitlines()) == 4


def test_rows_to_compare_on_are_asked_for(compare: Compare) -> None:
    with pytest.raises(ModelError, match="no validation rows"):
        compare([""], [1], text=HEAD + TRAIN)


def test_profile_without_a_recipe_is_told(profile: Profile, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no recipe for the interviewer"):
        compare_bases(
            profile, tmp_path / "none.csv", tmp_path, [""], [], lambda _: lambda *_: None, lambda _: None,
            samples=1, prompts=1, train_rows=None, seed=7,
        )  # fmt: skip
