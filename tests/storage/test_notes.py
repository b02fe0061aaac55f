"""Check moderators' notes against a real database."""

from datetime import datetime

from storage.database import Database
from storage.notes import NoteStore
from storage.records import Note, Scope, UserKey


async def test_notes_come_back_newest_first_within_the_scope(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    author = UserKey(platform="discord", id="3003")
    notes = [
        Note(user=user, community=community, author=author, text=text, created_at=now)
        for community, text in (("9", "하나"), ("10", "둘"), (None, "셋"))
    ]
    async with database.begin() as session:
        for note in notes:
            await NoteStore(session).add(note)
    async with database.read() as session:
        store = NoteStore(session)
        assert await store.of_user(user, Scope(platform="discord", community="9")) == [notes[0]]
        assert await store.of_user(user, Scope(platform="discord")) == notes[::-1]
        assert await store.of_user(stranger, Scope(platform="telegram")) == []
