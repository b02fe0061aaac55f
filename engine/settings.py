"""What an owner may choose about the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Bounds of the turn queue; times in seconds.

    `queue_capacity` counts waiting turns of everybody, `queue_capacity_per_user` those of one user.
    """

    max_concurrent_turns: int = 32
    queue_capacity: int = 256
    queue_capacity_per_user: int = 8
    turn_timeout_s: float = 120.0
    drain_timeout_s: float = 10.0
