"""Write the audit's head into a file beside the database, so that rows cut off inside the database are missed.

The file is written after the commit: a crash in between leaves it a few rows behind, which is no finding. It is never behind by
anything that was removed. Keep a copy where this program cannot write, and it proves more.
"""

import logging
import os
import threading
from pathlib import Path

from storage.records import AuditHead

_log = logging.getLogger(__name__)


class AuditAnchor:
    """Read and move the anchor of one database file."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.stem}.audit-head")
        self._lock = threading.Lock()

    def read(self) -> AuditHead | None:
        """Return the head that was written last; None where there is none.

        Raises:
            ValueError: the file is no anchor.
        """
        try:
            number, hash_ = self.path.read_text(encoding="ascii").split()
        except FileNotFoundError:
            return None
        return AuditHead(number=int(number), hash=hash_)

    def move_to(self, head: AuditHead) -> None:
        """Write `head`, unless a later one stands there. The change itself is stored already, so a failure is only logged."""
        with self._lock:
            try:
                known = self.read()
                if known is None or known.number < head.number:
                    self._write(head)
            except (OSError, ValueError) as error:
                _log.error("the audit's head cannot be written to %s: %s", self.path, type(error).__name__)

    def _write(self, head: AuditHead) -> None:
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        new.write_text(f"{head.number} {head.hash}\n", encoding="ascii")
        os.replace(new, self.path)
