"""Bring a database to the newest revision, inside the transaction that the caller opened."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from storage.errors import DatabaseTooNew, InvalidDatabaseUrl
from storage.keyring import Keyring

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
VERSION_TABLE = "alembic_version"
DATA_KEYS = "data_keys"


def revision_of(connection: Connection) -> str | None:
    """Return the database's revision, None when no migration has run on it."""
    return MigrationContext.configure(connection).get_current_revision()


def check_revision(connection: Connection, scripts: Path, place: str) -> str | None:
    """Return the database's revision as `revision_of` does; refuse one that the migrations in `scripts` do not know.

    Raises:
        DatabaseTooNew: its revision is not among them.
        InvalidDatabaseUrl: another program's tables are in it.
    """
    revision = revision_of(connection)
    if revision is None:
        if set(inspect(connection).get_table_names()) - {VERSION_TABLE}:
            raise InvalidDatabaseUrl(
                f"{place} holds the tables of another program; nothing was changed. "
                "Name an empty database or a new file."
            )
        return None
    directory = scripts_in(scripts)
    if revision not in {script.revision for script in directory.walk_revisions()}:
        raise DatabaseTooNew(
            f"{place} was written by a newer version of this program (its revision is "
            f"{revision}, the newest known here is {directory.get_current_head()}); nothing was "
            "changed. Update the program, or name another database."
        )
    return revision


def holds_keys(connection: Connection) -> bool:
    """Tell whether something in the database was sealed, so that it cannot be read without its keyring."""
    if not inspect(connection).has_table(DATA_KEYS):
        return False
    return connection.execute(text(f"SELECT 1 FROM {DATA_KEYS} LIMIT 1")).first() is not None


def migrate(connection: Connection, scripts: Path, keyring: Keyring) -> str | None:
    """Run the migrations in `scripts` that are missing and return the revision reached; they seal with `keyring`.

    One at a time in a process: Alembic keeps the migration that runs in module globals.
    """
    config = config_for(scripts)
    config.attributes["connection"] = connection
    config.attributes["keyring"] = keyring
    command.upgrade(config, "head")
    return revision_of(connection)


def newest_revision(scripts: Path = MIGRATIONS) -> str | None:
    """Return the revision that this version of the program brings a database to."""
    return scripts_in(scripts).get_current_head()


@cache
def scripts_in(folder: Path) -> ScriptDirectory:
    """Return the migrations in `folder`, read once in a process: Alembic compiles every one of them anew each time."""
    return ScriptDirectory.from_config(config_for(folder))


def config_for(scripts: Path) -> Config:
    """Configure Alembic in code, for the migrations in the folder `scripts`."""
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
