"""A migrated database that every test may have a copy of, and the corpus that ships, read once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.training.dialogue_rows import DialogueCorpus, read_corpus
from storage.database import Database, open_database, upgrade
from storage.settings import StorageSettings


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder to copy: its `data` holds a migrated, empty database; the master key is beside that."""
    folder = tmp_path_factory.mktemp("template")
    asyncio.run(upgrade(StorageSettings.for_data_dir(folder / "data")))
    return folder


@pytest.fixture
async def database(tmp_path: Path, migrated_folder: Path) -> AsyncIterator[Database]:
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    async with open_database(StorageSettings.for_data_dir(tmp_path / "data")) as database:
        yield database


@pytest.fixture(scope="session")
def shipped_corpus() -> DialogueCorpus:
    """The dialogue corpus: seconds to read, and nobody can change it."""
    return read_corpus()
