"""`main.py backup` and `main.py restore`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.lifetimes import storage_settings
from bot.cli.options import DatabaseOption, DataDirOption, show_note
from bot.settings import load_settings

if TYPE_CHECKING:
    from storage.backup import Copy


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy is put; made when missing.")],
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Copy the database while it is used, and look through the copy."""
    from storage.backup import back_up

    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    _show(asyncio.run(back_up(settings, folder, datetime.now(UTC))))
    show_note("the keyring is not in it (docs/settings.md#keys)")


def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `backup` made.")],
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Put a copy in the place of the database, which must have been moved away."""
    from storage.backup import restore as put_back

    settings = storage_settings(load_settings(data_dir=data_dir, database_url=database_url))
    _show(asyncio.run(put_back(settings, file, datetime.now(UTC))))


def _show(copy: Copy) -> None:
    rows = ", ".join(f"{name} {count}" for name, count in copy.rows.items() if count)
    print(f"{copy.file}: revision {copy.revision}; {rows}")
