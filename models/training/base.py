"""Train the embedded base: a small Llama over this project's own tokenizer and text, from nothing.

It reads the sequences of all four adapters (input, mark, answer), redrawn for every pass over the corpus, so that slot values,
noise and contexts differ each time. The adapters are trained on it afterwards with the code that production adapters use.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from models.profile import Profile
from models.training.dialogue_rows import DialogueCorpus, expand
from models.training.examples import make_examples
from models.training.packing import batches, pack
from models.training.progress import Report
from models.training.tokenizer import train_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecipe:
    """Size and schedule of the base. `shares` is the part of each adapter's sequences read in one pass."""

    vocabulary: int = 6000
    hidden: int = 384
    layers: int = 5
    heads: int = 6
    positions: int = 512
    row_length: int = 128
    rows: int = 32
    passes: int = 4
    learning_rate: float = 2e-3
    warmup: float = 0.03
    weight_decay: float = 0.05
    seed: int = 7
    shares: tuple[tuple[str, float], ...] = (
        ("output_message", 1.0),
        ("memory", 0.6),
        ("summary", 0.35),
        ("eyes_mouth_pose", 0.4),
    )


def make_network(recipe: BaseRecipe, vocabulary: int) -> LlamaForCausalLM:
    """Return an untrained network; attention runs unfused because it is faster for short rows on a CPU."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.hidden * 8 // 3 // 64 * 64,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        max_position_embeddings=recipe.positions,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
    )
    network = LlamaForCausalLM._from_config(config, attn_implementation="eager")
    assert isinstance(network, LlamaForCausalLM)
    return network


def draw_sequences(
    corpus: DialogueCorpus, profile: Profile, tokenizer: PreTrainedTokenizerFast, recipe: BaseRecipe, draw: int
) -> list[list[int]]:
    """Return the token sequences of one pass over the corpus, widened with the seed of that pass."""
    rng = random.Random(recipe.seed * 1000 + draw)
    rows = expand(corpus, recipe.seed * 1000 + draw)
    texts: list[str] = []
    for adapter, share in recipe.shares:
        examples = make_examples(adapter, profile.adapters[adapter], rows)
        texts += [prompt + answer for prompt, answer in rng.sample(examples, int(len(examples) * share))]
    return [[*ids, 1] for ids in tokenizer(texts)["input_ids"]]


def train_base(
    corpus: DialogueCorpus, profile: Profile, out: Path, recipe: BaseRecipe, report: Report, *, compile_steps: bool
) -> dict[str, float]:
    """Train tokenizer and base into `out` (safetensors, bfloat16); return the figures of the run.

    `report` gets the step, the number of steps and the loss. `compile_steps` doubles the speed on a CPU, where there
    is a C++ compiler.
    """
    torch.manual_seed(recipe.seed)
    started = time.perf_counter()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = expand(corpus, recipe.seed)
    tokenizer = train_tokenizer((text for row in rows for text in (row.input, row.reply)), recipe.vocabulary)
    network = make_network(recipe, len(tokenizer)).to(device)
    step_model = torch.compile(network) if compile_steps and has_compiler() else network
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay, fused=True
    )
    step, tokens, loss_sum, total = 0, 0, 0.0, 0
    for draw in range(recipe.passes):
        sequences = draw_sequences(corpus, profile, tokenizer, recipe, draw)
        total = total or len(pack(sequences, recipe.row_length)) // recipe.rows * recipe.passes
        rng = random.Random(recipe.seed + draw)
        for batch in batches(sequences, length=recipe.row_length, rows=recipe.rows, rng=rng):
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * _schedule(step / total, recipe.warmup)
            batch = {name: value.to(device) for name, value in batch.items()}
            with torch.autocast(device.type, torch.bfloat16):
                loss = step_model(**batch, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
            tokens += batch["input_ids"].numel()
            loss_sum = loss.item() if step == 1 else 0.98 * loss_sum + 0.02 * loss.item()
            report(step, total, loss_sum)
    save_base(network, tokenizer, out)
    figures = {
        "steps": step,
        "tokens": tokens,
        "loss": round(loss_sum, 4),
        "seconds": round(time.perf_counter() - started),
    }
    (out / "training.json").write_text(json.dumps({"recipe": asdict(recipe), "figures": figures}, indent=1))
    return figures


def has_compiler() -> bool:
    """Tell whether there is a C++ compiler, which torch.compile needs on a CPU."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def save_base(network: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write network (bfloat16 safetensors) and tokenizer into `out`, replacing what was there."""
    shutil.rmtree(out, ignore_errors=True)
    network.to(torch.bfloat16).save_pretrained(out, safe_serialization=True)
    tokenizer.save_pretrained(out)


def _schedule(progress: float, warmup: float) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    if progress < warmup:
        return progress / warmup
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))
