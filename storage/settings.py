"""Say which database to use, and where its keys are."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sqlalchemy import URL

FILE_NAME = "ohlora.sqlite3"
KEYRING_NAME = "keyring.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Name the database and how long to wait for it, its keyring and the master key.

    `url` is `sqlite+aiosqlite:///<path>` or `postgresql+asyncpg://…`; it may hold a password, so
    it is left out of the repr. `busy_timeout_s` is the longest wait for another program that
    writes, `queue_timeout_s` that for the transactions of this one that came before, in seconds. `echo` logs every statement, without its parameters.

    `keyring` is the file of the data keys, None for one beside the SQLite file. `master_key` is
    one or more keys as text, apart from each other by commas; where it is empty, they are in
    `master_key_file`, None for a file beside the keyring's folder.
    """

    url: str = field(repr=False)
    busy_timeout_s: float = 5.0
    queue_timeout_s: float = 60.0
    echo: bool = False
    keyring: Path | None = None
    master_key: str = field(default="", repr=False)
    master_key_file: Path | None = None

    @classmethod
    def for_data_dir(cls, path: Path) -> Self:
        """Use the SQLite file of the data folder `path`."""
        url = URL.create("sqlite+aiosqlite", database=str(path / FILE_NAME))
        return cls(url=url.render_as_string())
