"""Check how Discord's commands, forms and errors are read."""

from __future__ import annotations

from typing import Any

import aiohttp
import discord
import pytest

from bot.delivery import TroubleKind
from bot.discord_client import SeenNumbers
from bot.discord_mapping import command_of, form_values, place_of, reported_message
from bot.discord_trouble import NotConnected, diagnose, is_gone, told


class Response:
    """What discord.py's errors need of an answer."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self.reason = ""
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def http_error(status: int, **headers: str) -> discord.HTTPException:
    kinds = {403: discord.Forbidden, 404: discord.NotFound, 503: discord.DiscordServerError}
    response: Any = Response(status, **headers)
    return kinds.get(status, discord.HTTPException)(response, {"code": 0, "message": "no"})


def test_plain_command_is_read() -> None:
    data = {"name": "timezone", "options": [{"name": "zone", "type": 3, "value": "Asia/Seoul", "focused": True}]}
    assert command_of(data) == ("timezone", {"zone": "Asia/Seoul"}, "zone")


def test_subcommand_is_read_with_its_options() -> None:
    inner = [{"name": "number", "type": 4, "value": 2}]
    data = {"name": "memory", "options": [{"name": "forget", "type": 1, "options": inner}]}
    assert command_of(data) == ("memory forget", {"number": 2}, "")


def test_command_without_options_is_read() -> None:
    assert command_of({"name": "help"}) == ("help", {}, "")
    assert command_of({"name": "memory", "options": [{"name": "list", "type": 1}]}) == ("memory list", {}, "")


@pytest.mark.parametrize(
    "components",
    [
        [{"type": 18, "component": {"type": 4, "custom_id": "why", "value": "그냥"}}],
        [{"type": 1, "components": [{"type": 4, "custom_id": "why", "value": "그냥"}]}],
    ],
)
def test_answers_of_a_form_are_found_under_labels_and_in_rows(components: list[dict[str, Any]]) -> None:
    assert form_values(components) == {"why": "그냥"}


def test_place_is_a_channel_of_a_server_or_a_private_one() -> None:
    assert place_of(1, 2).community == "1"
    private = place_of(None, 2)
    assert (private.community, private.channel, private.conversation.id) == (None, "2", "2")


def test_reported_message_leads_to_the_message() -> None:
    author = {"id": "5", "username": "bad", "global_name": None}
    message = {"id": "7", "channel_id": "6", "author": author, "content": "나쁜 말"}
    report = reported_message(message, 4)
    assert (report.author.id, report.author_name, report.link) == ("5", "bad", "https://discord.com/channels/4/6/7")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (discord.RateLimited(40.0), TroubleKind.HOLD),
        (http_error(429, Retry_After="7"), TroubleKind.HOLD),
        (http_error(503), TroubleKind.UNCERTAIN),
        (aiohttp.ServerDisconnectedError(), TroubleKind.UNCERTAIN),
        (ConnectionResetError(), TroubleKind.UNCERTAIN),
        (TimeoutError(), TroubleKind.UNCERTAIN),
        (NotConnected("no client"), TroubleKind.UNREACHABLE),
        (RuntimeError("Session is closed"), TroubleKind.UNREACHABLE),
        (http_error(403), None),
        (http_error(404), None),
        (http_error(400), None),
        (ValueError("ours"), None),
    ],
)
def test_errors_are_told_apart(error: Exception, kind: TroubleKind | None) -> None:
    trouble = diagnose(error)
    assert (trouble.kind if trouble else None) == kind


def test_wait_that_discord_names_is_kept() -> None:
    trouble = diagnose(http_error(429, Retry_After="7"))
    assert trouble is not None
    assert trouble.seconds == 7.0


def test_errors_are_told_without_what_they_quote() -> None:
    assert told(http_error(503)) == "Discord answers 503 (code 0)"
    assert told(ConnectionResetError("reset by peer")) == "ConnectionResetError: reset by peer"
    assert told(ValueError("invalid literal: '나만의 비밀'")) == "ValueError"


def test_channel_that_is_gone_or_closed_to_her_is_told() -> None:
    assert is_gone(http_error(403))
    assert is_gone(http_error(404))
    assert not is_gone(http_error(503))


def test_number_is_new_once_and_old_ones_are_forgotten() -> None:
    seen = SeenNumbers(most=2)
    assert [seen.is_new(number) for number in (1, 1, 2, 3, 1)] == [True, False, True, True, True]
