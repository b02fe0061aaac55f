"""Check conversations against a real database."""

from datetime import datetime, timedelta

from storage.conversations import ConversationStore
from storage.database import Database
from storage.records import Conversation, ConversationKey

KEY = ConversationKey(platform="discord", id="채널 '; -- 💬")


async def test_unknown_conversation_is_none(database: Database) -> None:
    async with database.read() as session:
        assert await ConversationStore(session).get(KEY) is None


async def test_each_summary_counts_a_turn_and_replaces_the_last(database: Database, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    async with database.begin() as session:
        first = await ConversationStore(session).save_summary(KEY, "인사함 👋", now)
    async with database.begin() as session:
        second = await ConversationStore(session).save_summary(KEY, None, later)
    assert first == Conversation(key=KEY, last_summary="인사함 👋", turns=1, updated_at=now)
    assert second == Conversation(key=KEY, last_summary=None, turns=2, updated_at=later)
    async with database.read() as session:
        assert await ConversationStore(session).get(KEY) == second


async def test_conversations_with_one_id_on_two_platforms_are_apart(database: Database, now: datetime) -> None:
    other = ConversationKey(platform="telegram", id=KEY.id)
    async with database.begin() as session:
        await ConversationStore(session).save_summary(KEY, "여기", now)
        assert await ConversationStore(session).get(other) is None


async def test_forgotten_summary_leaves_the_turns_counted(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        store = ConversationStore(session)
        await store.forget_summary(KEY, now)
        assert await store.get(KEY) is None
        await store.save_summary(KEY, "인사함", now)
        await store.forget_summary(KEY, now)
        assert await store.get(KEY) == Conversation(key=KEY, last_summary=None, turns=1, updated_at=now)
