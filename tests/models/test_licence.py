"""Check which notice is shown before a base is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.licence import GEMMA_NOTICE, licence_notice


@pytest.mark.parametrize(
    ("config", "notice"),
    [
        ('{"model_type": "gemma"}', GEMMA_NOTICE),
        ('{"model_type": "gemma2"}', GEMMA_NOTICE),
        ('{"model_type": "gemma3_text"}', GEMMA_NOTICE),
        ('{"model_type": "llama"}', ""),
        ("[]", ""),
        ("{", ""),
    ],
)
def test_notice_goes_by_the_model_type(tmp_path: Path, config: str, notice: str) -> None:
    assert licence_notice(tmp_path) == ""
    (tmp_path / "config.json").write_text(config, "utf-8")
    assert licence_notice(tmp_path) == notice
    assert licence_notice(tmp_path, "약관") == "약관"
