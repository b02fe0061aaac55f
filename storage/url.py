"""Read the database URL, and name the database in messages."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import InvalidDatabaseUrl
from storage.settings import KEYRING_NAME, StorageSettings

SQLITE = "sqlite+aiosqlite"
POSTGRESQL = "postgresql+asyncpg"


def checked_url(settings: StorageSettings) -> URL:
    """Return the URL of a SQLite file or of a PostgreSQL database.

    Raises:
        InvalidDatabaseUrl: it is neither.
    """
    try:
        url = make_url(settings.url)
    except (ArgumentError, ValueError) as error:
        raise _invalid_url("cannot be read") from error
    if url.drivername not in (SQLITE, POSTGRESQL):
        raise _invalid_url(f"starts with {url.drivername!r}")
    if url.drivername == SQLITE:
        file = url.database
        if not file or url.host or file == ":memory:" or file.startswith("file:") or "\0" in file:
            raise _invalid_url("names no file")
        if url.query:
            raise _invalid_url("has options after '?', which SQLite gets from the settings")
    return url


def _invalid_url(problem: str) -> InvalidDatabaseUrl:
    return InvalidDatabaseUrl(
        f"the database URL {problem}; write {SQLITE}:///FOLDER/FILE "
        f"(four slashes for an absolute path) or {POSTGRESQL}://USER:PASSWORD@HOST/NAME."
    )


def place_of(url: URL) -> str:
    """Name the database for a person, without its password."""
    if url.drivername == SQLITE:
        return f"the database file {url.database}"
    return f"the database {url.render_as_string(hide_password=True)}"


def keyring_file(settings: StorageSettings) -> Path:
    """Return the file of the data keys: the one that is set, else one beside the SQLite file.

    Raises:
        InvalidDatabaseUrl: none is set, and the database is no file.
    """
    if settings.keyring is not None:
        return settings.keyring
    url = checked_url(settings)
    if url.drivername != SQLITE:
        raise InvalidDatabaseUrl(f"{place_of(url)} is no file that a keyring could stand beside; set keyring_file.")
    return Path(str(url.database)).absolute().with_name(KEYRING_NAME)


def master_key_file(settings: StorageSettings) -> Path:
    """Return the file of the master key: the one that is set, else one beside the folder of the keyring."""
    folder = keyring_file(settings).absolute().parent
    return settings.master_key_file or folder.parent / f"{folder.name}.key"
