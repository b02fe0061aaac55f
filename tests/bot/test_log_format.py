"""Check log lines: one line each, the request id on those of a turn, no token."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot.log_format import LineFormatter, LogFormat, configure_logging, request_id_of_turn

TOKEN = "7000000001:AAsecretsecret"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Put the handlers and levels back as they were."""
    names = ("", "bot", "engine", "models", "storage", "main")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def record(message: str, *values: object, **more: str) -> logging.LogRecord:
    made = logging.LogRecord("bot.talk", logging.INFO, "talk.py", 1, message, values, None)
    made.created = 1_773_210_600.25
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_text_line_is_key_value_pairs() -> None:
    line = LineFormatter(LogFormat.TEXT).format(record("reply after %d ms", 12, request_id="ab12"))
    assert line == (
        'time=2026-03-11T06:30:00.250Z level=INFO logger=bot.talk request_id=ab12 message="reply after 12 ms"'
    )


def test_json_line_is_an_object() -> None:
    line = LineFormatter(LogFormat.JSON).format(record('she said "hi"'))
    assert json.loads(line) == {
        "time": "2026-03-11T06:30:00.250Z", "level": "INFO", "logger": "bot.talk", "message": 'she said "hi"',
    }  # fmt: skip


@pytest.mark.parametrize("form", LogFormat)
def test_record_is_one_line_whatever_it_says(form: LogFormat) -> None:
    assert "\n" not in LineFormatter(form).format(record("a\nb\r\nlevel=ERROR"))


@pytest.mark.parametrize("form", LogFormat)
def test_token_is_never_shown(form: LogFormat) -> None:
    line = LineFormatter(form, [TOKEN, ""]).format(record("POST https://api.telegram.org/bot%s/getMe", TOKEN))
    assert TOKEN not in line
    assert "/bot***/getMe" in line


def test_line_within_a_turn_carries_its_request_id() -> None:
    mark = request_id_of_turn.set("cd34")
    try:
        assert "request_id=cd34" in LineFormatter(LogFormat.TEXT).format(record("talking failed"))
    finally:
        request_id_of_turn.reset(mark)


@pytest.mark.parametrize("with_tracebacks", [False, True])
def test_error_is_told_in_the_same_line_with_its_traceback_only_on_request(with_tracebacks: bool) -> None:
    made = record("failed")
    try:
        raise ValueError("odd")
    except ValueError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    line = LineFormatter(LogFormat.TEXT, with_tracebacks=with_tracebacks).format(made)
    assert "ValueError: odd" in line
    assert ("Traceback" in line) == with_tracebacks
    assert "\n" not in line


def test_our_packages_follow_the_level_and_libraries_stay_quiet() -> None:
    out = io.StringIO()
    configure_logging("INFO", LogFormat.TEXT, out=out)
    logging.getLogger("bot.app").info("starting")
    logging.getLogger("bot.app").debug("detail")
    logging.getLogger("httpx").info("POST /botTOKEN")
    logging.getLogger("discord").warning("slow")
    assert [line.split("message=")[1] for line in out.getvalue().splitlines()] == ["starting", "slow"]
