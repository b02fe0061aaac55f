"""Read sanction policies from TOML files, and say in one line what is wrong with one.

`docs/policy.schema.json` describes the format for editors.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pydantic

from engine.errors import PolicyError
from engine.sanction_policy import CategoryPolicy, SanctionPolicy
from storage.records import PolicyRecord

POLICIES_DIR = Path(__file__).resolve().parent / "policies"
_adapter = pydantic.TypeAdapter(SanctionPolicy)


def load_policy(name: str) -> SanctionPolicy:
    """Load a policy by name from engine/policies, or from a path that ends in .toml.

    Raises:
        PolicyError: there is no such file, or it breaks the format.
    """
    path = Path(name) if name.endswith(".toml") else POLICIES_DIR / f"{name}.toml"
    try:
        if not name.endswith(".toml") and Path(name).name != name:
            raise FileNotFoundError(name)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PolicyError(f"no sanction policy {name!r}; give a file that ends in .toml") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"sanction policy {path} is not valid TOML: {error}") from error
    return parse_policy(text, str(path))


def parse_policy(text: str, path: str) -> SanctionPolicy:
    """Read the text of a policy file; `path` names it in errors.

    Raises:
        PolicyError: it breaks the format.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"sanction policy {path} is not valid TOML: {error}") from error
    if "schema" not in raw:
        raise PolicyError(
            f"sanction policy {path}: schema: write schema = 1 at the top, "
            'and each category as [categories."name"]; see docs/formats.md'
        )
    try:
        return _adapter.validate_python(raw)
    except pydantic.ValidationError as error:
        raise PolicyError(f"sanction policy {path}: {_explain(error)}") from error


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file."""
    schema = _adapter.json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "required": _required(schema)}


def to_record(policy: SanctionPolicy) -> PolicyRecord:
    """Return what is stored of a policy: its content in one form, whatever its file looks like, and that content's SHA-256."""
    content = json.dumps(_adapter.dump_python(policy, mode="json"), ensure_ascii=False)
    return PolicyRecord(version=policy.version, digest=hashlib.sha256(content.encode()).hexdigest(), content=content)


def from_record(record: PolicyRecord) -> SanctionPolicy:
    """Return the policy that was stored.

    Raises:
        PolicyError: it is of a form that this version cannot read.
    """
    try:
        return _adapter.validate_json(record.content)
    except pydantic.ValidationError as error:
        raise PolicyError(f"stored policy {record.version!r}: {_explain(error)}") from error


def _required(schema: dict[str, Any]) -> list[str]:
    return ["schema", *schema["required"]]


def _explain(error: pydantic.ValidationError) -> str:
    """Return the first thing that is wrong: the key, and what is allowed there."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part != "[key]"]
    match first["type"]:
        case "unexpected_keyword_argument":
            known = CategoryPolicy if place[0] == "categories" else SanctionPolicy
            what = f"no such key; allowed are {', '.join(field.name for field in fields(known))}"
        case "missing":
            what = "is missing"
        case "value_error":
            what = first["msg"].removeprefix("Value error, ")
        case _:
            what = f"{first['msg'][:1].lower()}{first['msg'][1:]}, not {first['input']!r}"
    return f"{'.'.join(place)}: {what}" if place else what
