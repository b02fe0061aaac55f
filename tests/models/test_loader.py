"""Check loading: devices, broken folders, and errors of one clear line."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.errors import WeightsError
from models.loader import LoadProgress, choose_device, load_base, load_encoder, load_models, without_missing
from models.profile import ADAPTER_NAMES, Profile, with_weights
from models.settings import Device, ModelSettings, Precision
from tests.models.tiny import TinyBase

CPU = torch.device("cpu")


@pytest.fixture
def folder(llama: TinyBase, tmp_path: Path) -> Path:
    """A copy of base and adapters, to break."""
    out = tmp_path / "weights"
    shutil.copytree(llama.folder.parent, out)
    return out


def _load(folder: Path) -> None:
    load_base(
        "main",
        str(folder / "base"),
        {name: str(folder / "adapters" / name) for name in ADAPTER_NAMES},
        CPU,
        torch.float32,
    )


def _truncate(path: Path, share: float = 0.5) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def _drop_some_tensors(path: Path) -> None:
    weights = load_file(path)
    save_file({name: value for name, value in weights.items() if "layers.1" not in name}, path, {"format": "pt"})


def _write(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def test_devices_and_precisions_as_asked() -> None:
    assert choose_device(ModelSettings(device=Device.CPU, precision=Precision.FLOAT32)) == (CPU, torch.float32)
    assert choose_device(ModelSettings(device=Device.CPU, precision=Precision.BFLOAT16)) == (CPU, torch.bfloat16)
    assert choose_device(ModelSettings(device=Device.CPU))[0] == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_that_is_not_there_is_refused_and_auto_takes_the_cpu() -> None:
    with pytest.raises(WeightsError, match="no CUDA device"):
        choose_device(ModelSettings(device=Device.CUDA))
    assert choose_device(ModelSettings(device=Device.AUTO))[0] == CPU


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_profile_is_loaded_with_each_base_once(profile: Profile, precision: Precision) -> None:
    progress: list[str] = []
    loaded = load_models(
        profile,
        ModelSettings(device=Device.CPU, precision=precision),
        LoadProgress(step=progress.append, note=progress.append),
    )
    assert [base.name for base in loaded.bases] == ["main"]
    assert set(loaded.bases[0].adapters) == set(ADAPTER_NAMES)
    assert loaded.bases[0].network.lm_head.weight.dtype == loaded.dtype
    assert set(loaded.encoders) == {"memory", "ethics"}
    assert next(loaded.encoders["memory"].parameters()).dtype == torch.float32
    assert sum(line.startswith("base ") for line in progress) == 1
    assert not loaded.bases[0].network.training


def test_licence_notice_is_shown_before_its_base(profile_file: Path) -> None:
    from models.profile import load_profile

    text = profile_file.read_text("utf-8")
    profile_file.write_text(
        text.replace("[bases.main]\n", '[bases.main]\nlicence_notice = "약관을 읽으세요"\n'), "utf-8"
    )
    progress: list[str] = []
    load_models(
        load_profile(str(profile_file)),
        ModelSettings(device=Device.CPU),
        LoadProgress(step=progress.append, note=progress.append),
    )
    base = next(number for number, line in enumerate(progress) if line.startswith("base "))
    assert progress.index("약관을 읽으세요") < base


def test_swapped_weights_are_loaded(profile: Profile, folder: Path) -> None:
    swapped = with_weights(profile, folder)
    loaded = load_models(swapped, ModelSettings(device=Device.CPU))
    assert swapped.bases["main"].source == str(folder / "base")
    assert len(loaded.bases) == 1


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("base/model.safetensors", _truncate),
        ("base/model.safetensors", _write("not tensors")),
        ("base/model.safetensors", _write("")),
        ("base/model.safetensors", _drop_some_tensors),
        ("base/config.json", _truncate),
        ("base/config.json", _write("[]")),
        ("base/config.json", _write('{"model_type": "no_such_model"}')),
        ("base/config.json", Path.unlink),
        ("base/tokenizer.json", _truncate),
        ("base/tokenizer.json", _write("{}")),
        ("base/tokenizer.json", Path.unlink),
        ("adapters/memory/adapter_model.safetensors", _truncate),
        ("adapters/memory/adapter_model.safetensors", _write("")),
        ("adapters/memory/adapter_model.safetensors", _drop_some_tensors),
        ("adapters/memory/adapter_config.json", _truncate),
        ("adapters/memory/adapter_config.json", Path.unlink),
        ("adapters/memory/adapter_config.json", _write("{}")),
        ("adapters/memory/adapter_config.json", _write("[]")),
        ("adapters/memory/adapter_config.json", _write('{"peft_type": "NO_SUCH"}')),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_broken_file_is_a_weights_error_of_one_line(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(folder / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning would not stop the product either
        with pytest.raises(WeightsError) as caught:
            _load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder / Path(name).parent) in str(caught.value)


def test_tensor_of_another_shape_is_refused(folder: Path) -> None:
    path = folder / "base" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"] = torch.ones(48)
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(WeightsError, match="base model main") as caught:
        _load(folder)
    assert "\n" not in str(caught.value)


def test_base_that_brings_code_is_never_loaded(folder: Path) -> None:
    config = folder / "base" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"auto_map": {"AutoModelForCausalLM": "evil.Evil"}}))
    (folder / "base" / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(WeightsError, match="is code"):
        _load(folder)


def test_folder_named_inside_an_adapter_does_not_matter(llama: TinyBase) -> None:
    said = json.loads((llama.adapters["memory"] / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert said == "/home/somebody/base"
    loaded = load_base("main", str(llama.folder), {"memory": str(llama.adapters["memory"])}, CPU, torch.float32)
    assert loaded.adapters == ("memory",)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", _truncate),
        ("model.safetensors", _write("")),
        ("hashed_ngrams.json", _truncate),
        ("hashed_ngrams.json", _write("[]")),
        ("hashed_ngrams.json", _write('{"buckets": 512}')),
        ("hashed_ngrams.json", _write('{"buckets": "many"}')),
        ("hashed_ngrams.json", _write('{"colour": 1}')),
        ("hashed_ngrams.json", Path.unlink),
        ("modules.json", _write('[{"type": "os.system"}]')),
        ("modules.json", Path.unlink),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_broken_encoder_is_a_weights_error_of_one_line(
    encoder_folder: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(encoder_folder, folder)
    damage(folder / name)
    with pytest.raises(WeightsError) as caught:
        load_encoder(str(folder), CPU)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_missing_folder_is_a_weights_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no folder"):
        load_encoder(str(tmp_path / "nothing"), CPU)
    with pytest.raises(WeightsError, match="no folder"):
        load_base("main", str(tmp_path / "nothing"), {}, CPU, torch.float32)


def test_optional_parts_that_are_not_there_are_left_out_with_a_note(
    interview_profile: Profile, encoder_folder: Path
) -> None:
    absent = replace(interview_profile.adapters["interview"], source="nowhere/interview")
    encoders = {name: replace(each, source=str(encoder_folder)) for name, each in interview_profile.encoders.items()}
    profile = replace(
        interview_profile, adapters={**interview_profile.adapters, "interview": absent}, encoders=encoders
    )
    notes: list[str] = []
    without_missing(profile, notes.append)
    loaded = load_models(profile, ModelSettings(device=Device.CPU))
    assert notes == ["adapter interview is left out: no folder nowhere/interview; `main.py train` makes it"]
    assert set(loaded.profile.adapters) == set(ADAPTER_NAMES)
    assert set(loaded.encoders) == set(profile.encoders)
    assert not loaded.profile.can_interview
