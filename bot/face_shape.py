"""How the three weights of an expression move a face: openings, curves, and where a turned head shows its parts (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.types import ExpressionWeights

_RADIUS = 122.0  # of the round on which eyes, mouth and nose lie, in units of the drawing
_FURTHEST = math.radians(19)  # a head that is turned as far as it goes


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceShape:
    """A face in numbers between 0 and 1: how open eyes and mouth are, how far the head is turned to the right.

    `wonder` is what eyes that are already wide have more: it tells the two widest levels apart, whose weights lie close together.
    """

    eyes: float
    wonder: float
    mouth: float
    turn: float

    @classmethod
    def of(cls, weights: ExpressionWeights) -> FaceShape:
        """Return the shape for weights as the engine gives them: smaller means wider and further."""
        return cls(
            eyes=_rise(-weights.eyes, -0.3, 1.25),
            wonder=_ease(-weights.eyes, 0.9, 1.25),
            mouth=_bend(-weights.mouth, 0.35, 1.55),
            turn=_bend(-weights.pose, -0.1, 1.75),
        )

    @property
    def angle(self) -> float:
        """The turn of the head in radians."""
        return self.turn * _FURTHEST

    def across(self, x: float) -> float:
        """Return where a point of the face shows that lies `x` from its middle line when it looks at us."""
        depth = math.sqrt(max(_RADIUS**2 - x**2, 0.0))
        return x * math.cos(self.angle) + depth * math.sin(self.angle)

    def narrowed(self, x: float) -> float:
        """Return how wide something at `x` shows, as a part of its full width."""
        step = 4.0
        return (self.across(x + step) - self.across(x - step)) / (2 * step)


def mix(low: float, high: float, part: float) -> float:
    """Return the number that lies `part` of the way from `low` to `high`."""
    return low + (high - low) * part


def _rise(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _bend(value: float, low: float, high: float) -> float:
    """Rise from 0 to 1, slowly at first, so that levels whose weights lie close together at the upper end differ."""
    return math.pow(_rise(value, low, high), 1.7)


def _ease(value: float, low: float, high: float) -> float:
    """Rise from 0 to 1 without a corner at either end (the cubic smoothstep)."""
    part = _rise(value, low, high)
    return part * part * (3 - 2 * part)
