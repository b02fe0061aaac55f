"""Seeing, changing and forgetting what is remembered of oneself."""

from __future__ import annotations

from engine.types import Clock
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import Memory, UserKey


class MemoryHandler:
    """Lists and changes a user's own memories; people name them by their number in the list, from 1."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Read and write `database`."""
        self._database = database
        self._clock = clock

    async def list(self, user: UserKey) -> list[Memory]:
        """Return the user's memories, oldest first; people count them from 1."""
        async with self._database.read() as session:
            return await MemoryStore(session).of_user(user)

    async def find(self, user: UserKey, number: int) -> Memory | None:
        """Return the memory at `number` of the list, or None where there is none."""
        memories = await self.list(user)
        return memories[number - 1] if 1 <= number <= len(memories) else None

    async def forget(self, user: UserKey, number: int) -> Memory | None:
        """Forget the memory at `number` of the list (from 1); return it, or None where there is none."""
        memory = await self.find(user, number)
        return None if memory is None else await self.forget_by_id(user, memory.id)

    async def forget_by_id(self, user: UserKey, memory_id: int) -> Memory | None:
        """Forget one of the user's memories; return it, or None where there is no such one."""
        async with self._database.begin() as session:
            store = MemoryStore(session)
            memory = next((each for each in await store.of_user(user) if each.id == memory_id), None)
            if memory is not None:
                await store.forget(user, memory.id, self._clock())
            return memory

    async def edit(self, user: UserKey, memory_id: int, value: str) -> Memory | None:
        """Give one of the user's memories another value; return it, or None where there is no such one."""
        async with self._database.begin() as session:
            return await MemoryStore(session).edit(user, memory_id, value, self._clock())

    async def pin(self, user: UserKey, memory_id: int, is_pinned: bool) -> Memory | None:
        """Pin or unpin one of the user's memories; return it, or None where there is no such one."""
        async with self._database.begin() as session:
            return await MemoryStore(session).pin(user, memory_id, is_pinned)
