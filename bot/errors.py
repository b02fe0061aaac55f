"""Errors of the front ends.

BotError
 └─ SettingsError     an environment variable, option or settings file is wrong
"""

from __future__ import annotations


class BotError(Exception):
    """Root of every error raised by `bot`."""


class SettingsError(BotError):
    """An environment variable, option or settings file is wrong; the message says what to do."""
