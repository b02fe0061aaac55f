"""Check that every fold is measured by an encoder that has not seen it, and that all folds make the figures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from models.evaluation.cross_validation import PUBLISHED, cross_validate, split_ethics, split_memory
from models.evaluation.cross_validation_report import write_cross_validation_report
from models.evaluation.report import Report
from models.profile import Profile
from models.training.encoder_data import CATEGORIES
from models.training.encoder_run import EncoderOptions
from models.training.progress import ignore_note

LINES = [(f"[취미: {n}]", f"메시지 {n}") for n in range(7)]


@pytest.fixture
def memory(write: Callable[..., Path]) -> Path:
    rows = [f"{a[0]},{a[1]},{b[0]},{b[1]},{float(a == b)}" for a, b in product(LINES, LINES)]
    return write("m.csv", "memory_0,user_prompt_0,memory_1,user_prompt_1,similarity_score\n" + "\n".join(rows))


@pytest.fixture
def ethics(write: Callable[..., Path]) -> Path:
    rows = [f"{kind},{name} {n},{name}" for n, kind in enumerate(("train", "test", "train")) for name in CATEGORIES]
    return write("e.csv", "type,user_prompt,category\n" + "\n".join([*rows, rows[0]]))


def test_memory_folds_share_no_line_with_their_training(memory: Path) -> None:
    tested: list[str] = []
    for fold in split_memory(memory, 3, 7):
        held_out = {pair.first for pair in fold.test}
        tested += sorted(held_out)
        messages = {message for first, message in LINES if first in held_out}
        assert {pair.second for pair in fold.test} == messages
        assert not held_out & {pair.first for pair in fold.training}
        assert not messages & {pair.second for pair in fold.training}
        assert (len(fold.test), len(fold.training)) == (len(held_out) ** 2, (7 - len(held_out)) ** 2)
    assert sorted(tested) == [first for first, _ in LINES]


def test_ethics_folds_hold_each_distinct_sentence_once(ethics: Path) -> None:
    folds = split_ethics(ethics, 4, 7)
    tested = [pair.first for fold in folds for pair in fold.test]
    assert len(tested) == 15 * 5
    assert len(set(tested)) == 15
    for fold in folds:
        training = {pair.first for pair in fold.training}
        assert not {pair.first for pair in fold.test} & training
    assert [fold.test[0].first for fold in folds] != [fold.test[0].first for fold in split_ethics(ethics, 4, 8)]


@pytest.mark.parametrize("folds", [1, 8])
def test_more_folds_than_lines_or_one_are_an_error(memory: Path, folds: int) -> None:
    with pytest.raises(ModelError, match="give --folds from 2 to 7"):
        split_memory(memory, folds, 7)


def test_fold_without_a_pair_is_an_error(write: Callable[..., Path]) -> None:
    head = "memory_0,user_prompt_0,memory_1,user_prompt_1,similarity_score\n"
    file = write("m.csv", head + "[a: 1],x,[b: 2],y,0.5\n")
    with pytest.raises(ModelError, match="no pair of two lines"):
        split_memory(file, 2, 7)


@pytest.mark.parametrize(("task", "n"), [("memory", 25), ("ethics", 15)])
def test_figures_are_of_all_folds_and_stand_beside_the_published(
    profile: Profile, memory: Path, ethics: Path, report: Report, page: Callable[[], str], task: str, n: int
) -> None:
    data = memory if task == "memory" else ethics
    begun: list[str] = []

    def stage(name: str) -> Callable[..., None]:
        begun.append(name)
        return lambda *_: None

    options = EncoderOptions(epochs=1, batch_size=64)
    figures: dict[str, Any] = cross_validate(profile, task, data, 2, options, stage, ignore_note)
    assert begun == ["fold 1 of 2", "fold 2 of 2"]
    assert (figures["all"]["n"], sum(fold["n"] for fold in figures["folds"])) == (n, n)
    assert set(figures["all"]) == set(figures["published"])
    assert figures["published"] == PUBLISHED[task]
    weighted = sum(fold["n"] * fold["mse"] for fold in figures["folds"]) / n
    assert figures["all"]["mse"] == pytest.approx(weighted, abs=1e-4)
    write_cross_validation_report(report, figures, profile)
    assert f"| published, on its own test rows | {PUBLISHED[task]['n']} |" in page()
    assert sum(line.startswith("| fold ") for line in page().splitlines()) == 2


def test_unknown_task_is_an_error(profile: Profile, memory: Path) -> None:
    with pytest.raises(ModelError, match="no encoder task 'song'"):
        cross_validate(profile, "song", memory, 2, EncoderOptions(), lambda _: lambda *_: None, ignore_note)
