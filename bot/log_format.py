"""Log lines that machines read: key=value pairs or JSON, with the request id of the turn, and never a token."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

request_id_of_turn: ContextVar[str] = ContextVar("request_id_of_turn", default="")
_SHORTEST_SECRET = 8
_LONGEST_MESSAGE = 2000


class LogFormat(StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


class LineFormatter(logging.Formatter):
    """Writes a record as one line: time, level, logger, request id where there is one, message, error."""

    def __init__(self, form: LogFormat, secrets: Iterable[str] = (), *, with_tracebacks: bool = False) -> None:
        """Replace every text of `secrets` by ***; without tracebacks an error is told by its name and its own line."""
        super().__init__()
        self._form = form
        self._with_tracebacks = with_tracebacks
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields = self._fields(record)
        if self._form is LogFormat.JSON:
            return self._hide(json.dumps(fields, ensure_ascii=False))
        return self._hide(" ".join(f"{name}={_quoted(value)}" for name, value in fields.items()))

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        moment = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
        }
        if request_id := getattr(record, "request_id", "") or request_id_of_turn.get():
            fields["request_id"] = request_id
        fields["message"] = record.getMessage()[:_LONGEST_MESSAGE]
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            short = f"{type(error).__name__}: {error}"
            fields["error"] = self.formatException(record.exc_info) if self._with_tracebacks else short
        return fields

    def _hide(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


def _quoted(value: str) -> str:
    """Return a value of a key=value pair: in quotes when it is not one plain word, always in one line."""
    if value and all(letter.isalnum() or letter in "-_.:/+" for letter in value):
        return value
    return json.dumps(value, ensure_ascii=False)


def configure_logging(
    level: str, form: LogFormat = LogFormat.TEXT, secrets: Iterable[str] = (), out: TextIO | None = None
) -> None:
    """Write what our packages log at `level` and more, and what libraries log from WARNING on, to `out` or stderr."""
    handler = logging.StreamHandler(out or sys.stderr)
    handler.setFormatter(LineFormatter(form, secrets, with_tracebacks=level == "DEBUG"))
    root = logging.getLogger()
    for old in [old for old in root.handlers if type(old) is logging.StreamHandler]:
        root.removeHandler(old)
    root.addHandler(handler)
    ours = logging.getLevelNamesMapping()[level]
    root.setLevel(max(ours, logging.WARNING) if ours > logging.DEBUG else logging.INFO)
    for package in ("bot", "engine", "models", "storage", "main"):
        logging.getLogger(package).setLevel(ours)
