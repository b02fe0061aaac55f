"""Which failures of Telegram may be tried again, and what an owner is told."""

from __future__ import annotations

import logging

import httpx
import pytest
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, TelegramError, TimedOut

from bot.telegram_requests import Failure, is_unreachable, judge, note_poll_error


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (NetworkError("Internal Server Error"), Failure.TEMPORARY),
        (caused(NetworkError("x"), httpx.ConnectError("refused")), Failure.TEMPORARY),
        (caused(TimedOut(), httpx.ConnectTimeout("slow")), Failure.TEMPORARY),
        (caused(TimedOut(), httpx.PoolTimeout("full")), Failure.TEMPORARY),
        (caused(NetworkError("x"), httpx.RemoteProtocolError("closed")), Failure.TEMPORARY),
        (caused(TimedOut(), httpx.ReadTimeout("slow")), Failure.UNKNOWN),
        (BadRequest("message is too long"), Failure.FINAL),
        (Forbidden("blocked"), Failure.FINAL),
        (InvalidToken("Unauthorized"), Failure.FINAL),
    ],
)
def test_failures_are_judged(error: TelegramError, failure: Failure) -> None:
    assert judge(error) is failure


def test_blocked_and_unknown_chats_are_unreachable() -> None:
    assert is_unreachable(Forbidden("bot was blocked by the user"))
    assert is_unreachable(BadRequest("Chat not found"))
    assert not is_unreachable(BadRequest("message is too long"))
    assert not is_unreachable(NetworkError("down"))


def test_second_process_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        note_poll_error(NetworkError("down"))  # told by the polls themselves
        note_poll_error(Conflict("terminated by other getUpdates request"))
    (record,) = caplog.records
    assert "another process polls with this token" in record.getMessage()
