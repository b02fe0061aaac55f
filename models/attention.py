"""Attention of a flat pass: new tokens of many rows in one line, each row against its own slot of the cache.

A pass has no batch dimension. The tokens of all rows that take part, one each of rows that are being generated and a whole piece of
rows whose prompt is being read, stand one behind another, so products, norms and activations see one (1, tokens, width) matrix with
no padding. Only here are they parted again: rows in neighbouring slots that have one token each, or several each, make a group, and a
group is one call of scaled dot-product attention over a view of the cache.

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

    slot: int
    adapter: str
    ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Padding:
    """Rows with unequal numbers of new tokens as a rectangle, (rows, most): `taken` has the token of the pass for each place.

    Places behind a row's last token repeat some other; `real`, (tokens,), are the places that do not, in the rectangle as one line.
    """

    taken: Tensor
    real: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Rows in the slots `first` to before `last`, whose tokens stand from `start` to before `end` in the pass.

    The longest has `longest` tokens, its new ones with it. `sees`, (rows, 1, queries, longest), says whether a query sees a position;
    without it every query sees all of them. Without `padding` all rows have the same number of queries.
    """

    first: int
    last: int
    start: int
    end: int
    longest: int
    sees: Tensor | None
    padding: _Padding | None


class PassPlan:
    """Where the tokens of a pass belong; made once a pass and used by every layer."""

    def __init__(self, cache: RowCache, rows: Sequence[RowTokens], device: torch.device) -> None:
        """Plan `rows`, in the order of their slots; the cache must have room for them."""
        self.cache = cache
        places = [
            (each.slot, cache.lengths[each.slot] + number) for each in rows for number in range(len(each.ids))
        ]  # slot and position of each token
        self.ids = torch.tensor([[token for each in rows for token in each.ids]], device=device)
        self.positions = torch.tensor([[position for _, position in places]], device=device)
        self.cells = torch.tensor([cache.cell(*place) for place in places], device=device)
        self.adapters = [each.adapter for each in rows for _ in each.ids]
        self.groups = list(self._groups(rows, device))

    def _groups(self, rows: Sequence[RowTokens], device: torch.device) -> Iterator[_Group]:
        start = 0
        # As long as slots follow one another, a slot is as far from its place in `rows` as the one before it; a gap begins a new run.
        for _, run in groupby(enumerate(rows), key=lambda pair: (pair[1].slot - pair[0], len(pair[1].ids) > 1)):
            members = [each for _, each in run]
            group = self._group(members, start, device)
            yield group
            start = group.end

    def _group(self, members: Sequence[RowTokens], start: int, device: torch.device) -> _Group:
        counts = [len(each.ids) for each in members]
        held = [self.cache.lengths[each.slot] for each in members]
        longest = max(have + count for have, count in zip(held, counts, strict=True))
        return _Group(
            first=members[0].slot,
            last=members[-1].slot + 1,
            start=start,
            end=start + sum(counts),
            longest=longest,
            sees=None
            if max(counts) == 1 and min(held) == max(held)
            else _visibility(held, max(counts), longest, device),
            padding=None if min(counts) == max(counts) else _pad(counts, start, device),
        )


def _visibility(held: Sequence[int], queries: int, longest: int, device: torch.device) -> Tensor:
    """Return (rows, 1, queries, longest): queries stand behind what is `held` of their rows, and see what is not behind themselves."""
    own = torch.tensor(held)[:, None] + torch.arange(queries)
    return torch.arange(longest, device=device) <= own.to(device)[:, None, :, None]


def _pad(counts: Sequence[int], start: int, device: torch.device) -> _Padding:
    """Lay rows with `counts` tokens, which follow one another from `start` on, out as a rectangle."""
    order = torch.arange(max(counts))
    ends = torch.tensor(counts).cumsum(0)[:, None]
    is_real = order < torch.tensor(counts)[:, None]
    taken = torch.where(is_real, ends - torch.tensor(counts)[:, None] + order, 0) + start
    # Indices, not a mask: a mask would make the device tell the host in every layer how many are real.
    return _Padding(taken=taken.to(device), real=is_real.flatten().nonzero()[:, 0].to(device))


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
        before = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
        sees = _within(before, sliding_window, length, query.device)
        return _attend(query, key, value, sees, scaling, softcap).transpose(1, 2), None
    queries, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    attended = attend_rows(plan, module.layer_idx, queries, keys, values, scaling, softcap, sliding_window)
    return attended[None], None


def attend_rows(
    plan: PassPlan,
    layer: int,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scaling: float | None,
    softcap: float | None = None,
    window: int | None = None,
) -> Tensor:
    """Keep the keys and values of the pass's tokens and attend its queries to their rows; all are (tokens, heads, width)."""
    plan.cache.write(layer, plan.cells, key, value)
    parts = []
    for group in plan.groups:
        keys, values = plan.cache.read(layer, group.first, group.last, group.longest)
        if group.padding is None:
            queries = query[group.start : group.end].view(group.last - group.first, -1, *query.shape[1:])
        else:
            queries = query[group.padding.taken]
        sees = _within(group.sees, window, group.longest, query.device)
        part = _attend(queries.transpose(1, 2), keys, values, sees, scaling, softcap).transpose(1, 2).flatten(0, 1)
        parts.append(part if group.padding is None else part[group.padding.real])
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, sees: Tensor | None, scaling: float | None, softcap: float | None
) -> Tensor:
    if softcap is None:
        return scaled_dot_product_attention(
            query, key, value, attn_mask=sees, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
        )
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scores = torch.tanh(query @ key.transpose(2, 3) * (scaling or query.shape[-1] ** -0.5) / softcap) * softcap
    if sees is not None:
        scores = scores.masked_fill(~sees, float("-inf"))
    weights = scores.softmax(dim=-1, dtype=torch.float32)
    return weights.to(query.dtype) @ value


def _within(sees: Tensor | None, window: int | None, longest: int, device: torch.device) -> Tensor | None:
    """Hide what is `window` positions or more before a query; the last position that a query sees is its own."""
    if window is None or longest <= window:
        return sees
    if sees is None:
        sees = torch.ones(1, longest, dtype=torch.bool, device=device)
    own = sees.sum(dim=-1, keepdim=True) - 1
    return sees & (torch.arange(longest, device=device) > own - window)


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
