"""The official Bot API 10.1 as JSON, and whether a call, an answer or an update keeps to it.

The specification is not part of the project: where ../shared/data/specs is missing, `load_spec` gives None and nothing is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.e2e.specifications import find_spec

SPEC_NAME = "telegram_bot_api.json"
_UNITS_LIMITS = {"text": 4096, "caption": 1024}


@cache
def load_spec() -> BotApiSpec | None:
    """Read the specification, if it is there."""
    path = find_spec(SPEC_NAME)
    return BotApiSpec(json.loads(path.read_text(encoding="utf-8"))) if path is not None else None


def text_units(text: str) -> int:
    """Count UTF-16 code units, which Telegram's limits and entities count in."""
    return len(text.encode("utf-16-le")) // 2


class BotApiSpec:
    """Finds what breaks the specification; every finding is a line of text."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._methods: Mapping[str, Any] = spec["methods"]
        self._types: Mapping[str, Any] = spec["types"]

    def check_call(self, method: str, params: Mapping[str, Any], files: set[str]) -> Iterator[str]:
        """Check the parameters of a call: names, required ones, types. `files` are the names of uploaded parts."""
        declared = self._methods.get(method)
        if declared is None:
            yield f"{method}: no such method"
            return
        fields = {field["name"]: field for field in declared.get("fields") or []}
        for name, field in fields.items():
            if field["required"] and name not in params and name not in files:
                yield f"{method}: required {name} is missing"
        for name, value in params.items():
            if name not in fields:
                yield f"{method}: no parameter {name}"
            else:
                yield from self._check_value(value, fields[name]["types"], f"{method}.{name}")

    def check_result(self, method: str, result: Any) -> Iterator[str]:
        """Check what a method returned."""
        yield from self._check_value(result, self._methods[method]["returns"], f"result of {method}")

    def check_object(self, name: str, value: Any) -> Iterator[str]:
        """Check an object such as an Update."""
        yield from self._check_value(value, [name], name)

    def parse(self, method: str, name: str, text: str) -> Any:
        """Turn a form field into a value: text where text is declared, JSON elsewhere."""
        fields = self._methods.get(method, {}).get("fields") or []
        types = next((field["types"] for field in fields if field["name"] == name), ["String"])
        if types == ["String"] or "InputFile" in types:
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text

    def _check_value(self, value: Any, types: list[str], where: str) -> Iterator[str]:
        findings = [list(self._check_type(value, name, where)) for name in types]
        if all(findings):
            yield from min(findings, key=len)

    def _check_type(self, value: Any, name: str, where: str) -> Iterator[str]:
        if name.startswith("Array of "):
            if not isinstance(value, list):
                yield f"{where}: {value!r} is no array"
                return
            for number, item in enumerate(value):
                yield from self._check_type(item, name.removeprefix("Array of "), f"{where}[{number}]")
            return
        if name in ("Integer", "Float", "String", "Boolean", "InputFile"):
            if not _is_plain(value, name):
                yield f"{where}: {value!r} is no {name}"
            return
        yield from self._check_fields(value, name, where)

    def _check_fields(self, value: Any, name: str, where: str) -> Iterator[str]:
        declared = self._types[name]
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no {name}"
            return
        if subtypes := declared.get("subtypes"):
            yield from self._check_value(value, subtypes, where)
            return
        fields = {field["name"]: field for field in declared.get("fields") or []}
        yield from (f"{where}: {name} has no {key}" for key in value if key not in fields)
        for key, field in fields.items():
            if key in value:
                yield from self._check_value(value[key], field["types"], f"{where}.{key}")
            elif field["required"]:
                yield f"{where}: {name} lacks {key}"


def _is_plain(value: Any, name: str) -> bool:
    match name:
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "Boolean":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str)


def check_limits(method: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Check what the specification says in prose: lengths of texts, captions and callback data, drafts in private chats."""
    for name, limit in _UNITS_LIMITS.items():
        if name in params and text_units(str(params[name])) > limit and method.startswith(("send", "edit")):
            yield f"{method}: {name} is longer than {limit}"
    if "text" in params and method in ("sendMessage", "editMessageText") and not str(params["text"]).strip():
        yield f"{method}: text is empty"
    if method == "answerCallbackQuery" and len(str(params.get("text", ""))) > 200:
        yield f"{method}: text is longer than 200"
    if params.get("parse_mode"):
        yield f"{method}: parse_mode is set, so that a text could be markup"
    markup = params.get("reply_markup")
    for row in markup.get("inline_keyboard", []) if isinstance(markup, dict) else []:
        for button in row:
            if not 1 <= len(str(button.get("callback_data", "x")).encode()) <= 64:
                yield f"{method}: callback_data has not 1 to 64 bytes"
    if isinstance(markup, dict) and not 0 <= len(markup.get("input_field_placeholder", "")) <= 64:
        yield f"{method}: input_field_placeholder is longer than 64"
    if method == "sendMessageDraft" and (params.get("draft_id") == 0 or int(params.get("chat_id", 0)) < 0):
        yield f"{method}: drafts have an id and are for private chats"
