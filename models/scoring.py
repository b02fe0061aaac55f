"""Score texts: how probable a continuation is after a prompt, by an adapter, many pairs in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from models.attention import PassPlan, RowTokens
from models.device import Worker
from models.errors import GenerationError
from models.loader import LoadedBase
from models.passes import NOT_FINITE, STEP_TOKENS, name_failure, run_pass
from models.receiver import Delivery
from models.row_cache import CACHE_TOKENS, RowCache

TokenPair = tuple[list[int], list[int]]
"""The token ids of a prompt, at least one, and of its continuation."""


@dataclass(slots=True, kw_only=True, eq=False)
class ScoreRequest:
    """One pair or more for one adapter; `scores` fills up by the places of the pairs. Who no longer wants them sets `cancelled`."""

    adapter: str
    pairs: Sequence[TokenPair]
    delivery: Delivery[list[float]]
    cancelled: bool = False
    scores: list[float] = field(init=False)
    left: list[int] = field(init=False)  # places without a score; pairs of one prompt stand side by side

    def __post_init__(self) -> None:
        """Have nothing scored yet."""
        self.scores = [0.0] * len(self.pairs)
        self.left = sorted(range(len(self.pairs)), key=lambda place: self.pairs[place][0])


class ScoreWorker(Worker):
    """Computes requests in order of arrival; a step reads about as many tokens as a decode step may."""

    def __init__(
        self, base: LoadedBase, device: torch.device, max_rows: int, *, cache_tokens: int = CACHE_TOKENS // 4
    ) -> None:
        """Serve the adapters of `base`: at most `max_rows` pairs at once, in a cache of `cache_tokens`."""
        self.base = base
        self._device = device
        self._max_rows = max_rows
        self._waiting: list[ScoreRequest] = []
        self._cache = RowCache(cache_tokens)

    @property
    def cache_bytes(self) -> int:
        """The memory of keys and values, in bytes."""
        return self._cache.allocated_bytes

    def add(self, request: ScoreRequest) -> None:
        """Queue a request for the next step; one with a pair that is longer than the whole memory fails at once."""
        longest = max(_cells(pair) for pair in request.pairs)
        if longest <= self._cache.longest_row:
            self._waiting.append(request)
            return
        request.delivery.resolve(
            GenerationError(
                f"a text of {longest} tokens does not fit into the {self._cache.longest_row} that can be scored; "
                "raise OHLORA_CACHE_TOKENS or shorten it"
            )
        )

    def has_work(self) -> bool:
        """Tell whether requests wait."""
        return bool(self._waiting)

    def step(self) -> None:
        """Compute the next pairs of the oldest request that is still wanted; its failure leaves the others waiting."""
        self._waiting = [request for request in self._waiting if not request.cancelled]
        if not self._waiting:
            return
        request = self._waiting[0]
        places = request.left[: self._count([request.pairs[place] for place in request.left])]
        try:
            scores = self._score(request.adapter, [request.pairs[place] for place in places])
        except Exception as error:
            self._waiting.pop(0)
            request.delivery.resolve(name_failure(error, "scoring"))
            return
        for place, score in zip(places, scores, strict=True):
            request.scores[place] = score
        del request.left[: len(places)]
        if not request.left:
            self._waiting.pop(0)
            request.delivery.resolve(request.scores)

    def close(self, error: Exception) -> None:
        """Fail every waiting request."""
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            request.delivery.resolve(error)

    def _count(self, pairs: Sequence[TokenPair]) -> int:
        """Return how many of the first `pairs` a step takes: one, and further ones while tokens and memory suffice."""
        tokens, longest, heads = 0, 0, set()
        for number, (prompt, answer) in enumerate(pairs[: self._max_rows]):
            head = tuple(prompt[:-1])
            tokens += len(answer) + (0 if head in heads else len(head))
            longest = max(longest, _cells((prompt, answer)))
            heads.add(head)
            if number and (tokens > STEP_TOKENS or not self._cache.fits(number + 1, longest)):
                return number
        return min(len(pairs), self._max_rows)

    @torch.inference_mode()
    def _score(self, adapter: str, pairs: Sequence[TokenPair]) -> list[float]:
        try:
            self._read_prompts(adapter, [prompt[:-1] for prompt, _ in pairs], max(map(_cells, pairs)))
            return self._read_continuations(adapter, pairs)
        finally:
            self._cache.drop(range(self._cache.rows))

    def _read_prompts(self, adapter: str, heads: Sequence[list[int]], longest: int) -> None:
        """Give each pair a row with its prompt but for the last token; equal ones are read once and copied."""
        first: dict[tuple[int, ...], int] = {}
        for head in heads:
            first.setdefault(tuple(head), self._cache.add_row())
        self._cache.reserve(self._cache.rows, longest)
        read = [RowTokens(slot=slot, adapter=adapter, ids=head) for head, slot in first.items() if head]
        if read:
            nothing = torch.empty(0, dtype=torch.long, device=self._device)
            run_pass(self.base, PassPlan(self._cache, read, self._device), keep=nothing)
        for each in read:
            self._cache.lengths[each.slot] = len(each.ids)
        for slot, head in enumerate(heads):
            if first[tuple(head)] != slot:
                self._cache.copy(first[tuple(head)], slot, len(head))

    def _read_continuations(self, adapter: str, pairs: Sequence[TokenPair]) -> list[float]:
        """Read each continuation behind its prompt; return the sums of the logarithms of its tokens' probabilities."""
        tails = [
            RowTokens(slot=slot, adapter=adapter, ids=[prompt[-1], *answer[:-1]])
            for slot, (prompt, answer) in enumerate(pairs)
            if answer
        ]
        if not tails:
            return [0.0] * len(pairs)
        plan = PassPlan(self._cache, tails, self._device)
        logits = run_pass(self.base, plan, torch.arange(plan.ids.shape[1], device=self._device))
        wanted = torch.tensor([token for _, answer in pairs for token in answer], device=self._device)
        chosen = torch.log_softmax(logits.float(), dim=-1).gather(1, wanted[:, None])[:, 0]
        parts = torch.split(chosen, [len(answer) for _, answer in pairs])
        sums: list[float] = torch.stack([part.sum() for part in parts]).tolist()
        if not all(map(math.isfinite, sums)):
            raise GenerationError(NOT_FINITE)
        return sums


def _cells(pair: TokenPair) -> int:
    """Return how many tokens of a pair are read: all but the last one."""
    return len(pair[0]) + len(pair[1]) - 1
