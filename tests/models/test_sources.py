"""Check where weights come from and which folders are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.errors import WeightsError
from models.profile import WEIGHTS_DIR
from models.sources import OWN_MODULE, Source, check_safe, fetch, module_types, names_own_module, resolve_source
from tests.models.tiny import TinyBase


def test_hub_ids_may_name_a_subfolder() -> None:
    assert resolve_source("kakaocorp/kanana-1.5-2.1b-base") == Source(hub_id="kakaocorp/kanana-1.5-2.1b-base")
    source = resolve_source("daebakgazua/250526_OhLoRA_LLM_SBERT:memory_sbert/trained_sbert_model")
    assert source == Source(hub_id="daebakgazua/250526_OhLoRA_LLM_SBERT", subfolder="memory_sbert/trained_sbert_model")


def test_absolute_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert resolve_source(str(tmp_path)) == Source(path=tmp_path)
    assert fetch(Source(path=tmp_path)) == tmp_path


def test_missing_absolute_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no folder"):
        resolve_source(str(tmp_path / "nothing"))
    with pytest.raises(WeightsError, match="no folder"):
        file = tmp_path / "file"
        file.touch()
        resolve_source(str(file))


@pytest.mark.parametrize("source", ["embedded/no-such-part", "embedded/adapters/nothing", "nothing", "a/b/c"])
def test_missing_folder_of_the_weights_says_how_to_make_it(source: str) -> None:
    with pytest.raises(WeightsError, match=r"main\.py train"):
        resolve_source(source)


@pytest.mark.parametrize("source", ["..", "../data", "embedded/../../..", "../../../etc", "x/../../weights2"])
def test_leaving_the_weights_folder_is_refused(source: str) -> None:
    with pytest.raises(WeightsError, match="leaves"):
        resolve_source(source)
    assert WEIGHTS_DIR.name == "weights"


@pytest.mark.parametrize(
    "source", ["owner/name", "owner/name:sub", "own er/na me", "owner/na..me", "-x/y-", "오로라/모델"]
)
def test_hub_that_cannot_be_reached_or_names_that_cannot_be_are_weights_errors(source: str) -> None:
    with pytest.raises(WeightsError) as caught:
        fetch(resolve_source(source))
    assert "\n" not in str(caught.value)


def test_safe_folders_pass(llama: TinyBase, encoder_folder: Path) -> None:
    check_safe(llama.folder)
    check_safe(llama.adapters["memory"])
    check_safe(encoder_folder)
    assert names_own_module(encoder_folder)
    assert not names_own_module(llama.folder)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "adapter_model.bin", "model.pt", "weights.pkl", "x.ckpt", "x.pth"]
)
def test_folder_of_pickles_alone_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(WeightsError, match=r"no \.safetensors.*never loaded"):
        check_safe(tmp_path)


@pytest.mark.parametrize("name", ["modeling.py", "deep/inside/modeling.py"])
def test_folder_with_code_is_refused(llama: TinyBase, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "base"
    shutil.copytree(llama.folder, folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("print('hello')")
    with pytest.raises(WeightsError, match="is code"):
        check_safe(folder)


def test_empty_and_missing_folders_are_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(WeightsError, match="no .safetensors"):
            check_safe(folder)


@pytest.mark.parametrize(
    "kind", ["os.system", "models.profile.Profile", "evil.Module", "sentence_transformersx.Evil", f"{OWN_MODULE}2"]
)
def test_foreign_module_class_is_refused(encoder_folder: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(encoder_folder, folder)
    modules = [{"idx": 0, "name": "0", "path": "", "type": kind}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(WeightsError, match="not allowed"):
        check_safe(folder)


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1]", '[{"path": ""}]', "null", "[]]"])
def test_broken_modules_file_is_refused(encoder_folder: Path, tmp_path: Path, text: str) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(encoder_folder, folder)
    (folder / "modules.json").write_text(text)
    with pytest.raises(WeightsError, match="is not a list"):
        module_types(folder)
