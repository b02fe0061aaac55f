"""Pack what is stored about somebody into a zip that they can read: JSON files, and a README in Korean and English."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

# Which file holds what; a kind that is not named here has a file of its own.
FILES: Mapping[str, tuple[str, ...]] = {
    "profile": ("user", "settings"),
    "memories": ("memories", "memory_changes"),
    "summaries": ("conversations",),
    "interviews": ("interviews", "review_cards"),
    "sanctions": ("sanctions", "sanction_changes", "observations"),
}


def pack(stored: Mapping[str, Any], readme: str, now: datetime) -> bytes:
    """Return a zip with a JSON file for each subject of `stored` and `readme` as README.txt; the same for the same content.

    Raises:
        TypeError: a value has no form in JSON.
    """
    named = {kind for kinds in FILES.values() for kind in kinds}
    files = {**FILES, **{kind: (kind,) for kind in stored if kind not in named}}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("README.txt", now), readme)
        for name, kinds in files.items():
            content = {kind: stored[kind] for kind in kinds if kind in stored}
            text = json.dumps(content, ensure_ascii=False, indent=2, default=_plain)
            archive.writestr(_entry(f"{name}.json", now), text + "\n")
    return packed.getvalue()


def _entry(name: str, now: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(now.year, now.month, now.day, now.hour, now.minute, now.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _plain(value: object) -> str:
    """Write what JSON has no form for: moments as ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no value of an export")
