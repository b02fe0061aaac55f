"""Where weights come from: a Hugging Face id or a folder, and what a folder may hold before it is loaded."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

from models.errors import WeightsError
from models.profile import WEIGHTS_DIR

OWN_MODULE = "models.text_features.HashedNgrams"
_FORBIDDEN_SUFFIXES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place to load from: `path` is a folder, or `hub_id` a repository with an optional `subfolder`."""

    path: Path | None = None
    hub_id: str = ""
    subfolder: str = ""


def resolve_source(source: str) -> Source:
    """Resolve a profile's source: an absolute folder, a folder of `models/weights`, or `owner/name[:subfolder]`.

    Raises:
        WeightsError: a folder that does not exist, or leaves `models/weights`.
    """
    path = Path(source)
    if path.is_absolute():
        if not path.is_dir():
            raise WeightsError(f"no folder {source}; train it, or correct the profile's source")
        return Source(path=path)
    inside = (WEIGHTS_DIR / source).resolve()
    if not inside.is_relative_to(WEIGHTS_DIR.resolve()):
        raise WeightsError(f"source {source!r} leaves {WEIGHTS_DIR.name}/; give an absolute path")
    if inside.is_dir():
        return Source(path=inside)
    hub_id, _, subfolder = source.partition(":")
    if hub_id.count("/") != 1 or hub_id.startswith(("embedded/", ".")):
        raise WeightsError(f"no folder models/weights/{source}; train it with `main.py train`")
    return Source(hub_id=hub_id, subfolder=subfolder)


def name_source(base: str) -> str:
    """Return a base named on the command line as a source: a folder by its whole path, an id as it is."""
    return str(Path(base).resolve()) if base and Path(base).is_dir() else base


def fetch(source: Source) -> Path:
    """Return a folder with the files of `source`, downloaded from the hub when it is a hub id.

    Only safetensors, JSON and tokenizer files are fetched.

    Raises:
        WeightsError: the hub cannot be reached or has no such repository.
    """
    if source.path is not None:
        return source.path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    allowed = ["*.safetensors", "*.json", "*.txt", "*.model"]
    if source.subfolder:
        allowed = [f"{source.subfolder}/**/{pattern}" for pattern in allowed] + [
            f"{source.subfolder}/{pattern}" for pattern in allowed
        ]
    try:
        folder = snapshot_download(source.hub_id, allow_patterns=allowed)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"cannot fetch {source.hub_id} from the hub ({reason}); check the network and HF_TOKEN, or choose the embedded profile"
        ) from error
    return Path(folder, source.subfolder)


def check_safe(folder: Path) -> None:
    """Refuse a folder whose weights would be unpickled or that brings code of its own.

    Raises:
        WeightsError: no safetensors at all, Python code, or a module class that is not allowed.
    """
    names = [path for path in folder.rglob("*") if path.is_file()]
    if not any(path.suffix == ".safetensors" for path in names):
        bad = sorted({path.suffix for path in names} & _FORBIDDEN_SUFFIXES)
        hint = f" (found {', '.join(bad)} files, which are never loaded)" if bad else ""
        raise WeightsError(f"{folder} holds no .safetensors weights{hint}; convert them with safetensors")
    for path in names:
        if path.suffix == ".py":
            raise WeightsError(f"{path} is code; weights folders with code are never loaded")
        if path.suffix in _FORBIDDEN_SUFFIXES and not any(path.parent.glob("*.safetensors")):
            raise WeightsError(f"{path} is a pickle, which is never loaded; convert it with safetensors")
    for name in module_types(folder):
        if name != OWN_MODULE and not name.startswith("sentence_transformers."):
            raise WeightsError(f"{folder / 'modules.json'} names the class {name}, which is not allowed")


def module_types(folder: Path) -> list[str]:
    """Return the class names in a sentence encoder's modules.json, none for other folders.

    Raises:
        WeightsError: the file is not what sentence-transformers writes.
    """
    modules = folder / "modules.json"
    if not modules.is_file():
        return []
    try:
        return [str(entry["type"]) for entry in json.loads(modules.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{modules} is not a list of sentence-transformers modules") from error


def model_type(folder: Path) -> str:
    """Return the architecture that a folder's config.json names ("llama", "gpt_neox", "gemma2"), empty where it names none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever loads the model says what is wrong with it
        return ""
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""


def names_own_module(folder: Path) -> bool:
    """Tell whether a sentence encoder is this project's hashed n-gram module."""
    return module_types(folder) == [OWN_MODULE]


def quieten_libraries() -> None:
    """Keep the model libraries from drawing their own progress and from warning about each other."""
    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
