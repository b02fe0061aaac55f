"""A migrated database that every test may have a copy of, the corpus that ships, read once, and what tests run fast by."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from models.training.dialogue_rows import DialogueCorpus, read_corpus
from storage.database import Database, open_database, upgrade
from storage.settings import StorageSettings

QUICK = {"bot", "engine", "storage"}  # folders of many short files, most of them without models


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither while modules and tests are collected nor among them later: they stay to the end.

    A quarter of the tests' time went into looking there: every full collection went through half a million objects.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files first that take long, so that none of them is left to one worker at the end (`make test` keeps this order)."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] in QUICK)


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
