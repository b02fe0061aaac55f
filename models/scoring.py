"""Score texts: how probable a continuation is after a prompt, by an adapter, in one pass for many pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.device import Worker
from models.errors import GenerationError
from models.loader import LoadedBase
from models.receiver import Delivery


@dataclass(slots=True, kw_only=True)
class ScoreRequest:
    """Token ids of prompts and continuations for one adapter; `scores` fills up as rows are computed."""

    adapter: str
    pairs: Sequence[tuple[list[int], list[int]]]
    delivery: Delivery[list[float]]
    scores: list[float] = field(default_factory=list)


class ScoreWorker(Worker):
    """Computes at most `max_rows` pairs a step, in order of arrival."""

    def __init__(self, base: LoadedBase, device: torch.device, max_rows: int) -> None:
        """Serve the adapters of `base`."""
        self.base = base
        self._device = device
        self._max_rows = max_rows
        self._waiting: list[ScoreRequest] = []

    def add(self, request: ScoreRequest) -> None:
        """Queue a request for the next step."""
        self._waiting.append(request)

    def has_work(self) -> bool:
        """Tell whether requests wait."""
        return bool(self._waiting)

    def step(self) -> None:
        """Compute the next pairs of the oldest request; its failure leaves the others waiting."""
        request = self._waiting[0]
        done = len(request.scores)
        try:
            request.scores += self._score(request.adapter, request.pairs[done : done + self._max_rows])
        except Exception as error:
            self._waiting.pop(0)
            request.delivery.resolve(GenerationError(f"scoring failed: {type(error).__name__}: {error}"))
            return
        if len(request.scores) >= len(request.pairs):
            self._waiting.pop(0)
            request.delivery.resolve(request.scores)

    def close(self, error: Exception) -> None:
        """Fail every waiting request."""
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            request.delivery.resolve(error)

    @torch.inference_mode()
    def _score(self, adapter: str, pairs: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        length = max(len(prompt) + len(answer) for prompt, answer in pairs)
        ids = torch.zeros(len(pairs), length, dtype=torch.long)
        mask = torch.zeros_like(ids)
        is_answer = torch.zeros(len(pairs), length, dtype=torch.bool)
        for row, (prompt, answer) in enumerate(pairs):
            end = len(prompt) + len(answer)
            ids[row, :end] = torch.tensor([*prompt, *answer])
            mask[row, :end] = 1
            is_answer[row, len(prompt) : end] = True
        self.base.rows.choose([adapter] * len(pairs))
        logits: Tensor = self.base.network(
            input_ids=ids.to(self._device), attention_mask=mask.to(self._device), use_cache=False
        ).logits
        log_probabilities = torch.log_softmax(logits[:, :-1].float(), dim=-1).cpu()
        chosen = log_probabilities.gather(2, ids[:, 1:, None])[:, :, 0]
        sums = chosen.masked_fill(~is_answer[:, 1:], 0.0).sum(dim=1)
        if not torch.isfinite(sums).all():
            raise ValueError("the weights give numbers that are not finite; restore or retrain them")
        result: list[float] = sums.tolist()
        return result
