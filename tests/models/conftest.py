"""Give the tests real models, tiny and untrained, made once a session."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest
import torch
from peft import PeftModel

from models.loader import LoadedBase, load_base
from models.profile import ADAPTER_NAMES, INTERVIEW_ENCODERS, Profile, load_profile
from models.sources import quieten_libraries
from tests.models.tiny import TinyBase, make_base, make_encoder, profile_text

LIBRARY_WARNINGS = (
    # PEFT 0.21 asks transformers 5.23 for a name that it renamed.
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",
    # TRL 1.16 hands its trainer's default on under the old name.
    "ignore:`gradient_checkpointing` is deprecated:FutureWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pass what libraries warn each other of; everything else stays an error."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for line in LIBRARY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Leave the other cores alone, and keep the libraries from writing to the terminal."""
    torch.set_num_threads(1)
    quieten_libraries()


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    return make_base(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture(scope="session")
def neox(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    return make_base(tmp_path_factory.mktemp("neox"), "neox")


@pytest.fixture(scope="session", params=["llama", "neox"])
def tiny(request: pytest.FixtureRequest) -> TinyBase:
    """Each architecture in turn."""
    base: TinyBase = request.getfixturevalue(request.param)
    return base


def _load(base: TinyBase) -> LoadedBase:
    return load_base(base.kind, str(base.folder), base.sources(), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="session")
def loaded_llama(llama: TinyBase) -> LoadedBase:
    """A Llama with four adapters mixed in; tests that break it load their own."""
    return _load(llama)


@pytest.fixture(scope="session")
def loaded(tiny: TinyBase) -> LoadedBase:
    """Each architecture in turn, loaded with four adapters mixed in."""
    return _load(tiny)


@pytest.fixture
def broken_llama(llama: TinyBase) -> LoadedBase:
    """A Llama of the test's own, to break."""
    return _load(llama)


@pytest.fixture(scope="session")
def reference(tiny: TinyBase) -> Any:
    """The same weights as `loaded`, as PEFT runs them: one adapter active at a time."""
    network = tiny.network()
    model: Any = None
    for name, path in tiny.adapters.items():
        if model is None:
            model = PeftModel.from_pretrained(network, str(path), adapter_name=name)
        else:
            model.load_adapter(str(path), adapter_name=name)
    return model.eval()


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder") / "encoder")


@pytest.fixture(scope="session")
def profile_toml(llama: TinyBase, encoder_folder: Path) -> str:
    """A profile of one base, as TOML."""
    return profile_text({"main": llama}, dict.fromkeys(ADAPTER_NAMES, "main"), encoder_folder)


@pytest.fixture
def profile_file(tmp_path: Path, profile_toml: str) -> Path:
    """The profile in a file of the test's own, to change."""
    path = tmp_path / "tiny.toml"
    path.write_text(profile_toml, "utf-8")
    return path


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory, profile_toml: str) -> Profile:
    path = tmp_path_factory.mktemp("profile") / "tiny.toml"
    path.write_text(profile_toml, "utf-8")
    return load_profile(str(path))


@pytest.fixture
def interview_profile(profile: Profile) -> Profile:
    """The profile with recipes for interviews, as the embedded profile has them."""
    embedded = load_profile("embedded")
    return replace(
        profile,
        adapters=profile.adapters | {"interview": embedded.adapters["interview"]},
        encoders=profile.encoders | {name: embedded.encoders[name] for name in INTERVIEW_ENCODERS},
    )


@pytest.fixture
def two_base_profile(tmp_path: Path, llama: TinyBase, neox: TinyBase, encoder_folder: Path) -> Profile:
    """The reply from a Llama, the rest from a GPT-NeoX."""
    path = tmp_path / "two.toml"
    choice = dict.fromkeys(ADAPTER_NAMES, "polyglot") | {"output_message": "kanana"}
    path.write_text(profile_text({"kanana": llama, "polyglot": neox}, choice, encoder_folder), "utf-8")
    return load_profile(str(path))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file into the test's folder and return its path."""

    def write_file(name: str, text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path

    return write_file
