"""Seeing and forgetting what is remembered of oneself."""

from __future__ import annotations

from engine.types import Clock
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import Memory, UserKey


class MemoryHandler:
    """Lists and forgets a user's own memories."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Read and write `database`."""
        self._database = database
        self._clock = clock

    async def list(self, user: UserKey) -> list[Memory]:
        """Return the user's memories, oldest first; people count them from 1."""
        async with self._database.read() as session:
            return await MemoryStore(session).of_user(user)

    async def forget(self, user: UserKey, number: int) -> Memory | None:
        """Forget the memory at `number` of the list (from 1); return it, or None where there is none."""
        async with self._database.begin() as session:
            store = MemoryStore(session)
            memories = await store.of_user(user)
            if not 1 <= number <= len(memories):
                return None
            memory = memories[number - 1]
            await store.forget(user, memory.id, self._clock())
            return memory
