"""Scores against thresholds as bars (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from storage.records import Evidence

WIDTH = 100.0  # of a bar in its own units, for a score of 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One category's score as a bar: `width` and `bound` are in units of the drawing, `bound` None without a threshold."""

    category: str
    score: float
    threshold: float | None
    is_own: bool

    @property
    def width(self) -> float:
        """How far the bar reaches; a cosine below 0 has none."""
        return round(WIDTH * min(max(self.score, 0.0), 1.0), 2)

    @property
    def bound(self) -> float | None:
        """Where the threshold stands."""
        return None if self.threshold is None else round(WIDTH * min(max(self.threshold, 0.0), 1.0), 2)

    @property
    def margin(self) -> float | None:
        """By how much the score passes the threshold; below 0 where it does not."""
        return None if self.threshold is None else self.score - self.threshold

    @property
    def is_over(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.margin is not None and self.margin >= 0


def bars(evidence: Evidence, category: str) -> list[Bar]:
    """Return a bar for each score, the highest first."""
    scores = sorted(evidence.scores.items(), key=lambda item: -item[1])
    return [
        Bar(category=name, score=score, threshold=evidence.thresholds.get(name), is_own=name == category)
        for name, score in scores
    ]
