"""What was registered last with a platform, remembered in a file, so that the platform is asked only after a change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


class CommandBook:
    """Remembers one name of what is registered."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`."""
        self._path = path

    def read(self) -> str:
        """Return the name of what was registered last; empty where nothing is known."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self._path.read_text(encoding="utf-8").strip()
        return ""

    def write(self, name: str) -> None:
        """Remember a name; where that fails the commands are registered again at the next start."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(name + "\n", encoding="utf-8")
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path, error.strerror)


def name_of(bot: int | None, declared: Any) -> str:
    """Return a name of what is `declared` (as JSON) for a bot, which changes with any of it."""
    written = json.dumps(declared, sort_keys=True, ensure_ascii=False)
    return f"{bot}:{hashlib.sha256(written.encode()).hexdigest()}"
