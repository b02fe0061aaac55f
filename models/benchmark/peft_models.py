"""What the contestants share that run a profile's adapters as PEFT and transformers do: loading, encoding, forced generation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from sentence_transformers import SentenceTransformer
from transformers import GenerationConfig, PreTrainedTokenizerBase, StoppingCriteria

from models.benchmark.workload import GenerationWork, TurnWork, as_own
from models.embedder import encode
from models.loader import choose_device, load_encoder, load_peft, without_missing
from models.profile import Profile
from models.settings import ModelSettings
from models.sources import quieten_libraries


@dataclass(slots=True, kw_only=True)
class PeftBase:
    """A base with its adapters as PEFT runs them."""

    model: PeftModel
    tokenizer: PreTrainedTokenizerBase


@dataclass(slots=True, kw_only=True)
class PeftModels:
    """The models of a profile without ours in between; `bases` by the name of the adapter."""

    bases: dict[str, PeftBase]
    encoders: dict[str, SentenceTransformer]
    device: torch.device


def load_peft_models(profile: Profile, settings: ModelSettings) -> PeftModels:
    """Load the models of `profile` on the device and in the precision that the engine would choose, without what the engine leaves out.

    Raises:
        WeightsError: something cannot be loaded.
    """
    quieten_libraries()
    device, dtype = choose_device(settings)
    profile = without_missing(profile)
    bases: dict[str, PeftBase] = {}
    for name, base in profile.bases.items():
        adapters = {key: adapter.source for key, adapter in profile.adapters.items() if adapter.base == name}
        if adapters:
            tokenizer, model = load_peft(name, base.source, adapters, dtype)
            shared = PeftBase(model=model.eval().to(device), tokenizer=tokenizer)
            bases |= dict.fromkeys(adapters, shared)
    encoders = {name: load_encoder(encoder.source, device) for name, encoder in profile.encoders.items()}
    return PeftModels(bases=bases, encoders=encoders, device=device)


class StepWatch(StoppingCriteria):  # type: ignore[misc]
    """Ends each row of a batch at its own number of new tokens, and notes when the first token came."""

    def __init__(self, prompt_length: int, new_tokens: Sequence[int], device: torch.device) -> None:
        """Count from `prompt_length` on, the padding included."""
        self.first_token_at = 0.0
        self.ended_at = [0.0] * len(new_tokens)
        self._prompt_length = prompt_length
        self._new_tokens = list(new_tokens)
        self._device = device

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Return which rows are done."""
        now = time.perf_counter()
        self.first_token_at = self.first_token_at or now
        made = input_ids.shape[1] - self._prompt_length
        done = [made >= wanted for wanted in self._new_tokens]
        self.ended_at = [at or (now if is_done else 0.0) for at, is_done in zip(self.ended_at, done, strict=True)]
        return torch.tensor(done, device=self._device)


def forced(works: Sequence[GenerationWork]) -> GenerationConfig:
    """Return a configuration that samples to the longest of `works` and never stops by itself."""
    first = works[0]
    return GenerationConfig(
        max_new_tokens=max(work.new_tokens for work in works),
        do_sample=first.temperature > 0,
        temperature=max(first.temperature, 0.01),
        top_p=first.top_p,
        top_k=0,
        eos_token_id=-1,  # None would be filled from the model
        pad_token_id=0,
        use_cache=True,
    )


@torch.inference_mode()
def generate(models: PeftModels, works: Sequence[GenerationWork], **adapters: Any) -> StepWatch:
    """Generate the rows of `works`, which share a base, left-padded, in one call of transformers' `generate`."""
    base = models.bases[works[0].adapter]
    prompts = [list(base.tokenizer(work.prompt)["input_ids"]) for work in works]
    length = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (length - len(prompt)) + prompt for prompt in prompts], device=models.device)
    mask = torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=models.device)
    watch = StepWatch(length, [work.new_tokens for work in works], models.device)
    out = base.model.generate(
        input_ids=ids, attention_mask=mask, generation_config=forced(works), stopping_criteria=[watch], **adapters
    )
    base.tokenizer.batch_decode(out[:, length:], skip_special_tokens=True)
    return watch


def encode_one_by_one(models: PeftModels, user: str, work: TurnWork) -> None:
    """Encode every text of a turn of `user` alone."""
    for each in work.encodings:
        for text in each.texts:
            encode(models.encoders[each.encoder], [as_own(text, user)])


def encode_together(models: PeftModels, turns: Sequence[tuple[str, TurnWork]]) -> None:
    """Encode the texts of several turns, each with its user, in one batch for each encoder, each distinct text once."""
    for name, encoder in models.encoders.items():
        texts = dict.fromkeys(
            as_own(text, user)
            for user, work in turns
            for each in work.encodings
            if each.encoder == name
            for text in each.texts
        )
        if texts:
            encode(encoder, list(texts))
