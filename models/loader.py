"""Load the models of a profile: each base once, its adapters onto it, and the sentence encoders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from peft import PeftConfig, PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import PreTrainedTokenizerBase

from models.attention import use_row_attention
from models.errors import WeightsError
from models.half_weights import halve_linear_layers
from models.licence import licence_notice
from models.llama_heads import load_causal, load_tokenizer
from models.llama_pass import run_without_modules
from models.lora import AdapterRows, keep_bases_apart, mix_adapters
from models.profile import WEIGHTS_DIR, AdapterProfile, EncoderProfile, Profile
from models.settings import Device, ModelSettings, Precision
from models.sources import check_safe, fetch, names_own_module, quieten_libraries, resolve_source
from models.text_features import HashedNgrams


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProgress:
    """Gets told what is loaded: `step` a name while it loads; `note` what must stay readable (the choices, a licence)."""

    step: Callable[[str], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None


SILENT = LoadProgress()

_log = logging.getLogger(__name__)
LOAD_FAILURES = (
    OSError, ValueError, KeyError, RuntimeError, SafetensorError, AssertionError, TypeError, StrictDataclassError,
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class LoadedBase:
    """A base language model with its adapters mixed in; `network` maps ids to logits."""

    name: str
    network: Any
    tokenizer: PreTrainedTokenizerBase
    rows: AdapterRows
    adapters: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class LoadedModels:
    """Everything a profile names, on its device."""

    profile: Profile
    device: torch.device
    dtype: torch.dtype
    bases: list[LoadedBase]
    encoders: dict[str, SentenceTransformer]


def cpu_multiplies_bfloat16() -> bool:
    """Tell whether this CPU has AMX tiles for bfloat16 (their products ran 5 times faster than float32)."""
    check = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(check and check())


def trains_in_bfloat16(device: torch.device) -> bool:
    """Tell whether training multiplies in bfloat16 there: any CUDA card of the last years, and CPUs with AMX or AVX512-BF16.

    Other CPUs emulate such products, at about a hundredth of the speed of float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return cpu_multiplies_bfloat16() or bool(check and check())


def choose_device(settings: ModelSettings) -> tuple[torch.device, torch.dtype]:
    """Choose the device and the type of the weights.

    Raises:
        WeightsError: CUDA was asked for and there is none.
    """
    wanted = settings.device
    if wanted is Device.CUDA and not torch.cuda.is_available():
        raise WeightsError("no CUDA device here; choose --device cpu or auto")
    cuda = wanted is not Device.CPU and torch.cuda.is_available()
    if settings.precision is Precision.AUTO:
        fast = torch.cuda.is_bf16_supported() if cuda else cpu_multiplies_bfloat16()
        dtype = torch.bfloat16 if fast else torch.float32
    else:
        dtype = torch.bfloat16 if settings.precision is Precision.BFLOAT16 else torch.float32
    return torch.device("cuda" if cuda else "cpu"), dtype


def load_models(
    profile: Profile, settings: ModelSettings, progress: LoadProgress = SILENT, *, with_generator: bool = True
) -> LoadedModels:
    """Load every base, adapter and encoder of `profile`, or only the encoders; report each step to `progress`.

    Raises:
        WeightsError: something is missing, broken, too large for the device, or not allowed.
    """
    quieten_libraries()
    device, dtype = choose_device(settings)
    profile = without_missing(profile, _log.info)
    progress.note(f"profile {profile.name} · {device.type} · {str(dtype).removeprefix('torch.')}")
    bases = []
    for name, base in profile.bases.items() if with_generator else ():
        adapters = {key: adapter.source for key, adapter in profile.adapters.items() if adapter.base == name}
        if adapters:
            progress.step(f"files of {name}")
            folder = fetch_model(base.source, progress.note, base.licence_notice)
            progress.step(f"base {name} with {len(adapters)} adapters")
            bases.append(load_base(name, str(folder), adapters, device, dtype))
    encoders: dict[str, SentenceTransformer] = {}
    of_source: dict[Path, SentenceTransformer] = {}
    for name, encoder in profile.encoders.items():
        folder = fetch_model(encoder.source, progress.note)
        progress.step(f"encoder {name}")
        if folder not in of_source:
            of_source[folder] = load_encoder(str(folder), device)
        encoders[name] = of_source[folder]
    return LoadedModels(profile=profile, device=device, dtype=dtype, bases=bases, encoders=encoders)


def without_missing(profile: Profile, note: Callable[[str], None] = SILENT.note) -> Profile:
    """Return `profile` without its optional adapters and encoders whose folders do not exist; `note` is told of each."""

    def is_here(kind: str, name: str, part: AdapterProfile | EncoderProfile) -> bool:
        if not part.optional or Path(part.source).is_dir() or (WEIGHTS_DIR / part.source).is_dir():
            return True
        note(f"{kind} {name} is left out: no folder {part.source}; `main.py train` makes it")
        return False

    return replace(
        profile,
        adapters={name: each for name, each in profile.adapters.items() if is_here("adapter", name, each)},
        encoders={name: each for name, each in profile.encoders.items() if is_here("encoder", name, each)},
    )


def load_base(name: str, source: str, adapters: dict[str, str], device: torch.device, dtype: torch.dtype) -> LoadedBase:
    """Load one base language model and mix `adapters` (name: source) into it."""
    tokenizer, peft = load_peft(name, source, adapters, dtype)
    mixed, rows = mix_adapters(peft)
    use_row_attention(mixed)
    network = _to_device(mixed.eval(), device)
    if device.type == "cpu":
        keep_bases_apart(network, rows)
    halve_linear_layers(network)
    run_without_modules(network, rows)
    return LoadedBase(name=name, network=network, tokenizer=tokenizer, rows=rows, adapters=tuple(adapters))


def load_peft(
    name: str, source: str, adapters: dict[str, str], dtype: torch.dtype
) -> tuple[PreTrainedTokenizerBase, PeftModel]:
    """Load one base language model and put `adapters` (name: source) onto it, as PEFT runs them, on the CPU."""
    folder = fetch_model(source)
    try:
        tokenizer = load_tokenizer(folder)
        network, info = load_causal(folder, dtype=dtype, output_loading_info=True)
        if info["missing_keys"]:
            raise ValueError(f"it lacks {sorted(info['missing_keys'])[0]}")
    except LOAD_FAILURES as error:
        raise broken_weights(f"base model {name}", folder, error) from error
    peft: PeftModel | None = None
    for adapter, adapter_source in adapters.items():
        adapter_folder = fetch_model(adapter_source)
        try:
            config = PeftConfig.from_pretrained(str(adapter_folder))
            _check_plain_lora(config)
            config.base_model_name_or_path = str(folder)  # what the folder says may be somebody's local path
            if peft is None:
                peft = PeftModel.from_pretrained(network, str(adapter_folder), adapter_name=adapter, config=config)
            else:
                peft.load_adapter(str(adapter_folder), adapter_name=adapter, peft_config=config)
            _check_complete(peft, adapter, adapter_folder)
        except LOAD_FAILURES as error:
            raise broken_weights(f"adapter {adapter}", adapter_folder, error) from error
    assert peft is not None
    return tokenizer, peft


def _check_plain_lora(config: PeftConfig) -> None:
    plain = config.peft_type == "LORA" and config.bias == "none" and not config.lora_bias
    if not plain or config.use_dora or config.modules_to_save:
        raise ValueError("only plain LoRA, without bias or whole modules, can share a batch")


def _check_complete(peft: PeftModel, adapter: str, folder: Path) -> None:
    """Compare the tensors of an adapter's file with those it must have; PEFT itself only warns."""
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        stored = set(file.keys())
    missing = set(get_peft_model_state_dict(peft, adapter_name=adapter, save_embedding_layers=False)) - stored
    if missing:
        raise ValueError(f"it lacks {sorted(missing)[0]}")


def load_encoder(source: str, device: torch.device) -> SentenceTransformer:
    """Load one sentence encoder in float32: our own module, or any that sentence-transformers brings."""
    folder = fetch_model(source)
    try:
        if names_own_module(folder):
            module = HashedNgrams.load(str(folder))
            encoder = SentenceTransformer(modules=[module], device=device.type)
        else:
            encoder = SentenceTransformer(
                str(folder), device=device.type, trust_remote_code=False, model_kwargs={"use_safetensors": True}
            )
    except (*LOAD_FAILURES, ImportError) as error:
        raise broken_weights("sentence encoder", folder, error) from error
    return encoder.float().eval()


def fetch_model(source: str, note: Callable[[str], None] = SILENT.note, own_notice: str = "") -> Path:
    """Return the checked folder of `source`; hand the licence notice of what is in it to `note` before anybody uses it.

    `own_notice` is what the profile says of its licence.

    Raises:
        WeightsError: it cannot be found or fetched, or may not be loaded.
    """
    folder = fetch(resolve_source(source))
    check_safe(folder)
    notice = licence_notice(folder, own_notice)
    if notice:
        note(notice)
    return folder


def _to_device(network: nn.Module, device: torch.device) -> nn.Module:
    try:
        return network.to(device)
    except torch.OutOfMemoryError as error:
        raise WeightsError(
            f"the models do not fit on {device}; free its memory, or choose --device cpu or a smaller profile"
        ) from error


def broken_weights(what: str, folder: Path, error: BaseException) -> WeightsError:
    """Return the error for weights that a library could not read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return WeightsError(f"{what} in {folder} cannot be loaded: {reason}; restore or retrain it")
