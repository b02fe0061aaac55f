"""Telegram's connections: polls that notice a refused token, and which failures may be tried again."""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import Any

import httpx
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, NetworkError, TelegramError
from telegram.request import HTTPXRequest

_log = logging.getLogger(__name__)
POLL_S = 25  # how long Telegram holds a poll that finds nothing
_REFUSED = {401, 404}  # of a wrong token, and of one that is no token at all
_NOISY = ("httpx", "httpcore", "telegram")  # their lines hold addresses with the token, or texts of people


class Failure(StrEnum):
    """What a failed call means for another try."""

    TEMPORARY = "temporary"  # not carried out, or harmless to repeat
    UNKNOWN = "unknown"  # it may have been carried out: repeating it may double a message
    FINAL = "final"


class PollRequest(HTTPXRequest):
    """Polls for updates. `refused` is set when Telegram refuses the token, after which the library polls no more."""

    def __init__(self) -> None:
        """Wait for an answer 10 s longer than Telegram holds the poll, which the library adds by itself."""
        super().__init__(connection_pool_size=2, read_timeout=10.0, connect_timeout=10.0, pool_timeout=10.0)
        self.refused = asyncio.Event()
        self._is_down = False

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Ask Telegram; note when it stops or begins to answer."""
        try:
            status, body = await super().do_request(*args, **kwargs)
        except TelegramError as error:
            self._note(is_down=True, what=type(error.__cause__ or error).__name__)
            raise
        self._note(is_down=status >= 500, what=str(status))
        if status in _REFUSED:
            self.refused.set()
        return status, body

    def _note(self, *, is_down: bool, what: str) -> None:
        if is_down and not self._is_down:
            _log.warning("telegram does not answer (%s); trying again", what)
        elif self._is_down and not is_down:
            _log.warning("telegram answers again")
        self._is_down = is_down


def make_request(read_s: float) -> HTTPXRequest:
    """Return the connections for everything but polls; an answer may take `read_s`."""
    return HTTPXRequest(connection_pool_size=64, read_timeout=read_s, connect_timeout=10.0, pool_timeout=30.0)


def note_poll_error(error: TelegramError) -> None:
    """Say what an owner can mend; the library goes on polling."""
    if isinstance(error, Conflict):
        _log.warning("telegram: another process polls with this token; stop it, or use another bot")


def judge(error: TelegramError) -> Failure:
    """Tell what a failure other than `RetryAfter` means for another try.

    A read that ran out of time leaves open whether Telegram has carried the call out; a connection that was never made,
    that broke, or an answer of 500 and above does not.
    """
    if not isinstance(error, NetworkError) or isinstance(error, BadRequest):
        return Failure.FINAL
    return Failure.UNKNOWN if isinstance(error.__cause__, httpx.ReadTimeout) else Failure.TEMPORARY


def is_unreachable(error: TelegramError) -> bool:
    """Tell whether a person or chat cannot be written to: blocked, never started, left, or gone."""
    gone = isinstance(error, BadRequest) and "chat not found" in error.message.lower()
    return gone or isinstance(error, Forbidden | ChatMigrated)


def quiet_library_logs() -> None:
    """Keep addresses with the token, and texts of people, out of the logs at every level."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
