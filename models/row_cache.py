"""Keys and values of the rows of a batch, in memory that is used again and never copied as rows grow.

Row n of the batch is slot n. A row's tokens stand at the positions 0, 1, 2, … of its slot, so rows of different lengths lie side by
side without padding in front; what is behind a row's end is hidden from it by the attention (models/attention.py). When a row leaves,
the last one moves into its slot, so the live rows are always the first slots and a step reads them as one view.

The memory is `slots` times `positions`; it grows with the rows, each way in steps, until `limit` cells, and never beyond.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

_SLOT_STEP = 8
_POSITION_STEP = 64


class RowCache:
    """Slots for the keys and values of every layer; `lengths` has the number of tokens of each live row."""

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` tokens, counted as slots times the positions of the longest."""
        self.lengths: list[int] = []
        self._limit = limit
        self._slots = self._positions = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}  # each (slots, positions, heads, width)

    @property
    def rows(self) -> int:
        """The number of live rows."""
        return len(self.lengths)

    @property
    def allocated_bytes(self) -> int:
        """The memory that is held, in bytes."""
        return sum(states.nbytes for layer in self._layers.values() for states in layer)

    def fits(self, rows: int, longest: int) -> bool:
        """Tell whether `rows` rows of up to `longest` tokens are within the limit; one row alone always is."""
        return rows <= 1 or rows * _step_up(longest, _POSITION_STEP) <= self._limit

    def add_rows(self, rows: int) -> None:
        """Take the next `rows` slots for rows that have no tokens yet."""
        self.lengths += [0] * rows

    def reserve(self, longest: int) -> None:
        """Make room for the live rows with up to `longest` tokens; what they hold stays."""
        longest = max([longest, *self.lengths])
        if self.rows <= self._slots and longest <= self._positions:
            return
        slots = max(self._slots, _step_up(self.rows, _SLOT_STEP))
        positions = max(self._positions, _step_up(longest, _POSITION_STEP))
        if slots * positions > self._limit:  # what was once needed one way may stand in the other's way
            slots, positions = self.rows, _step_up(longest, _POSITION_STEP)
        for index, layer in self._layers.items():
            self._layers[index] = (_resized(layer[0], slots, positions), _resized(layer[1], slots, positions))
        self._slots, self._positions = slots, positions

    def write(self, layer: int, cells: Tensor, keys: Tensor, values: Tensor) -> None:
        """Put the states of new tokens, each (tokens, heads, width), into `cells` (slot * positions + position)."""
        if layer not in self._layers:
            shape = (self._slots, self._positions, *keys.shape[1:])
            self._layers[layer] = (keys.new_zeros(shape), values.new_zeros(shape))
        for held, new in zip(self._layers[layer], (keys, values), strict=True):
            held.view(-1, *new.shape[1:]).index_copy_(0, cells, new)

    def read(self, layer: int, first: int, last: int, longest: int) -> tuple[Tensor, Tensor]:
        """Return views on the keys and values of the slots from `first` to before `last`, each (rows, heads, longest, width)."""
        keys, values = self._layers[layer]
        return keys[first:last, :longest].transpose(1, 2), values[first:last, :longest].transpose(1, 2)

    def cell(self, row: int, position: int) -> int:
        """Return the cell of a position of a row, as `write` takes it."""
        return row * self._positions + position

    def copy(self, source: int, target: int) -> None:
        """Give row `target` the tokens of row `source`."""
        length = self.lengths[source]
        for layer in self._layers.values():
            for states in layer:
                states[target, :length] = states[source, :length]
        self.lengths[target] = length

    def drop(self, rows: Sequence[int]) -> list[int]:
        """Free `rows`; return where each row that is left came from: entry n is the former slot of row n."""
        order = list(range(self.rows))
        for row in sorted(rows, reverse=True):
            last = len(order) - 1
            if row != last:
                self.copy(last, row)
                order[row] = order[last]
            order.pop()
            self.lengths.pop()
        return order


def _step_up(number: int, step: int) -> int:
    return -(-number // step) * step


def _resized(states: Tensor, slots: int, positions: int) -> Tensor:
    """Return a tensor of another size with as much of `states` as there is in both."""
    result = states.new_zeros(slots, positions, *states.shape[2:])
    kept_slots, kept_positions = min(slots, states.shape[0]), min(positions, states.shape[1])
    result[:kept_slots, :kept_positions] = states[:kept_slots, :kept_positions]
    return result
