"""Check the log of a run and its curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.training.curves import draw_curves
from models.training.training_log import last_validation, mean_loss, read_log


def test_log_is_read_up_to_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    assert read_log(file) == []
    file.write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "lo', "utf-8")
    assert read_log(file) == [{"step": 1}, {"step": 2}]


def test_mean_loss_weighs_each_record_by_its_steps() -> None:
    assert mean_loss([]) == 0
    assert mean_loss([{"step": 10, "loss": 1.0}, {"step": 12, "loss": 4.0}]) == pytest.approx(18 / 12)


def test_last_validation_is_found_behind_other_records(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    records = [{"validation": {"loss": 2.0}}, {"validation": {"loss": 1.0}}, {"step": 3}]
    file.write_text("\n".join(map(json.dumps, records)), "utf-8")
    assert last_validation(file) == {"loss": 1.0}
    assert last_validation(tmp_path / "none") is None


@pytest.mark.parametrize("validation", [None, {"loss": 0.5}, {"mse": 0.5, "accuracy": 1.0}, {"loss": None}])
def test_curves_are_a_png_whatever_was_validated(tmp_path: Path, validation: dict[str, float | None] | None) -> None:
    records: list[dict[str, Any]] = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": None}, {"step": 3, "loss": 1.0}]
    if validation:
        records[-1]["validation"] = validation
    draw_curves(records, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
