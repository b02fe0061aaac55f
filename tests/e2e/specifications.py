"""Where the platforms' official specifications are: beside the project, which holds none of them."""

from __future__ import annotations

import os
from pathlib import Path

SPECS_DIR = Path(os.environ.get("OHLORA_SPECS") or Path(__file__).resolve().parents[3] / "shared" / "data" / "specs")


def find_spec(name: str) -> Path | None:
    """Return the file `name` of `../shared/data/specs`, or of the folder that OHLORA_SPECS names; None where it is missing."""
    path = SPECS_DIR / name
    return path if path.is_file() else None
