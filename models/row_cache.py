"""Keys and values of a batch whose rows come and go between decode steps.

All rows end at the same position; shorter rows are padded on the left, and the attention mask hides the padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache


class RowCache:
    """A transformers cache with rows that can be joined and dropped; `mask` is (rows, length), 1 for real tokens."""

    def __init__(self, cache: DynamicCache, mask: Tensor) -> None:
        """Wrap the cache that a forward pass over `mask` has filled."""
        self.cache = cache
        self.mask = mask

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.mask.shape[0]

    def extend_mask(self) -> Tensor:
        """Add one real position to every row; return the mask for the next forward pass."""
        self.mask = pad(self.mask, (0, 1), value=1)
        return self.mask

    def positions(self) -> Tensor:
        """Return the position id of the last real token of each row, shape (rows, 1)."""
        return self.mask.sum(dim=1, keepdim=True) - 1

    def join(self, other: RowCache) -> None:
        """Append the rows of `other`, padding the shorter side on the left; a failure leaves this cache as it was."""
        length = max(self.mask.shape[1], other.mask.shape[1])
        joined = [
            (
                torch.cat([_pad_left(mine.keys, length), _pad_left(theirs.keys, length)]),
                torch.cat([_pad_left(mine.values, length), _pad_left(theirs.values, length)]),
            )
            for mine, theirs in zip(self.cache.layers, other.cache.layers, strict=True)
        ]
        masks = [pad(each.mask, (length - each.mask.shape[1], 0)) for each in (self, other)]
        self.mask = torch.cat(masks)
        for layer, (keys, values) in zip(self.cache.layers, joined, strict=True):
            layer.keys, layer.values = keys, values

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only `rows`, and cut the padding that all of them share."""
        index = torch.tensor(rows, device=self.mask.device)
        mask = self.mask[index]
        start = int(mask.argmax(dim=1).min()) if len(rows) else 0
        self.mask = mask[:, start:].contiguous()
        for layer in self.cache.layers:
            layer.keys = layer.keys[index, :, start:].contiguous()
            layer.values = layer.values[index, :, start:].contiguous()


def _pad_left(states: Tensor, length: int) -> Tensor:
    return pad(states, (0, 0, length - states.shape[2], 0))
