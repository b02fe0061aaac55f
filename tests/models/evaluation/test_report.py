"""Check where reports are written, and what happens to what is there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from models.errors import ModelError
from models.evaluation.plots import draw_pass_rates
from models.evaluation.report import open_report


def test_folder_is_made_and_an_older_page_is_overwritten_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for text in ("first", "second"):
        report = open_report(folder, "memory", "main.py evaluate memory --data '내 파일.csv'")
        report.write("Memory", "embedded", [text])
        (folder / "notes.md").write_text("kept", "utf-8")
    page = (folder / "memory.md").read_text("utf-8")
    assert page.startswith("# Memory\n\nGenerated with the profile `embedded`")
    assert "```\nmain.py evaluate memory --data '내 파일.csv'\n```" in page
    assert ("first" in page, "second" in page) == (False, True)
    assert (folder / "notes.md").read_text("utf-8") == "kept"


def test_file_in_place_of_the_folder_is_an_error_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("kept", "utf-8")
    for folder in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(ModelError, match="give another --report"):
            open_report(folder, "memory", "")
    assert (tmp_path / "out").read_text("utf-8") == "kept"


def test_folder_in_place_of_the_page_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "memory.md").mkdir()
    with pytest.raises(ModelError, match=r"memory\.md is no file"):
        open_report(tmp_path, "memory", "")


def test_folder_in_place_of_a_plot_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "memory-plot.png").mkdir()
    report = open_report(tmp_path, "memory", "")
    with pytest.raises(ModelError, match=r"memory-plot\.png cannot be written"):
        report.image("plot", "a plot", partial(draw_pass_rates, {"memory": (1, 2)}))
