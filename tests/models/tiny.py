"""Make real models that are tiny and untrained: bases, LoRA adapters, an encoder, and a profile that points at them."""

from __future__ import annotations

import json
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from sentence_transformers import SentenceTransformer
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from models.decode_batch import DecodeBatch
from models.device import DeviceThread
from models.generator import AdapterGenerator, DecodeWorker
from models.llama_heads import FreeHeadsConfig, load_causal
from models.loader import LoadedBase
from models.profile import ADAPTER_NAMES
from models.receiver import Receiver
from models.scoring import ScoreWorker
from models.sequence import DecodeSequence
from models.text_features import HashedNgrams
from models.training.tokenizer import train_tokenizer
from models.types import Sampling

POSITIONS = 192
RANKS = {"output_message": 4, "memory": 8, "summary": 8, "eyes_mouth_pose": 4}
TARGETS = {
    "llama": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "neox": ["query_key_value"],
    "free_heads": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "gemma2": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
PROMPTS = {
    "output_message": "안녕 로라야 (답변 시작)",
    "memory": "나 내일 시험이야, 오늘은 도서관에 있어 (요약 시작)",
    "summary": "오늘 뭐 해? (오로라 답변) 논문 읽어! 넌 점심 먹었어? (요약 시작)",
    "eyes_mouth_pose": "좋아 (표정 출력 시작)",
}
LINES = (
    "안녕 로라야, 오늘 기분이 어때? 나는 좋아!",
    "내일 시험이라서 도서관에서 공부하고 있어",
    "떡볶이 먹고 싶다, 같이 먹으러 갈래?",
    "응, 좋아! 나도 오늘은 논문을 읽다가 늦게 잤어",
    "금요일 저녁에는 혜나랑 치맥을 먹을 거야",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyBase:
    """A base on disk with its four adapters on disk."""

    kind: str
    folder: Path
    adapters: dict[str, Path]
    tokenizer: PreTrainedTokenizerFast

    def sources(self) -> dict[str, str]:
        """Return the adapters as the loader takes them."""
        return {name: str(path) for name, path in self.adapters.items()}

    def network(self) -> Any:
        """Return a fresh copy of the base, as transformers loads it."""
        return load_causal(self.folder, dtype=torch.float32)


def make_network(kind: str, vocabulary: int) -> Any:
    """Return a random network whose greedy choices are far apart."""
    torch.manual_seed(3)
    shared = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": POSITIONS,
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**shared, num_key_value_heads=2))
    if kind == "free_heads":  # as Kanana: heads that do not divide the width
        heads = {"hidden_size": 40, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 16}
        return LlamaForCausalLM(FreeHeadsConfig(**shared | heads))
    if kind == "gemma2":
        return Gemma2ForCausalLM(Gemma2Config(**shared, num_key_value_heads=2, head_dim=8, sliding_window=64))
    return GPTNeoXForCausalLM(GPTNeoXConfig(**shared, rotary_pct=0.5))


def make_base(folder: Path, kind: str) -> TinyBase:
    """Write a base and four adapters with random, non-zero weights under `folder`."""
    tokenizer = train_tokenizer(LINES, 400)
    network = make_network(kind, len(tokenizer))
    _prefer_whole_characters(network, tokenizer)
    network.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    base = TinyBase(
        kind=kind,
        folder=folder / "base",
        adapters={name: folder / "adapters" / name for name in ADAPTER_NAMES},
        tokenizer=tokenizer,
    )
    for number, (name, path) in enumerate(base.adapters.items()):
        make_adapter(base, path, seed=number, r=RANKS[name])
    return base


def _prefer_whole_characters(network: Any, tokenizer: PreTrainedTokenizerFast) -> None:
    """Make tokens unlikely that are parts of characters, so that what the network says can be searched."""
    weight = network.get_output_embeddings().weight
    with torch.no_grad():
        for token in range(len(tokenizer)):
            if not str(tokenizer.decode([token])).isprintable() or "\ufffd" in str(tokenizer.decode([token])):
                weight[token] *= 0.05


def make_adapter(base: TinyBase, out: Path, *, seed: int = 0, **config: Any) -> Path:
    """Write one adapter for `base` with random weights everywhere, trained by nobody; say a base that is not there."""
    torch.manual_seed(100 + seed)
    options: dict[str, Any] = {
        "lora_alpha": 16,
        "target_modules": TARGETS[base.kind],
        "task_type": "CAUSAL_LM",
    } | config
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some tests make adapters that PEFT warns of
        model = get_peft_model(base.network(), LoraConfig(**options))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.15)
        model.save_pretrained(str(out), save_embedding_layers=False)
    file = out / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": "/home/somebody/base"}))
    base.tokenizer.save_pretrained(out)
    return out


def make_encoder(folder: Path, *, seed: int = 0) -> Path:
    """Write a small untrained encoder."""
    torch.manual_seed(seed)
    module = HashedNgrams(buckets=256, dimensions=16, hidden=16)
    SentenceTransformer(modules=[module], device="cpu").save(str(folder), create_model_card=False)
    return folder


def profile_text(bases: dict[str, TinyBase], adapter_bases: dict[str, str], encoder: Path) -> str:
    """Return the TOML of a profile over `bases`; `adapter_bases` tells the base of each adapter."""
    marks = {"output_message": "답변", "memory": "요약", "summary": "요약", "eyes_mouth_pose": "표정 출력"}
    parts = [
        'name = "tiny"\ndescription = "작은 시험용"\nmax_prompt_tokens = 60\nmemory_threshold = 0.6\nfallback_reply = "(읽씹)"',
        '[ethics]\nnormal_category = "일반"\nnormal = 0.5\n[ethics.categories]\n"정치" = 0.9',
    ]
    parts += [f'[bases.{name}]\nsource = "{base.folder}"' for name, base in bases.items()]
    for name in ADAPTER_NAMES:
        base = adapter_bases[name]
        limit = "max_total_tokens = 128" if name == "output_message" else "max_new_tokens = 24"
        parts.append(
            f'[adapters.{name}]\nbase = "{base}"\nsource = "{bases[base].adapters[name]}"\n'
            f'start_mark = " ({marks[name]} 시작)"\nstop_mark = "({marks[name]} 종료)"\ntries = 3\ntemperature = 0.6\n{limit}'
        )
    parts += [f'[encoders.{name}]\nsource = "{encoder}"' for name in ("memory", "ethics")]
    return "\n\n".join(parts) + "\n"


def greedy(limit: int, *, stop: str = "") -> Sampling:
    """Sample the most likely token up to `limit` times."""
    return Sampling(temperature=0, max_new_tokens=limit, stop=stop, seed=0)


def make_sequence(
    base: LoadedBase, adapter: str, sampling: Sampling, prompt: str | None = None, receiver: Receiver | None = None
) -> DecodeSequence:
    """Return a sequence for a batch over `base`; call it on an event loop."""
    return DecodeSequence(
        adapter=adapter,
        prompt_ids=list(base.tokenizer(PROMPTS[adapter] if prompt is None else prompt)["input_ids"]),
        sampling=sampling,
        tokenizer=base.tokenizer,
        receiver=receiver or Receiver(),
    )


def generate_with_transformers(model: Any, tokenizer: Any, prompt: str, limit: int) -> list[int]:
    """Continue `prompt` greedily with transformers' own loop; return the new tokens without the end token."""
    ids = torch.tensor([tokenizer(prompt)["input_ids"]])
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, do_sample=False, pad_token_id=1
        )
    new: list[int] = out[0, ids.shape[1] :].tolist()
    return new[: new.index(1)] if 1 in new else new


@asynccontextmanager
async def running(bases: Sequence[LoadedBase], max_rows: int = 8) -> AsyncIterator[AdapterGenerator]:
    """Run a generator over `bases` on a device thread."""
    batches = [DecodeBatch(base, torch.device("cpu"), max_rows) for base in bases]
    scorers = [ScoreWorker(base, torch.device("cpu"), max_rows) for base in bases]
    async with DeviceThread([*(DecodeWorker(batch) for batch in batches), *scorers]) as device:
        yield AdapterGenerator(device, batches, scorers)
