"""Choose the next token of every row of a batch at once, each row by its own temperature, top-p and seed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.types import Sampling

_FEW = 64
_NONE, _UNDECIDED = -1, -2


def sample_rows(logits: Tensor, samplings: Sequence[Sampling], draws: Sequence[float]) -> list[int | None]:
    """Sample one token a row from `logits` (rows, vocabulary); None for a row with logits that are not finite.

    `draws` are uniform numbers in [0, 1), one a row, from that row's own generator, so a row's choice does not depend on its
    neighbours. Temperature 0 takes the most likely token; top-p is nucleus sampling (Holtzman et al. 2020).

    Tokens are ordered from the most likely one on and the draw falls on one of them. Mostly that is one of a few; only rows where it
    is not have their whole vocabulary sorted, with the same result as if all had.
    """
    scores = logits.float()
    wanted = [(max(each.temperature, 1e-4), each.top_p, draw) for each, draw in zip(samplings, draws, strict=True)]
    temperature, top_p, draw = torch.tensor(wanted, device=scores.device).unbind(1)
    probabilities = torch.softmax(scores / temperature[:, None], dim=-1)
    few = min(_FEW, probabilities.shape[1])
    largest, order = probabilities.topk(few, dim=-1)
    tokens, is_decided = _choose(largest, order, top_p, draw, is_whole=few == probabilities.shape[1])
    tokens = torch.where(is_decided, tokens, _UNDECIDED)
    if any(each.temperature == 0 for each in samplings):
        is_greedy = torch.tensor([each.temperature == 0 for each in samplings], device=scores.device)
        tokens = torch.where(is_greedy, order[:, 0], tokens)
    # All answers come from the device at once: each of them alone would be a wait for it.
    result: list[int] = torch.where(torch.isfinite(scores.sum(dim=-1)), tokens, _NONE).tolist()
    undecided = [row for row, token in enumerate(result) if token == _UNDECIDED]
    if undecided:
        largest, order = probabilities[undecided].sort(dim=-1, descending=True)
        chosen = _choose(largest, order, top_p[undecided], draw[undecided], is_whole=True)[0].tolist()
        for row, token in zip(undecided, chosen, strict=True):
            result[row] = token
    return [None if token == _NONE else token for token in result]


def _choose(largest: Tensor, order: Tensor, top_p: Tensor, draw: Tensor, *, is_whole: bool) -> tuple[Tensor, Tensor]:
    """Choose among the most likely tokens `order` with probabilities `largest`, descending; tell for which rows these were enough.

    `is_whole` says that there are no further tokens.
    """
    cumulative = largest.cumsum(dim=-1)
    # The first token is always kept; a token is kept while the mass before it is below top_p.
    kept = ((cumulative - largest) < top_p[:, None]).sum(dim=-1).clamp_min(1)
    keeps_all = top_p >= 1
    mass = torch.where(keeps_all[:, None], 1.0, cumulative.gather(1, (kept - 1)[:, None]))
    chosen = (cumulative <= draw[:, None] * mass).sum(dim=-1).minimum(kept - 1)
    is_enough = torch.where(keeps_all, draw < cumulative[:, -1], cumulative[:, -1] - largest[:, -1] >= top_p)
    return order.gather(1, chosen[:, None])[:, 0], is_enough | is_whole
