"""Choose some of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def pick_spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most `most` items in their order, evenly spread over all."""
    return [items[index * len(items) // most] for index in range(most)] if len(items) > most else list(items)
