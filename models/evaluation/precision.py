"""Precision and recall, from counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRecall:
    """How many were `found`, how many were `wanted`, and how many are both (`right`)."""

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float | None:
        """The share of what was found that was wanted; None where nothing was found."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """The share of what was wanted that was found; None where nothing was wanted."""
        return self.right / self.wanted if self.wanted else None
