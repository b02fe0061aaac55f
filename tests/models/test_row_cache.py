"""Check joining and dropping rows of a key-value cache."""

from __future__ import annotations

import torch
from transformers import DynamicCache

from models.row_cache import RowCache


def _cache(*lengths: int, mark: float = 0.0) -> RowCache:
    """Make a cache of two layers whose states hold `mark`, the row and the real position; padding holds -1."""
    length = max(lengths)
    mask = torch.tensor([[0] * (length - n) + [1] * n for n in lengths])
    states = torch.where(mask.bool(), mask.cumsum(1) + 100 * torch.arange(len(lengths))[:, None] + mark, -1.0)
    cache = DynamicCache()
    for layer in range(2):
        cache.update(states[:, None, :, None].expand(-1, 3, -1, 4) + 0.25 * layer, states[:, None, :, None] * 2, layer)
    return RowCache(cache, mask)


def _real(cache: RowCache, row: int, layer: int = 0) -> list[float]:
    keys = cache.cache.layers[layer].keys[row, 0, :, 0]
    return [float(value) for value in keys[cache.mask[row].bool()]]


def test_join_pads_the_shorter_side_on_the_left() -> None:
    cache = _cache(5, 2)
    cache.join(_cache(3, mark=1000))
    assert cache.rows == 3
    assert cache.mask.tolist() == [[1, 1, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]]
    assert _real(cache, 0) == [1, 2, 3, 4, 5]
    assert _real(cache, 1) == [101, 102]
    assert _real(cache, 2) == [1001, 1002, 1003]
    assert _real(cache, 2, layer=1) == [1001.25, 1002.25, 1003.25]
    assert {layer.values.shape[2] for layer in cache.cache.layers} == {5}


def test_join_of_a_longer_side_pads_what_was_there() -> None:
    cache = _cache(2)
    cache.join(_cache(4, 1, mark=1000))
    assert cache.mask.tolist() == [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]]
    assert [_real(cache, row) for row in range(3)] == [[1, 2], [1001, 1002, 1003, 1004], [1101]]


def test_keep_drops_rows_and_the_padding_they_shared() -> None:
    cache = _cache(5, 2, 3)
    cache.keep([1, 2])
    assert cache.mask.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert _real(cache, 0) == [101, 102]
    assert _real(cache, 1) == [201, 202, 203]
    assert cache.cache.get_seq_length() == 3


def test_keep_of_all_rows_changes_nothing() -> None:
    cache = _cache(5, 2)
    cache.keep([0, 1])
    assert [_real(cache, 0), _real(cache, 1)] == [[1, 2, 3, 4, 5], [101, 102]]


def test_extended_mask_gives_the_position_of_the_next_token() -> None:
    cache = _cache(5, 2)
    assert cache.positions().tolist() == [[4], [1]]
    assert cache.extend_mask().tolist() == [[1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]]
    assert cache.positions().tolist() == [[5], [2]]


def test_rows_come_and_go_many_times() -> None:
    cache = _cache(1)
    for turn in range(1, 6):
        cache.join(_cache(turn + 2, mark=1000 * turn))
        cache.keep([cache.rows - 1])
        assert _real(cache, 0) == [1000 * turn + n for n in range(1, turn + 3)]
        assert cache.mask.tolist() == [[1] * (turn + 2)]
