"""`train interview` puts new interview parts into weights that are there, and the engine's loader takes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.errors import ModelError
from models.loader import choose_device, load_base, load_encoder
from models.profile import INTERVIEW_ENCODERS, load_profile
from models.settings import Device, ModelSettings
from models.training.interview_parts import train_interview
from models.training.manifest import MANIFEST, write_manifest
from models.training.progress import Report
from tests.models.tiny import TinyBase

TURNS = """## LoRA
= LoRA
> 작은 행렬 두 개만 배워
< 맞아!

= 답변 실패
> 큰 모델을 새로 배워
< 음, 아니야!
"""


@pytest.fixture
def weights(tmp_path: Path, llama: TinyBase) -> Path:
    """Weights with a base and nothing of interviews."""
    out = tmp_path / "embedded"
    shutil.copytree(llama.folder, out / "base")
    for name in ("adapters", "encoders"):
        (out / name).mkdir()
    write_manifest(out, tmp_path / "data", "main.py train embedded", {"base": {"loss": 1.0}})
    return out


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "interview" / "machine_learning"
    folder.mkdir(parents=True)
    (folder / "lora.txt").write_text(TURNS, encoding="utf-8")
    return tmp_path / "data"


def silent(_: str) -> Report:
    return lambda *_: None


def test_parts_are_trained_over_the_base_and_loaded_by_the_engine(weights: Path, data: Path) -> None:
    before = json.loads((weights / MANIFEST).read_text("utf-8"))
    manifest = train_interview(silent, weights=weights, data=data)
    assert json.loads((weights / MANIFEST).read_text("utf-8")) == manifest
    assert set(manifest["figures"]) == {
        "base",
        *(f"encoder {name}" for name in INTERVIEW_ENCODERS),
        "adapter interview",
    }
    assert manifest["corpus_sha256"] == before["corpus_sha256"]
    assert manifest["interview_sha256"] != before["interview_sha256"]
    device, dtype = choose_device(ModelSettings(device=Device.CPU))
    adapter = weights / "adapters" / "interview"
    assert load_base("main", str(weights / "base"), {"interview": str(adapter)}, device, dtype).adapters
    for name in INTERVIEW_ENCODERS:
        assert load_encoder(str(weights / "encoders" / name), device)
    base = json.loads((adapter / "adapter_config.json").read_text("utf-8"))["base_model_name_or_path"]
    assert base == load_profile("embedded").bases["main"].source  # no path of the machine that trained it
    assert not [path for path in weights.parent.iterdir() if path.name.endswith(".new")]


def test_only_the_encoders_are_trained_where_only_they_are_asked_for(weights: Path, data: Path) -> None:
    manifest = train_interview(silent, "encoder", weights, data)
    assert "adapter interview" not in manifest["figures"]
    assert not list((weights / "adapters").iterdir())


def test_weights_without_a_manifest_and_parts_that_do_not_exist_are_told(weights: Path, data: Path) -> None:
    with pytest.raises(ModelError, match="choose encoder or adapter"):
        train_interview(silent, "voice", weights, data)
    (weights / MANIFEST).unlink()
    with pytest.raises(ModelError, match="run `main.py train embedded` first"):
        train_interview(silent, weights=weights, data=data)
