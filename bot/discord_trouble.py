"""What an error of discord.py means, for a second try and for the log."""

from __future__ import annotations

import aiohttp
import discord

from bot.delivery import Trouble, TroubleKind

_GONE = (403, 404)
_NETWORK = (OSError, aiohttp.ClientError, TimeoutError)


class NotConnected(ConnectionError):
    """No client is connected now; a later try may find one."""


def diagnose(error: Exception) -> Trouble | None:
    """Say what an error of discord.py means for a send; None for what no second try would mend."""
    if isinstance(error, discord.RateLimited):
        return Trouble(kind=TroubleKind.HOLD, seconds=error.retry_after)
    if isinstance(error, NotConnected):
        return Trouble(kind=TroubleKind.UNREACHABLE)
    if isinstance(error, discord.HTTPException):
        return _diagnose_status(error)
    if isinstance(error, _NETWORK):
        return Trouble(kind=TroubleKind.UNCERTAIN)
    if isinstance(error, RuntimeError) and "closed" in str(error):  # aiohttp's session while clients are exchanged
        return Trouble(kind=TroubleKind.UNREACHABLE)
    return None


def _diagnose_status(error: discord.HTTPException) -> Trouble | None:
    if error.status == 429:
        seconds = float(error.response.headers.get("Retry-After") or 5.0)
        return Trouble(kind=TroubleKind.HOLD, seconds=seconds)
    return Trouble(kind=TroubleKind.UNCERTAIN) if error.status >= 500 else None


def is_gone(error: BaseException) -> bool:
    """Tell whether a channel or message is no longer hers to write to."""
    return isinstance(error, discord.HTTPException) and error.status in _GONE


def told(error: BaseException) -> str:
    """Return an error for the log: what Discord or Python quotes of somebody's words stays out."""
    if isinstance(error, discord.HTTPException):
        return f"Discord answers {error.status} (code {error.code})"
    if isinstance(error, (discord.DiscordException, *_NETWORK)):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__
