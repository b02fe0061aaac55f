"""Errors of the front ends.

BotError
 ├─ SettingsError     an environment variable, option or settings file is wrong
 └─ InputError        a command of a user cannot be understood; the text is for the user
"""

from __future__ import annotations


class BotError(Exception):
    """Root of every error raised by `bot`."""


class SettingsError(BotError):
    """An environment variable, option or settings file is wrong; the message says what to do."""


class InputError(BotError):
    """A command of a user cannot be understood; the message is a key of the catalogues."""
