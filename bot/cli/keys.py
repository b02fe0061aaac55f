"""`main.py keys`: make and rotate the master key."""

from __future__ import annotations

import typer

from bot.cli.lifetimes import storage_settings
from bot.cli.options import DatabaseOption, DataDirOption, show_note
from bot.settings import load_settings

keys_app = typer.Typer(help="Make and rotate the master key.", no_args_is_help=True)


@keys_app.command("new")
def keys_new() -> None:
    """Print a new master key, for OHLORA_MASTER_KEY; nothing is stored."""
    from storage.master_key import MasterKey

    print(MasterKey.new().text)


@keys_app.command("rotate")
def keys_rotate(data_dir: DataDirOption = None, database_url: DatabaseOption = None) -> None:
    """Wrap every user's key by a new master key; also while the program runs."""
    from storage.database import open_keyring

    keyring = open_keyring(storage_settings(load_settings(data_dir=data_dir, database_url=database_url)))
    rotation = keyring.rotate()
    if rotation.was_unfinished:
        show_note("a rotation that had been cut short was finished")
    if not keyring.source.is_file:
        show_note("take the old key out of OHLORA_MASTER_KEY now")
    print(f"{rotation.rewrapped} keys are wrapped by the master key {rotation.master_id}, {keyring.source.place}")
