"""Choose the next token of every row of a batch at once, each row by its own temperature, top-p and seed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.types import Sampling


def sample_rows(logits: Tensor, samplings: Sequence[Sampling], draws: Sequence[float]) -> list[int]:
    """Sample one token a row from `logits` (rows, vocabulary).

    `draws` are uniform numbers in [0, 1), one a row, from that row's own generator, so a row's choice does not depend on its
    neighbours. Temperature 0 takes the most likely token; top-p is nucleus sampling (Holtzman et al. 2020).
    """
    scores = logits.float()
    greedy = scores.argmax(dim=-1)
    temperature = torch.tensor([max(s.temperature, 1e-4) for s in samplings], device=scores.device)
    probabilities, order = torch.softmax(scores / temperature[:, None], dim=-1).sort(dim=-1, descending=True)
    cumulative = probabilities.cumsum(dim=-1)
    top_p = torch.tensor([s.top_p for s in samplings], device=scores.device)
    # The first token is always kept; a token is kept while the mass before it is below top_p.
    kept = ((cumulative - probabilities) < top_p[:, None]).sum(dim=-1).clamp_min(1)
    mass = cumulative.gather(1, (kept - 1)[:, None])
    target = torch.tensor(draws, device=scores.device, dtype=cumulative.dtype)[:, None] * mass
    chosen = (cumulative <= target).sum(dim=-1).minimum(kept - 1)
    tokens = order.gather(1, chosen[:, None])[:, 0]
    is_greedy = torch.tensor([s.temperature == 0 for s in samplings], device=scores.device)
    result: list[int] = torch.where(is_greedy, greedy, tokens).tolist()
    return result
