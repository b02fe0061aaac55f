"""Say which database to use."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sqlalchemy import URL

FILE_NAME = "ohlora.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Name the database and how long to wait for it.

    `url` is `sqlite+aiosqlite:///<path>` or `postgresql+asyncpg://…`; it may hold a password, so
    it is left out of the repr. `busy_timeout_s` is the longest wait for another program that
    writes, `queue_timeout_s` that for the transactions of this one that came before, in seconds. `echo` logs every statement, without its parameters.
    """

    url: str = field(repr=False)
    busy_timeout_s: float = 5.0
    queue_timeout_s: float = 60.0
    echo: bool = False

    @classmethod
    def for_data_dir(cls, path: Path) -> Self:
        """Use the SQLite file of the data folder `path`."""
        url = URL.create("sqlite+aiosqlite", database=str(path / FILE_NAME))
        return cls(url=url.render_as_string())
