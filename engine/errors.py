"""Errors of the engine.

    EngineError
     └─ PolicyError     a sanction policy file is missing, malformed or names something unknown

Refusals (blocked, too long, queue full) are values, not errors: see `engine.types.Rejection`.
"""

from __future__ import annotations


class EngineError(Exception):
    """Root of every error raised by `engine`."""


class PolicyError(EngineError):
    """A sanction policy file is missing, malformed or names something unknown."""
