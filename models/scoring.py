"""Score texts: how probable a continuation is after a prompt, by an adapter, in one pass for many pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import torch

from models.attention import PassPlan, RowTokens
from models.decode_batch import run_pass
from models.device import Worker
from models.errors import GenerationError
from models.loader import LoadedBase
from models.receiver import Delivery
from models.row_cache import RowCache


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
        """Read each different prompt once but for its last token, copy it to its pairs, and read the continuations behind it."""
        prompts = list(dict.fromkeys(tuple(prompt[:-1]) for prompt, _ in pairs))
        cache = RowCache(limit=len(pairs) * int(self.base.network.config.max_position_embeddings))
        first = {prompt: next(n for n, pair in enumerate(pairs) if tuple(pair[0][:-1]) == prompt) for prompt in prompts}
        cache.add_rows(len(pairs))
        cache.reserve(max(len(prompt) + len(answer) for prompt, answer in pairs))
        heads = [
            RowTokens(row=row, adapter=adapter, ids=prompt) for prompt, row in sorted(first.items(), key=itemgetter(1))
        ]
        if heads := [head for head in heads if head.ids]:
            run_pass(self.base, PassPlan(cache, heads, self._device), torch.tensor([0], device=self._device))
        for head in heads:
            cache.lengths[head.row] = len(head.ids)
        for row, (prompt, _) in enumerate(pairs):
            if (source := first[tuple(prompt[:-1])]) != row:
                cache.copy(source, row)
        tails = [
            RowTokens(row=row, adapter=adapter, ids=[prompt[-1], *answer[:-1]])
            for row, (prompt, answer) in enumerate(pairs)
        ]
        plan = PassPlan(cache, tails, self._device)
        logits = run_pass(self.base, plan, torch.arange(plan.ids.shape[1], device=self._device))
        answers = [answer for _, answer in pairs]
        wanted = torch.tensor([token for answer in answers for token in answer], device=self._device)
        chosen = torch.log_softmax(logits.float(), dim=-1).gather(1, wanted[:, None])[:, 0]
        sums = torch.stack([part.sum() for part in torch.split(chosen, [len(answer) for answer in answers])]).cpu()
        if not torch.isfinite(sums).all():
            raise ValueError("the weights give numbers that are not finite; restore or retrain them")
        result: list[float] = sums.tolist()
        return result
