"""Check how a database is named."""

from pathlib import Path

import pytest

from storage.database import current_revision, open_database
from storage.errors import InvalidDatabaseUrl
from storage.settings import StorageSettings

ODD_NAME = "데이터 50%25 #? &=+ 'a'"


async def test_data_folder_may_have_any_name_and_is_created(tmp_path: Path) -> None:
    folder = tmp_path / "nested" / ODD_NAME
    async with open_database(StorageSettings.for_data_dir(folder)):
        assert [path.name for path in tmp_path.iterdir()] == ["nested"]
        assert (folder / "ohlora.sqlite3").is_file()


def test_password_is_not_in_the_repr() -> None:
    settings = StorageSettings(url="postgresql+asyncpg://lora:s3cret@localhost/chat")
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ohlora.sqlite3",
        "sqlite:///ohlora.sqlite3",
        "mysql+aiomysql://lora:s3cret@localhost/chat",
        "postgresql://lora:s3cret@localhost/chat",
        "postgresql+asyncpg://lora:s3cret@localhost:port/chat",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///file:ohlora.sqlite3",
        "sqlite+aiosqlite://folder/ohlora.sqlite3",
        "sqlite+aiosqlite:///ohlora.sqlite3?timeout=1",
        "sqlite+aiosqlite:///ohlora\0.sqlite3",
    ],
)
async def test_url_of_no_usable_database_is_refused_with_the_right_forms(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = StorageSettings(url=url)
    with pytest.raises(InvalidDatabaseUrl, match="write sqlite.aiosqlite:///FOLDER/FILE") as caught:
        async with open_database(settings):
            pass
    assert "s3cret" not in str(caught.value)
    with pytest.raises(InvalidDatabaseUrl):
        await current_revision(settings)
    assert list(tmp_path.iterdir()) == []
