"""Check that nothing that people wrote is readable in the files, and that keys are made once and kept apart."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import String, func, select

from storage.appeals import AppealStore
from storage.conversations import ConversationStore
from storage.database import Database, open_database
from storage.errors import KeyringMissing, MasterKeyMissing, MasterKeyWrong, TextUnreadable
from storage.interview_records import InterviewStep, StepKind
from storage.interviews import InterviewStore
from storage.master_key import MasterKey
from storage.memories import MemoryStore
from storage.notes import NoteStore
from storage.records import MANUAL, AppealState, ConversationKey, Note, Sanction, Scope, UserKey
from storage.reports import ReportStore
from storage.sanctions import SanctionStore
from storage.sealing import SealedColumn
from storage.settings import StorageSettings
from storage.tables import Base, DataKeyRow

# Columns of text that hold no words of anybody: names, ids, links, versions, moments, what admins chose.
NOT_PERSONAL = {
    "alembic_version", "audit", "audit_head", "community_settings", "data_keys", "policies", "seen_updates", "turns",
    "user_settings", "observations",
}  # fmt: skip
WRITTEN = {
    "sanctions.text", "sanctions.reply", "sanctions.reason", "sanction_changes.reason", "memories.key", "memories.value",
    "memory_changes.old_value", "memory_changes.new_value", "conversations.last_summary", "appeals.text",
    "appeals.reason", "reports.text", "notes.text", "interview_steps.text",
}  # fmt: skip


async def write_everything(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> list[str]:
    """Store every kind of text about a user; return the texts."""
    moderator = UserKey(platform=user.platform, id="9")
    room = ConversationKey(platform=user.platform, id="room")
    words = {name: f"secret-{name}-of-{user.platform}" for name in WRITTEN}
    words["memory_changes.new_value"] = words["memories.value"]
    async with database.begin() as session:
        sanctions = SanctionStore(session)
        evidence = {"text": words["sanctions.text"], "reply": words["sanctions.reply"]}
        sanction = await sanctions.add(make_sanction(of=user, block=timedelta(days=7), **evidence))
        await sanctions.end(sanction.id or 0, now + timedelta(days=1), moderator, words["sanction_changes.reason"], now)
        given = make_sanction(category=words["sanctions.reason"], of=user, text="", reply=None)
        await sanctions.add(replace(given, evidence=replace(given.evidence, policy_version=MANUAL)), by=moderator)
        memories = MemoryStore(session)
        for value in (words["memory_changes.old_value"], words["memories.value"]):
            await memories.remember(user, words["memories.key"], value, now, None)
        await ConversationStore(session).save_summary(room, words["conversations.last_summary"], now)
        appeals = AppealStore(session)
        await appeals.open(sanction, words["appeals.text"], now)
        await appeals.decide(sanction.id or 0, AppealState.DENIED, moderator, words["appeals.reason"], now)
        await ReportStore(session).add(moderator, user, "7", words["reports.text"], "link", now)
        note = Note(user=user, community=None, author=moderator, text=words["notes.text"], created_at=now)
        await NoteStore(session).add(note)
        interview = await InterviewStore(session).start(user, room, "ml", "Q", now)
        assert interview is not None
        step = InterviewStep(
            question="Q", kind=StepKind.TALKED, next_question="Q", at=now, text=words["interview_steps.text"]
        )
        await InterviewStore(session).add_steps(interview.id, [step], now)
    return list(words.values())


async def read_everything(database: Database, user: UserKey) -> str:
    """Read all of that back, as one text."""
    scope = Scope(platform=user.platform)
    async with database.read() as session:
        sanctions = await SanctionStore(session).of_user(user)
        found = [
            sanctions,
            await SanctionStore(session).changes([each.id or 0 for each in sanctions]),
            await MemoryStore(session).of_user(user),
            await MemoryStore(session).history(user),
            await ConversationStore(session).get(ConversationKey(platform=user.platform, id="room")),
            await AppealStore(session).of_user(user),
            await ReportStore(session).waiting(scope),
            await NoteStore(session).of_user(user, scope),
            await InterviewStore(session).of_user(user),
        ]
    return str(found)


def test_every_column_of_words_is_sealed() -> None:
    texts = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String)
        and column.type.__class__.__name__ == "Text"
        and table.name not in NOT_PERSONAL
    }
    assert texts == set(SealedColumn)
    assert set(SealedColumn) == WRITTEN | {"memories.live_key"}


async def test_nothing_that_was_written_can_be_read_in_the_files(
    settings: StorageSettings, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime, tmp_path: Path
) -> None:
    async with open_database(settings) as database:
        words = await write_everything(database, user, make_sanction, now)
        stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert not [word for word in words if word.encode() in stored]
    async with open_database(settings) as database:
        read = await read_everything(database, user)
    assert not [word for word in words if word not in read]


async def test_writers_at_once_make_one_key_for_each_user(database: Database, now: datetime) -> None:
    users = [UserKey(platform="discord", id=str(number)) for number in range(64)]

    async def remember(user: UserKey, number: int) -> None:
        async with database.begin() as session:
            await MemoryStore(session).remember(user, f"열쇠 {number}", "값", now, None)

    await asyncio.gather(*(remember(user, number) for number in range(2) for user in users))
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(DataKeyRow)) == 64
        assert await session.scalar(select(func.count(DataKeyRow.key_id.distinct()))) == 64
        assert [len(await MemoryStore(session).of_user(user)) for user in users] == [2] * 64


async def test_key_of_a_transaction_that_was_rolled_back_is_nobodys(
    database: Database, user: UserKey, now: datetime
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.begin() as session:
            await MemoryStore(session).remember(user, "이름", "하나", now, None)
            raise ZeroDivisionError
    async with database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "둘", now, None)
    async with database.read() as session:
        assert [memory.value for memory in await MemoryStore(session).of_user(user)] == ["둘"]


async def test_text_swapped_between_users_or_changed_is_an_error_that_says_what_to_do(
    database: Database, user: UserKey, stranger: UserKey, now: datetime, file: Path
) -> None:
    async with database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)
        await MemoryStore(session).remember(stranger, "이름", "둘", now, None)
    for change in (
        "UPDATE memories SET value = (SELECT value FROM memories WHERE platform = 'telegram') WHERE platform = 'discord'",
        "UPDATE memories SET value = substr(value, 1, 20) || 'AAAA' || substr(value, 25)",
        "UPDATE memories SET value = key",
        "UPDATE memories SET value = '하나'",
    ):
        with closing(sqlite3.connect(file)) as connection, connection:
            kept = connection.execute("SELECT id, value FROM memories").fetchall()
            connection.execute(change)
        with pytest.raises(TextUnreadable, match="restore the database from a backup"):
            async with database.read() as session:
                await MemoryStore(session).of_user(user)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.executemany("UPDATE memories SET value = ? WHERE id = ?", [(value, row) for row, value in kept])
    async with database.read() as session:
        assert [memory.value for memory in await MemoryStore(session).of_user(user)] == ["하나"]


async def test_without_its_keys_the_database_is_refused_and_kept(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path, tmp_path: Path
) -> None:
    async with open_database(settings) as database, database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "하나", now, None)
    content = file.read_bytes()
    keyring, master = tmp_path / "keyring.sqlite3", tmp_path.with_name(f"{tmp_path.name}.key")
    other = StorageSettings(url=settings.url, master_key=MasterKey.new().text)
    with pytest.raises(MasterKeyWrong):
        async with open_database(other):
            pass
    kept = master.rename(tmp_path / "kept.key")
    with pytest.raises(MasterKeyMissing, match="Put the key file back"):
        async with open_database(settings):
            pass
    kept.rename(master)
    away = keyring.rename(tmp_path / "away")
    with pytest.raises(KeyringMissing, match="Put the keyring back"):
        async with open_database(settings):
            pass
    assert file.read_bytes() == content
    async with open_database(StorageSettings.for_data_dir(tmp_path / "other")):
        pass
    strange = StorageSettings(
        url=settings.url, keyring=tmp_path / "other" / "keyring.sqlite3", master_key_file=tmp_path / "other.key"
    )
    with pytest.raises(KeyringMissing, match="does not know 1 of its 1 keys"):
        async with open_database(strange):
            pass
    away.rename(keyring)
    async with open_database(settings) as database, database.read() as session:
        assert [memory.value for memory in await MemoryStore(session).of_user(user)] == ["하나"]
