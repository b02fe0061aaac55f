"""Train the embedded base: a small Llama over this project's own tokenizer and text, from nothing.

It reads the sequences of all four adapters (input, mark, answer), redrawn for every pass over the corpus, so that slot values,
noise and contexts differ each time. Half of the inputs are cut into other tokens than the usual ones (BPE dropout, Provilkov et al.
2020), because people misspell words. Matrices are stepped by Muon (Jordan et al. 2024), the rest by AdamW (docs/decisions/0009).
The adapters are trained on it afterwards with the code that production adapters use.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import random
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from models.errors import ModelError
from models.loader import trains_in_bfloat16
from models.profile import Profile
from models.training.dialogue_rows import DialogueCorpus, expand
from models.training.examples import make_examples
from models.training.muon import FullPrecisionMuon
from models.training.packing import batches, pack
from models.training.progress import Report
from models.training.tokenizer import train_tokenizer
from models.training.training_log import LOG_NAME

LOG_EVERY = 50
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecipe:
    """Size and schedule of the base. `shares` is the part of each adapter's sequences read in one pass, `share` times it.

    With `start`, a folder that holds a base, its tokenizer, size and weights are taken from there and trained on; `kept` of 1 is
    then what its weights weigh in the finished base, the trained ones the rest (Wortsman et al. 2022, arXiv:2109.01903).
    """

    start: str = ""
    kept: float = 0.0

    vocabulary: int = 6000
    hidden: int = 384
    layers: int = 5
    heads: int = 6
    positions: int = 512
    row_length: int = 128
    rows: int = 48
    passes: int = 2
    learning_rate: float = 2e-3
    warmup: float = 0.03
    weight_decay: float = 0.4
    token_dropout: float = 0.1
    share: float = 1.0
    seed: int = 7
    shares: tuple[tuple[str, float], ...] = (
        ("output_message", 1.0),
        ("memory", 0.5),
        ("summary", 0.3),
        ("eyes_mouth_pose", 0.2),
    )

    def changes(self) -> dict[str, float | str]:
        """Return the fields that a command line may set and that differ from the usual recipe."""
        usual = BaseRecipe()
        names = ("start", "kept", "passes", "share", "learning_rate")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}


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
    corpus: DialogueCorpus,
    profile: Profile,
    tokenizer: PreTrainedTokenizerFast,
    recipe: BaseRecipe,
    draw: int,
    *,
    held_out: bool = False,
) -> list[list[int]]:
    """Return the token sequences of one pass over the corpus, widened with the seed of that pass."""
    rng = random.Random(recipe.seed * 1000 + draw)
    rows = expand(corpus, recipe.seed * 1000 + draw, held_out=held_out)
    pairs: list[tuple[str, str]] = []
    for adapter, share in recipe.shares:
        examples = make_examples(adapter, profile.adapters[adapter], rows)
        pairs += rng.sample(examples, int(len(examples) * share * (1.0 if held_out else recipe.share)))
    texts = [prompt for prompt, _ in pairs]
    prompts, uneven = (cut_tokens(tokenizer, texts, dropout) for dropout in (0.0, recipe.token_dropout))
    answers = cut_tokens(tokenizer, [answer for _, answer in pairs], 0.0, whole=False)
    return [
        [*(usual if rng.random() < 0.5 else other), *answer, 1]
        for usual, other, answer in zip(prompts, uneven, answers, strict=True)
    ]


def cut_tokens(
    tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], dropout: float, *, whole: bool = True
) -> list[list[int]]:
    """Return token ids of `texts` with each merge of the byte pairs left out with the probability `dropout`.

    `whole` puts the tokens around them that a prompt begins with. The library draws its own random numbers, so two runs of one seed
    are cut differently. It is asked directly because transformers' wrapper takes several times as long.
    """
    backend = tokenizer.backend_tokenizer
    backend.model.dropout = dropout or None
    try:
        return [encoding.ids for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=whole)]
    finally:
        backend.model.dropout = None


def make_optimisers(
    network: LlamaForCausalLM, recipe: BaseRecipe, *, in_bfloat16: bool = True
) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the layers and AdamW for embeddings and norms, with one learning rate."""
    matrices = [p for name, p in network.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in network.named_parameters() if p.ndim != 2 or "embed" in name]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        if in_bfloat16
        else FullPrecisionMuon(matrices, lr=rate, weight_decay=decay),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


class BaseRun:
    """A base in training, pass by pass; after each it can be saved and gone on with later."""

    def __init__(
        self, corpus: DialogueCorpus, profile: Profile, recipe: BaseRecipe, checkpoint: Path, *, compile_steps: bool
    ) -> None:
        """Begin from nothing, or go on from the folder `checkpoint` where there is one."""
        torch.manual_seed(recipe.seed)
        reuse_freed_memory()
        self.recipe = recipe
        self.passes = 0
        self.figures = {"steps": 0, "tokens": 0, "loss": 0.0, "held_out_loss": math.nan, "seconds": 0.0}
        self.log: list[dict[str, Any]] = []
        self._corpus, self._profile, self._checkpoint = corpus, profile, checkpoint
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = self._make_tokenizer()
        self.network = self._make_network().to(self._device)
        self._in_bfloat16 = trains_in_bfloat16(self._device)
        self._optimisers = make_optimisers(self.network, recipe, in_bfloat16=self._in_bfloat16)
        self._held_out = draw_sequences(corpus, profile, self.tokenizer, recipe, 0, held_out=True)
        if checkpoint.is_dir():
            self._load()
        self._step_model = torch.compile(self.network) if compile_steps and has_compiler() else self.network

    def train_pass(self, report: Report) -> None:
        """Read one fresh draw of the corpus; `report` gets the step, the number of steps of all passes and the loss."""
        started, figures, recipe = time.perf_counter(), self.figures, self.recipe
        sequences = draw_sequences(self._corpus, self._profile, self.tokenizer, recipe, self.passes)
        each = max(1, len(pack(sequences, recipe.row_length)) // recipe.rows)
        rng = random.Random(recipe.seed + self.passes)
        for number, batch in enumerate(batches(sequences, length=recipe.row_length, rows=recipe.rows, rng=rng), 1):
            progress = (self.passes + min(1.0, number / each)) / recipe.passes
            loss = self._step(batch, recipe.learning_rate * _schedule(progress, recipe.warmup))
            figures["steps"] += 1
            figures["tokens"] += batch["input_ids"].numel()
            figures["loss"] = loss if figures["steps"] == 1 else 0.98 * figures["loss"] + 0.02 * loss
            report(int(figures["steps"]), each * recipe.passes, figures["loss"])
            if figures["steps"] % LOG_EVERY == 0:
                self._note(progress * recipe.passes)
        figures["held_out_loss"] = measure_loss(self.network, self._held_out, recipe)
        figures["seconds"] += time.perf_counter() - started
        self.passes += 1
        self._note(self.passes, validation={"loss": round(figures["held_out_loss"], 4)})

    def save(self) -> None:
        """Write the checkpoint, replacing the one before when it is whole."""
        new = self._checkpoint.with_name(f"{self._checkpoint.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        self.tokenizer.save_pretrained(new)
        state = {
            "passes": self.passes,
            "figures": self.figures,
            "log": self.log,
            "network": self.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
        }
        torch.save(state, new / "state.pt")
        shutil.rmtree(self._checkpoint, ignore_errors=True)
        new.replace(self._checkpoint)

    def finish(self, out: Path) -> dict[str, float]:
        """Write the base and its log into `out`, drop the checkpoint and return the figures of the run."""
        if self.recipe.start and self.recipe.kept:
            mix_weights(self.network, self._make_network(), self.recipe.kept)
            self.figures["held_out_loss"] = measure_loss(self.network, self._held_out, self.recipe)
            self._note(self.passes, validation={"loss": round(self.figures["held_out_loss"], 4)})
        save_base(self.network, self.tokenizer, out)
        (out / LOG_NAME).write_text("".join(f"{json.dumps(line)}\n" for line in self.log))
        shutil.rmtree(self._checkpoint, ignore_errors=True)
        return {name: round(figure, 4) for name, figure in self.figures.items()}

    def _step(self, batch: dict[str, Tensor], learning_rate: float) -> float:
        batch = {name: value.to(self._device) for name, value in batch.items()}
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._in_bfloat16):
            loss = self._step_model(**batch, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return float(loss.item())

    def _note(self, epoch: float, **more: Any) -> None:
        self.log.append(
            {
                "step": int(self.figures["steps"]),
                "epoch": round(epoch, 3),
                "loss": round(self.figures["loss"], 4),
                **more,
            }
        )

    def _make_network(self) -> LlamaForCausalLM:
        if not self.recipe.start:
            return make_network(self.recipe, len(self.tokenizer))
        try:
            network = LlamaForCausalLM.from_pretrained(
                self.recipe.start, dtype=torch.float32, attn_implementation="eager", use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"{self.recipe.start} holds no base to begin with: {error}") from error
        assert isinstance(network, LlamaForCausalLM)
        return network

    def _make_tokenizer(self) -> PreTrainedTokenizerFast:
        saved = (
            self._checkpoint if self._checkpoint.is_dir() else Path(self.recipe.start) if self.recipe.start else None
        )
        if saved is not None:
            try:
                return PreTrainedTokenizerFast.from_pretrained(saved)
            except (OSError, ValueError) as error:
                raise ModelError(f"{saved} holds no tokenizer: {error}") from error
        rows = expand(self._corpus, self.recipe.seed)
        return train_tokenizer((text for row in rows for text in (row.input, row.reply)), self.recipe.vocabulary)

    def _load(self) -> None:
        try:
            state = torch.load(self._checkpoint / "state.pt", map_location=self._device, weights_only=True)
            self.network.load_state_dict(state["network"])
            for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
            self.passes, self.figures, self.log = state["passes"], state["figures"], state["log"]
        except (OSError, RuntimeError, KeyError, ValueError, UnpicklingError) as error:
            raise ModelError(f"{self._checkpoint} cannot be read; remove it to train the base again") from error


def train_base(
    corpus: DialogueCorpus, profile: Profile, out: Path, recipe: BaseRecipe, report: Report, *, compile_steps: bool
) -> dict[str, float]:
    """Train tokenizer and base into `out` (safetensors, bfloat16); return the figures of the run.

    `compile_steps` doubles the speed on a CPU, where there is a C++ compiler. A run that was interrupted goes on after its last
    whole pass, from the folder `out.partial`.

    Raises:
        ModelError: that folder cannot be read.
    """
    run = BaseRun(corpus, profile, recipe, out.with_name(f"{out.name}.partial"), compile_steps=compile_steps)
    while run.passes < recipe.passes:
        run.train_pass(report)
        run.save()
    return run.finish(out)


@torch.no_grad()
def measure_loss(network: LlamaForCausalLM, sequences: Sequence[list[int]], recipe: BaseRecipe) -> float:
    """Return the mean loss on `sequences`, which are packed as in training; nan where they fill no batch."""
    device = next(network.parameters()).device
    losses = []
    for batch in batches(sequences, length=recipe.row_length, rows=8, rng=random.Random(recipe.seed)):
        batch = {name: value.to(device) for name, value in batch.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=trains_in_bfloat16(device)):
            losses.append(network(**batch, use_cache=False).loss.item())
    return sum(losses) / len(losses) if losses else math.nan


@torch.no_grad()
def mix_weights(network: LlamaForCausalLM, other: LlamaForCausalLM, share: float) -> None:
    """Move the weights of `network` towards those of `other`, of the same shape: `share` 1 is the other's, 0 leaves them."""
    for mine, theirs in zip(network.parameters(), other.parameters(), strict=True):
        mine.lerp_(theirs.to(mine), share)


def reuse_freed_memory() -> None:
    """Let glibc keep what is freed, where it is the allocator: a step frees and takes hundreds of megabytes.

    Measured: 8 to 15 % of the time of a step on 2 cores, most of it page faults.
    """
    with suppress(OSError, AttributeError):
        set_option = ctypes.CDLL("libc.so.6").mallopt
        for option, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 2**26)):
            set_option(option, value)


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
