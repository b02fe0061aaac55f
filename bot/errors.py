"""Errors of the front ends.

BotError
 ├─ SettingsError     an environment variable, option or settings file is wrong
 ├─ FrontEndError     a platform refuses the bot for good: its token, an intent; the message says what to do
 ├─ PlaceGone         a channel, message or private chat is not there for her any more
 └─ DeliveryError     a message did not get to its chat
     ├─ DeliveryFull      too much waits in that chat
     └─ DeliveryGivenUp   the platform was away for too long, or whether it arrived cannot be known
"""

from __future__ import annotations


class BotError(Exception):
    """Root of every error raised by `bot`."""


class SettingsError(BotError):
    """An environment variable, option or settings file is wrong; the message says what to do."""


class FrontEndError(BotError):
    """A platform refuses the bot for good, for example its token; the message says what to do."""


class PlaceGone(BotError):
    """A channel, message or private chat is not there for her any more: no later try would find it."""


class DeliveryError(BotError):
    """A message did not get to its chat."""


class DeliveryFull(DeliveryError):
    """Too much waits in that chat."""


class DeliveryGivenUp(DeliveryError):
    """The platform was away for too long, or whether the message arrived cannot be known."""
