"""Errors of the neural models.

    ModelError
     ├─ ProfileError          a profile is missing, malformed or names something unknown
     ├─ BankError             a question bank is missing, malformed or names something unknown
     ├─ WeightsError          weights are missing, broken, of the wrong shape or not allowed
     ├─ GenerationError       one generation failed (out of memory, broken numbers); the process goes on
     ├─ EmbeddingError        one embedding request failed; the process goes on
     └─ DeviceClosed          work was asked of a device thread that has stopped

Every message says what was wrong and what to do.
"""

from __future__ import annotations


class ModelError(Exception):
    """Root of every error raised by `models`."""


class ProfileError(ModelError):
    """A profile is missing, malformed, or names something unknown."""


class BankError(ModelError):
    """A question bank is missing, malformed, or names something unknown."""


class WeightsError(ModelError):
    """Weights are missing, broken, of the wrong shape, or not allowed to be loaded."""


class GenerationError(ModelError):
    """One generation failed; other generations go on."""


class EmbeddingError(ModelError):
    """One embedding request failed; others go on."""


class DeviceClosed(ModelError):
    """The device thread has stopped and takes no more work."""
