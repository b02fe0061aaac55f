"""Check that learning curves are in a report where the weights came with a log, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import ModelError
from models.evaluation.learning_curves import learning_curves
from models.evaluation.report import Report

LOG = '{"step": 1, "epoch": 0.5, "loss": 2.0}\n{"step": 2, "epoch": 1.0, "loss": 1.0, "validation": {"mse": 0.25, "corr": null}}\n'


def test_log_is_plotted_with_its_last_validation(report: Report, write: Callable[..., Path], tmp_path: Path) -> None:
    write("encoder/training_log.jsonl", LOG)
    (tmp_path / "plain").mkdir()
    sources = {"ethics": str(tmp_path / "encoder"), "memory": str(tmp_path / "plain"), "other": "owner/name"}
    parts = learning_curves(report, sources)
    assert parts[0] == "## Learning curves"
    assert parts[1] == "![learning curves of ethics](page-curves-ethics.png)"
    assert parts[2].splitlines()[-1] == "| `ethics` | 2 | 1 | 0.2500 | – |"
    assert [file.name for file in report.folder.iterdir()] == ["page-curves-ethics.png"]


def test_weights_without_a_log_add_nothing(report: Report, tmp_path: Path) -> None:
    assert learning_curves(report, {"ethics": str(tmp_path)}) == []
    assert list(report.folder.iterdir()) == []


def test_log_of_a_base_may_stand_beside_the_manifest(
    report: Report, write: Callable[..., Path], tmp_path: Path
) -> None:
    write("set/training_log.jsonl", LOG)
    (tmp_path / "set" / "base").mkdir()
    assert learning_curves(report, {"base": str(tmp_path / "set" / "base")}) == []
    write("set/manifest.json", "{}")
    assert len(learning_curves(report, {"base": str(tmp_path / "set" / "base")})) == 3


@pytest.mark.parametrize("line", ["[1]", '{"steps": 3}', '"x"', '{"step": "a", "epoch": [], "loss": 1}'])
def test_file_that_is_no_log_is_an_error(report: Report, write: Callable[..., Path], line: str) -> None:
    file = write("encoder/training_log.jsonl", f"{line}\n")
    with pytest.raises(ModelError, match="is no training log"):
        learning_curves(report, {"ethics": str(file.parent)})
