"""Attention of a flat pass: new tokens of many rows in one line, each row against its own slot of the cache.

A pass has no batch dimension. The tokens of all rows that take part, one each of rows that are being generated and a whole piece of
rows whose prompt is being read, stand one behind another, so products, norms and activations see one (1, tokens, width) matrix with
no padding. Only here are they parted again: neighbouring rows with one token each, and neighbouring rows with several, make a group,
and a group is one call of scaled dot-product attention over a view of the cache.

transformers calls `row_attention` in every layer (its `AttentionInterface`), with the pass's `plan` as the caller gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from models.row_cache import RowCache

NAME = "ohlora_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTokens:
    """The new tokens of one row in a pass: the row's slot, its adapter, and the ids behind what the cache holds of it."""

    row: int
    adapter: str
    ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Neighbouring rows `first` to before `last`, whose tokens stand from `start` to before `end` in the pass.

    `sees` is (rows, 1, queries, longest): whether a query sees a position. Where rows have several tokens, `padded` (rows, queries)
    says which token of the pass each query is, and `real` which queries are real.
    """

    first: int
    last: int
    start: int
    end: int
    longest: int
    sees: Tensor
    padded: Tensor | None
    real: Tensor | None


class PassPlan:
    """Where the tokens of a pass belong; made once a pass and used by every layer."""

    def __init__(self, cache: RowCache, rows: Sequence[RowTokens], device: torch.device) -> None:
        """Plan `rows`, in the order of their slots; the cache must have room for them."""
        self.cache = cache
        starts = [cache.lengths[each.row] for each in rows]
        positions = [start + n for start, each in zip(starts, rows, strict=True) for n in range(len(each.ids))]
        cells = [
            cache.cell(each.row, start + n)
            for start, each in zip(starts, rows, strict=True)
            for n in range(len(each.ids))
        ]
        self.ids = torch.tensor([[token for each in rows for token in each.ids]], device=device)
        self.positions = torch.tensor([positions], device=device)
        self.cells = torch.tensor(cells, device=device)
        self.adapters = [each.adapter for each in rows for _ in each.ids]
        self.groups = list(self._groups(rows, device))

    def _groups(self, rows: Sequence[RowTokens], device: torch.device) -> list[_Group]:
        groups, start = [], 0
        numbered = enumerate(rows)
        for _, run in groupby(numbered, key=lambda pair: (pair[1].row - pair[0], len(pair[1].ids) > 1)):
            members = [each for _, each in run]
            groups.append(self._group(members, start, device))
            start = groups[-1].end
        return groups

    def _group(self, members: Sequence[RowTokens], start: int, device: torch.device) -> _Group:
        counts = [len(each.ids) for each in members]
        before = [self.cache.lengths[each.row] for each in members]
        longest = max(have + count for have, count in zip(before, counts, strict=True))
        queries = max(counts)
        end = start + sum(counts)
        offsets = torch.tensor([sum(counts[:n]) for n in range(len(counts))], device=device)
        order = torch.arange(queries, device=device)
        own = torch.tensor(before, device=device)[:, None] + order  # the position of each query
        sees = torch.arange(longest, device=device) <= own[:, None, :, None]
        padded = real = None
        if queries > 1:
            real = order < torch.tensor(counts, device=device)[:, None]
            padded = (offsets[:, None] + order).clamp_max(end - start - 1) + start
        first = members[0].row
        return _Group(
            first=first, last=first + len(members), start=start, end=end, longest=longest, sees=sees, padded=padded, real=real
        )  # fmt: skip


def row_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    plan: PassPlan | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend the pass's queries (1, heads, tokens, width) to their rows; without a plan, a batch of whole sequences to itself."""
    if plan is None:
        length = query.shape[2]
        sees = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
        return _attend(query, key, value, _within(sees, sliding_window), scaling, softcap).transpose(1, 2), None
    plan.cache.write(module.layer_idx, plan.cells, key[0].transpose(0, 1), value[0].transpose(0, 1))
    tokens = query[0].transpose(0, 1)  # (tokens, heads, width)
    parts = []
    for group in plan.groups:
        keys, values = plan.cache.read(module.layer_idx, group.first, group.last, group.longest)
        sees = _within(group.sees, sliding_window)
        if group.padded is None:
            queries = tokens[group.start : group.end, :, None]
            parts.append(_attend(queries, keys, values, sees, scaling, softcap)[:, :, 0])
        else:
            queries = tokens[group.padded].transpose(1, 2)
            parts.append(_attend(queries, keys, values, sees, scaling, softcap).transpose(1, 2)[group.real])
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def _attend(
    query: Tensor, key: Tensor, value: Tensor, sees: Tensor, scaling: float | None, softcap: float | None
) -> Tensor:
    if softcap is None:
        return scaled_dot_product_attention(
            query, key, value, attn_mask=sees, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
        )
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scores = torch.tanh(query @ key.transpose(2, 3) * (scaling or query.shape[-1] ** -0.5) / softcap) * softcap
    weights = scores.masked_fill(~sees, float("-inf")).softmax(dim=-1, dtype=torch.float32)
    return weights.to(query.dtype) @ value


def _within(sees: Tensor, window: int | None) -> Tensor:
    """Hide what is `window` positions or more before a query; the last position that a query sees is its own."""
    if window is None or sees.shape[-1] <= window:
        return sees
    own = sees.sum(dim=-1, keepdim=True) - 1
    return sees & (torch.arange(sees.shape[-1], device=sees.device) > own - window)


def use_row_attention(network: Any) -> None:
    """Let `network` attend as this file does."""
    AttentionInterface.register(NAME, row_attention)
    network.set_attn_implementation(NAME)


@contextmanager
def row_attention_in(network: Any) -> Iterator[None]:
    """Let `network`, which is in training, attend as this file does until the context ends."""
    before = network.config._attn_implementation
    use_row_attention(network)
    try:
        yield
    finally:
        network.set_attn_implementation(before)
