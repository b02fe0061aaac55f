"""Check that a choice is spread over all."""

from __future__ import annotations

import pytest

from models.evaluation.spread import pick_spread


@pytest.mark.parametrize(
    ("count", "most", "chosen"), [(3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (9, 3, [0, 3, 6]), (0, 2, [])]
)
def test_at_most_so_many_are_chosen_in_their_order(count: int, most: int, chosen: list[int]) -> None:
    assert pick_spread(range(count), most) == chosen
