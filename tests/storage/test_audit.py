"""Check the audit: what is added, that nothing is changed or removed, and that whatever was done to the file is found."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage.audit import AuditStore
from storage.audit_anchor import AuditAnchor
from storage.audit_check import AuditFault, AuditFinding, check_audit
from storage.community_settings import CommunitySettingsStore
from storage.database import Database, open_database
from storage.notes import NoteStore
from storage.records import (
    MANUAL,
    AuditAction,
    AuditEntry,
    AuditHead,
    CommunityKey,
    CommunitySettings,
    Note,
    Sanction,
    UserKey,
)
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings

HOUR = timedelta(hours=1)
HOSTILE = "'; DELETE FROM audit; -- \" \x00 💗"
ROWS = 5


async def append(database: Database, count: int, actor: UserKey, now: datetime) -> list[AuditEntry]:
    """Add rows, each in a transaction of its own."""
    entries = []
    for number in range(count):
        async with database.begin() as session:
            details = {"until": None, "number": number, "roles": ["1", "2"]}
            entry = await AuditStore(session).append(
                actor, AuditAction.SANCTION_LIFTED, f"sanction:{number}", details, now + number * HOUR
            )
            entries.append(entry)
    return entries


async def findings(settings: StorageSettings) -> AuditFinding | None:
    """Check the audit as it stands in the file, against its own head and the anchor."""
    async with open_database(settings) as database, database.read() as session:
        store = AuditStore(session)
        anchor = AuditAnchor(Path(settings.url.removeprefix("sqlite+aiosqlite:///"))).read()
        heads = [head for head in (await store.head(), anchor) if head is not None]
        return (await check_audit(store, *heads))[1]


def tamper(file: Path, *statements: str) -> None:
    """Change the file as somebody does who has it in hand: past the triggers."""
    with closing(sqlite3.connect(file)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def test_rows_come_back_whole_and_each_holds_the_hash_before(
    database: Database, user: UserKey, now: datetime
) -> None:
    entries = await append(database, 3, user, now)
    async with database.read() as session:
        store = AuditStore(session)
        assert await store.newest(9) == entries[::-1]
        assert await store.newest(1, before=3) == [entries[1]]
        assert await store.of_subject("sanction:1") == [entries[1]]
        assert await store.head() == AuditHead(number=3, hash=entries[2].hash)
    assert [entry.previous for entry in entries] == ["", entries[0].hash, entries[1].hash]
    assert (entries[1].at, entries[1].actor, entries[1].details["roles"]) == (now + HOUR, user, ["1", "2"])


async def test_row_is_gone_when_its_transaction_fails(
    database: Database, user: UserKey, now: datetime, settings: StorageSettings
) -> None:
    await append(database, 1, user, now)
    with pytest.raises(ZeroDivisionError):
        async with database.begin() as session:
            await AuditStore(session).append(user, AuditAction.NOTE_ADDED, "note:1", {}, now)
            raise ZeroDivisionError
    (entry,) = await append(database, 1, user, now)
    assert entry.number == 2
    assert await findings(settings) is None


async def test_text_that_looks_like_sql_is_kept_verbatim(
    database: Database, now: datetime, settings: StorageSettings
) -> None:
    actor = UserKey(platform=HOSTILE, id=HOSTILE)
    async with database.begin() as session:
        entry = await AuditStore(session).append(actor, AuditAction.NOTE_ADDED, HOSTILE, {HOSTILE: HOSTILE}, now)
    async with database.read() as session:
        assert await AuditStore(session).of_subject(HOSTILE) == [entry]
    assert (entry.actor, entry.details) == (actor, {HOSTILE: HOSTILE})
    assert await findings(settings) is None


async def test_what_is_too_long_for_an_id_is_refused(database: Database, user: UserKey, now: datetime) -> None:
    async with database.begin() as session:
        with pytest.raises(ValueError, match="not texts"):
            await AuditStore(session).append(user, AuditAction.NOTE_ADDED, "note:1", {"text": "가" * 201}, now)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET action = 'note.added' WHERE number = 2",
        "DELETE FROM audit WHERE number = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT 2, at, platform, actor_id, 'x', subject, details, previous, hash"
        " FROM audit WHERE number = 2",
        "INSERT INTO audit SELECT 7, at, platform, actor_id, action, subject, details, hash, 'x' FROM audit"
        " WHERE number = 5",
        "UPDATE audit_head SET number = 4",
        "UPDATE audit_head SET number = 6, hash = 'x'",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head VALUES (2, 0, '')",
    ],
)
async def test_the_database_refuses_to_change_the_audit(
    database: Database, user: UserKey, now: datetime, file: Path, statement: str
) -> None:
    await append(database, ROWS, user, now)
    with closing(sqlite3.connect(file)) as connection, pytest.raises(sqlite3.IntegrityError, match="^audit_"):
        connection.execute(statement)
    async with database.read() as session:
        assert (await AuditStore(session).head()).number == len(await AuditStore(session).newest(9)) == ROWS


@pytest.mark.parametrize(
    ("statement", "number", "fault"),
    [
        ("UPDATE audit SET actor_id = '9' WHERE number = 2", 2, AuditFault.CHANGED),
        ("UPDATE audit SET details = replace(details, '1', '2') WHERE number = 4", 4, AuditFault.CHANGED),
        ("UPDATE audit SET at = x'00ff' WHERE number = 4", 4, AuditFault.CHANGED),
        ("UPDATE audit SET hash = 'x' WHERE number = 5", 5, AuditFault.CHANGED),
        ("DELETE FROM audit WHERE number = 1", 1, AuditFault.MISSING),
        ("DELETE FROM audit WHERE number = 3", 3, AuditFault.MISSING),
        ("DELETE FROM audit WHERE number > 3", 4, AuditFault.MISSING),
        ("DELETE FROM audit", 1, AuditFault.MISSING),
        ("UPDATE audit SET number = CASE number WHEN 2 THEN -3 ELSE 2 END WHERE number IN (2, 3)", 1, None),
    ],
)
async def test_what_was_done_to_the_file_is_found_at_the_first_bad_row(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path, statement: str, number: int, fault: AuditFault
) -> None:
    async with open_database(settings) as database:
        await append(database, ROWS, user, now)
    assert await findings(settings) is None
    if fault is None:  # rows 2 and 3 change places
        tamper(file, statement, "UPDATE audit SET number = 3 WHERE number = -3")
        number, fault = 2, AuditFault.OUT_OF_ORDER
    else:
        tamper(file, statement)
    assert await findings(settings) == AuditFinding(number=number, fault=fault)


async def test_rows_cut_off_together_with_the_head_are_missed_by_the_anchor(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path
) -> None:
    async with open_database(settings) as database:
        entries = await append(database, ROWS, user, now)
    anchor = AuditAnchor(file)
    assert anchor.read() == AuditHead(number=ROWS, hash=entries[-1].hash)
    tamper(file, "DELETE FROM audit WHERE number > 3", f"UPDATE audit_head SET number = 3, hash = '{entries[2].hash}'")
    assert await findings(settings) == AuditFinding(number=4, fault=AuditFault.MISSING)


async def test_chain_that_was_written_anew_contradicts_the_anchor(
    settings: StorageSettings, user: UserKey, stranger: UserKey, now: datetime, file: Path
) -> None:
    async with open_database(settings) as database:
        await append(database, ROWS, user, now)
    kept = AuditAnchor(file).path.read_text()
    tamper(file, "DELETE FROM audit", "UPDATE audit_head SET number = 0, hash = ''")
    async with open_database(settings) as database:
        await append(database, ROWS + 1, stranger, now)
    AuditAnchor(file).path.write_text(kept)
    assert await findings(settings) == AuditFinding(number=ROWS, fault=AuditFault.REWRITTEN)


async def test_anchor_that_is_behind_is_no_finding(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path
) -> None:
    async with open_database(settings) as database:
        await append(database, 2, user, now)
        kept = AuditAnchor(file).path.read_text()
        await append(database, 2, user, now)
    AuditAnchor(file).path.write_text(kept)  # as after a kill between the commit and the file
    assert await findings(settings) is None


async def test_anchor_that_cannot_be_written_fails_no_change(
    settings: StorageSettings, user: UserKey, now: datetime, file: Path
) -> None:
    AuditAnchor(file).path.mkdir()
    async with open_database(settings) as database:
        (entry,) = await append(database, 1, user, now)
        async with database.read() as session:
            assert await AuditStore(session).newest(1) == [entry]


async def test_every_act_of_a_person_is_noted_within_its_change(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    key = CommunityKey(platform="discord", id="9")
    by_hand = make_sanction(category="욕을 함")
    by_hand = replace(by_hand, evidence=replace(by_hand.evidence, policy_version=MANUAL))
    block = replace(by_hand, kind=make_sanction(block=HOUR).kind, expires_at=now + 9 * HOUR)
    async with database.begin() as session:
        store = SanctionStore(session)
        await store.add(make_sanction(level=2))
        await store.add(by_hand, by=stranger)
        await store.add(block, by=stranger)
        await store.end(3, now + 2 * HOUR, stranger, "짧게", now)
        await store.end(3, now, stranger, "그만", now)
        await store.overturn(3, stranger, "잘못", now)
        note = Note(user=user, community=None, author=stranger, text="지켜보기", created_at=now)
        await NoteStore(session).add(note)
        settings_store = CommunitySettingsStore(session)
        await settings_store.save(key, CommunitySettings(modlog_channel="7"), stranger, now)
        await settings_store.save(key, CommunitySettings(modlog_channel="7", temperature=0.4), stranger, now)
        await settings_store.save(key, CommunitySettings(modlog_channel="7", temperature=0.4), stranger, now)
    async with database.read() as session:
        entries = (await AuditStore(session).newest(99))[::-1]
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("user.warned", "sanction:2"),
        ("user.blocked", "sanction:3"),
        ("sanction.reduced", "sanction:3"),
        ("sanction.lifted", "sanction:3"),
        ("sanction.overturned", "sanction:3"),
        ("note.added", "note:1"),
        ("settings.changed", "community:discord:9"),
        ("persona.changed", "community:discord:9"),
    ]
    assert {entry.actor for entry in entries} == {stranger}
    written = str([entry.details for entry in entries])
    assert not any(text in written for text in ("욕", "짧게", "그만", "잘못", "지켜", user.id))
