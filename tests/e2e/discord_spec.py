"""Hold requests and answers to Discord's OpenAPI description, where that file is present."""

from __future__ import annotations

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.e2e.specifications import find_spec

SPEC_FILE = find_spec("discord_openapi.json")
NO_SPEC = "Discord's OpenAPI description (shared/data/specs/discord_openapi.json) is not here"
_SNOWFLAKES = {"message_id", "channel_id", "guild_id", "recipient_id", "parent_id"}


def as_specified(value: Any, key: str = "", inside: str = "") -> Any:
    """Return `value` with the ids that discord.py sends as numbers written as text, as the description has them."""
    if isinstance(value, dict):
        return {name: as_specified(part, name, key) for name, part in value.items()}
    if isinstance(value, list):
        return [as_specified(part, key, key) for part in value]
    is_id = key in _SNOWFLAKES or (key == "id" and inside == "attachments")
    return str(value) if is_id and isinstance(value, int) and not isinstance(value, bool) else value


@cache
def load_spec() -> DiscordSpec | None:
    """Read the description, if it is there; once, because its schemas are large."""
    return DiscordSpec(SPEC_FILE) if SPEC_FILE is not None else None


class DiscordSpec:
    """Finds the schema of a request or an answer and says what is wrong with a body."""

    def __init__(self, path: Path) -> None:
        """Read the description at `path`."""
        self._document = json.loads(path.read_text(encoding="utf-8"))
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], str]]:
        """Paths as patterns, those with the fewest placeholders first."""
        paths = sorted(self._document["paths"], key=lambda path: path.count("{"))
        return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in paths]

    def request_problem(self, method: str, path: str, body: Any) -> str | None:
        """Return what is wrong with the body of a request, None when nothing is."""
        template = next((template for pattern, template in self._routes if pattern.fullmatch(path)), None)
        operation = self._document["paths"].get(template, {}).get(method.lower())
        if template is None or operation is None:
            return f"{method} {path} is no route"
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None if body is None else f"{method} {template} takes no body"
        return self._problem(f"{method} {template} request", content["schema"], as_specified(body))

    def answer_problem(self, method: str, path: str, status: int, body: Any) -> str | None:
        """Return what is wrong with the body of an answer, None when nothing is."""
        template = next((template for pattern, template in self._routes if pattern.fullmatch(path)), "")
        operation = self._document["paths"].get(template, {}).get(method.lower(), {})
        responses = operation.get("responses", {})
        described = responses.get(str(status), responses.get("4XX") if 400 <= status < 500 else None)
        if described is None:
            return None if status >= 500 else f"{method} {template} has no answer {status}"
        if "$ref" in described:
            described = self._document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        content = described.get("content", {}).get("application/json")
        if content is None:
            return None if body is None else f"{method} {template} answers {status} without a body"
        return self._problem(f"{method} {template} {status}", content["schema"], body)

    def schema_problem(self, name: str, body: Any) -> str | None:
        """Return what is wrong with a body that should be of the schema `name`."""
        return self._problem(name, {"$ref": f"#/components/schemas/{name}"}, body)

    def _problem(self, name: str, schema: dict[str, Any], body: Any) -> str | None:
        if name not in self._validators:
            rooted = {**schema, "components": self._document["components"]}
            self._validators[name] = Draft202012Validator(rooted)
        error = best_match(self._validators[name].iter_errors(body))
        return None if error is None else f"{name}: at {error.json_path}: {error.message[:300]}"
