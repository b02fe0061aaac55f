"""`main.py db`: look after the database."""

from __future__ import annotations

import asyncio

import typer

from bot.cli.lifetimes import storage_settings
from bot.cli.options import DatabaseOption, DataDirOption
from bot.settings import load_settings

db_app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@db_app.command("upgrade")
def db_upgrade(data_dir: DataDirOption = None, database_url: DatabaseOption = None) -> None:
    """Create the database or bring it to the newest revision."""
    from storage.database import upgrade

    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    print(asyncio.run(upgrade(settings)))


@db_app.command("current")
def db_current(data_dir: DataDirOption = None, database_url: DatabaseOption = None) -> None:
    """Print the revision of the database."""
    from storage.database import current_revision

    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    print(asyncio.run(current_revision(settings)) or "none: no database yet; `main.py db upgrade` makes it")
