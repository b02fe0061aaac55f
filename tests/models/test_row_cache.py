"""Check slots that rows take, share, and leave."""

from __future__ import annotations

import pytest
import torch

from models.row_cache import RowCache

LAYERS = 2


def _cache(*lengths: int, limit: int = 4096) -> RowCache:
    """Make a cache of rows whose states hold 100 times the row and the position; the second layer a quarter more."""
    cache = RowCache(limit)
    for _ in lengths:
        cache.add_row()
    cache.reserve(len(lengths), max(lengths))
    for row, length in enumerate(lengths):
        _fill(cache, row, 0, length, mark=100 * row)
    return cache


def _fill(cache: RowCache, row: int, start: int, end: int, mark: float) -> None:
    cells = torch.tensor([cache.cell(row, position) for position in range(start, end)], dtype=torch.long)
    states = (mark + torch.arange(start, end, dtype=torch.float32))[:, None, None].expand(-1, 3, 4)
    for layer in range(LAYERS):
        cache.write(layer, cells, states + 0.25 * layer, states * 2)
    cache.lengths[row] = end


def _held(cache: RowCache, row: int, layer: int = 0) -> list[float]:
    keys, values = cache.read(layer, row, row + 1, cache.lengths[row])
    assert keys.shape == values.shape == (1, 3, cache.lengths[row], 4)
    return [float(value) for value in keys[0, 0, :, 0]]


def test_rows_of_different_lengths_lie_side_by_side() -> None:
    cache = _cache(5, 2)
    assert _held(cache, 0) == [0, 1, 2, 3, 4]
    assert _held(cache, 1) == [100, 101]
    assert _held(cache, 1, layer=1) == [100.25, 101.25]
    keys, _ = cache.read(0, 0, 2, 5)
    assert keys.shape == (2, 3, 5, 4)


def test_last_row_moves_into_the_slot_that_is_left() -> None:
    cache = _cache(3, 4, 2)
    assert cache.drop([0]) == [2, 1]
    assert cache.lengths == [2, 4]
    assert _held(cache, 0) == [200, 201]
    assert _held(cache, 1, layer=1) == [100.25, 101.25, 102.25, 103.25]


def test_several_rows_leave_at_once() -> None:
    cache = _cache(1, 2, 3, 4, 5)
    order = cache.drop([1, 4, 0])
    assert sorted(order) == [2, 3]
    assert [_held(cache, row) for row in range(2)] == [
        [100.0 * former + n for n in range(former + 1)] for former in order
    ]
    assert cache.drop([0, 1]) == []
    assert cache.rows == 0


def test_copy_gives_a_row_the_tokens_of_another() -> None:
    cache = _cache(4, 2)
    slot = cache.add_row()
    cache.reserve(3, 4)
    cache.copy(0, slot, 4)
    _fill(cache, slot, 4, 5, mark=900)
    assert _held(cache, slot) == [0, 1, 2, 3, 904]
    assert _held(cache, 0) == [0, 1, 2, 3]


def test_copy_of_a_beginning_takes_no_more() -> None:
    cache = _cache(4, 3)
    cache.copy(0, 1, 2)
    assert _held(cache, 1) == [0, 1]
    assert _held(cache, 1, layer=1) == [0.25, 1.25]
    _fill(cache, 1, 2, 4, mark=900)
    assert _held(cache, 1) == [0, 1, 902, 903]
    assert _held(cache, 0) == [0, 1, 2, 3]


def test_growing_either_way_keeps_what_is_held() -> None:
    cache = _cache(3, limit=16384)
    for _ in range(20):
        cache.add_row()
    cache.reserve(21, 500)
    assert _held(cache, 0) == [0, 1, 2]
    _fill(cache, 20, 0, 500, mark=0)
    assert _held(cache, 20)[-1] == 499


def test_memory_stays_within_the_limit_whichever_way_it_grew_first() -> None:
    cache = _cache(500, limit=1024)
    cache.drop([0])
    for row in range(16):
        cache.add_row()
        cache.reserve(row + 1, 60)
        _fill(cache, row, 0, 60, mark=row)
    a_token = LAYERS * 2 * 3 * 4 * 4
    assert cache.allocated_bytes <= 1024 * a_token
    assert _held(cache, 15)[-1] == 74


def test_wiped_slot_holds_nothing_that_is_not_finite_and_the_others_what_they_held() -> None:
    cache = _cache(3, 4)
    _fill(cache, 0, 0, 3, mark=float("nan"))
    cache.wipe(0)
    assert _held(cache, 0) == [0, 0, 0]
    assert _held(cache, 0, layer=1) == [0, 0, 0]
    assert _held(cache, 1) == [100, 101, 102, 103]


def test_after_memory_that_is_not_there_was_asked_for_the_cache_is_empty_and_works() -> None:
    cache = _cache(3, limit=10**14)
    with pytest.raises(RuntimeError, match="memory"):
        cache.reserve(1, 10**13)
    assert cache.allocated_bytes == 0
    cache.drop([0])
    cache.add_row()
    cache.reserve(1, 3)
    _fill(cache, 0, 0, 3, mark=7)
    assert _held(cache, 0) == [7, 8, 9]


def test_what_fits_is_told_beforehand() -> None:
    cache = RowCache(1024)
    assert cache.fits(16, 64)
    assert not cache.fits(17, 64)
    assert not cache.fits(16, 65)
    assert not cache.fits(1, 1025)  # not even alone


@pytest.mark.parametrize("limit", [512, 1000, 1024])
def test_longest_row_is_the_longest_that_fits(limit: int) -> None:
    cache = RowCache(limit)
    assert cache.fits(1, cache.longest_row)
    assert not cache.fits(1, cache.longest_row + 1)


@pytest.mark.parametrize("held", [60, 100, 200])
def test_rows_that_come_one_by_one_seldom_move_what_is_held_not_even_at_the_limit(held: int) -> None:
    rows = 2600 // (-(-held // 64) * 64)
    cache, places = RowCache(2600), set()
    for row in range(rows):
        assert cache.fits(row + 1, held)
        cache.add_row()
        cache.reserve(row + 1, held)
        _fill(cache, row, 0, held, mark=100 * row)
        places.add(cache.read(0, 0, 1, 1)[0].data_ptr())
    assert not cache.fits(rows + 1, held)
    assert len(places) <= rows / 8 + 1
    assert [_held(cache, row)[-1] for row in range(rows)] == [100 * row + held - 1 for row in range(rows)]
