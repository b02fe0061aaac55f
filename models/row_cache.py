"""Keys and values of the live rows of a batch, within a bound.

                position 0   1   2   3   4   …
        slot 0           ■   ■   ■   ·   ·   ·      the row in slot 0 has 3 tokens: lengths[0] == 3
        slot 1           ■   ■   ■   ■   ■   ·      rows of other lengths lie beside it, each from position 0 on
        slot 2           ·   ·   ·   ·   ·   ·      no row yet: live rows have the first slots, so a pass reads them as one view
                         ■ or ·, a place of a slot, is a cell: the keys and values of one token, in every layer

What is behind a row's end is hidden from it by the attention (models/attention.py). When a row leaves, the last one is copied into its
slot. There is memory for `slots` times `positions` cells: more than is asked for at the moment, so that it seldom has to grow, which
copies what it holds, and never more than `limit`.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

CACHE_TOKENS = 16384
"""The cells of a cache for which nobody sets another bound."""

_SLOT_STEP = 8
_POSITION_STEP = 64


class RowCache:
    """Slots for the keys and values of every layer; `lengths` has the number of tokens of each live row."""

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` cells."""
        self.lengths: list[int] = []
        self._limit = limit
        self._slots = self._positions = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}  # each (slots, positions, heads, width)

    @property
    def rows(self) -> int:
        """The number of live rows."""
        return len(self.lengths)

    @property
    def longest_row(self) -> int:
        """The number of tokens that a row can have which is alone."""
        return self._limit - self._limit % _POSITION_STEP

    @property
    def allocated_bytes(self) -> int:
        """The memory that is held, in bytes."""
        return sum(states.nbytes for layer in self._layers.values() for states in layer)

    def fits(self, rows: int, longest: int) -> bool:
        """Tell whether `rows` rows of up to `longest` tokens are within the limit."""
        return rows * _step_up(longest, _POSITION_STEP) <= self._limit

    def add_row(self) -> int:
        """Give a row without tokens the next slot; return that slot."""
        self.lengths.append(0)
        return len(self.lengths) - 1

    def reserve(self, rows: int, longest: int) -> None:
        """Have memory for `rows` rows, the live ones among them, of up to `longest` tokens, which must fit; what is held stays.

        Where growing further is more than the limit allows, positions and then slots that no row needs now are given up. A failure
        loses what was held.
        """
        longest = max([longest, *self.lengths])
        assert rows >= self.rows
        assert self.fits(rows, longest)
        if rows <= self._slots and longest <= self._positions:
            return
        slots = max(self._slots, _step_up(rows, _SLOT_STEP))
        positions = max(self._positions, _step_up(longest, _POSITION_STEP))
        if slots * positions > self._limit:
            positions = _step_up(longest, _POSITION_STEP)
            slots = min(slots, self._limit // positions)
        held, grown = self._layers, {}
        self._layers, self._slots, self._positions = {}, 0, 0
        for index in list(held):  # one layer after another, so that only one is there twice
            keys, values = held.pop(index)
            grown[index] = (_resized(keys, slots, positions), _resized(values, slots, positions))
        self._layers, self._slots, self._positions = grown, slots, positions

    def write(self, layer: int, cells: Tensor, keys: Tensor, values: Tensor) -> None:
        """Put the states of new tokens, each (tokens, heads, width), into `cells`, which are numbered as by `cell`."""
        if layer not in self._layers:
            shape = (self._slots, self._positions, *keys.shape[1:])
            self._layers[layer] = (keys.new_zeros(shape), values.new_zeros(shape))
        for held, new in zip(self._layers[layer], (keys, values), strict=True):
            held.view(-1, *new.shape[1:]).index_copy_(0, cells, new)

    def read(self, layer: int, first: int, last: int, longest: int) -> tuple[Tensor, Tensor]:
        """Return views on the keys and values of the slots from `first` to before `last`, each (slots, heads, longest, width)."""
        keys, values = self._layers[layer]
        return keys[first:last, :longest].transpose(1, 2), values[first:last, :longest].transpose(1, 2)

    def cell(self, slot: int, position: int) -> int:
        """Return the number of a cell, as `write` takes it; it holds until memory is reserved again."""
        return slot * self._positions + position

    def copy(self, source: int, target: int, length: int) -> None:
        """Let the row in slot `target` have the first `length` tokens of the row in slot `source`, and no others."""
        for layer in self._layers.values():
            for states in layer:
                states[target, :length] = states[source, :length]
        self.lengths[target] = length

    def wipe(self, slot: int) -> None:
        """Clear a slot of numbers that are not finite: hidden ones count nothing times themselves, which is not nothing then."""
        for layer in self._layers.values():
            for states in layer:
                states[slot] = 0

    def drop(self, slots: Sequence[int]) -> list[int]:
        """Free `slots`; return where each row that is left came from: entry n is the former slot of the row in slot n."""
        came_from = list(range(self.rows))
        for slot in sorted(slots, reverse=True):
            last = len(came_from) - 1
            if slot != last:
                self.copy(last, slot, self.lengths[last])
                came_from[slot] = came_from[last]
            came_from.pop()
            self.lengths.pop()
        return came_from


def _step_up(number: int, step: int) -> int:
    return -(-number // step) * step


def _resized(states: Tensor, slots: int, positions: int) -> Tensor:
    """Return a tensor of another size with as much of `states` as there is in both."""
    result = states.new_zeros(slots, positions, *states.shape[2:])
    kept_slots, kept_positions = min(slots, states.shape[0]), min(positions, states.shape[1])
    result[:kept_slots, :kept_positions] = states[:kept_slots, :kept_positions]
    return result
