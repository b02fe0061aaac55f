"""Seeing, changing and forgetting what is remembered of oneself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.memory import MemoryNote
from engine.memory_firewall import MemoryFirewall, Objection
from engine.plain_text import remove_invisible
from engine.types import Clock
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import Memory, MemoryChange, UserKey


class MemoryHandler:
    """Lists and changes a user's own memories; people name them by their number in the list, from 1."""

    def __init__(self, database: Database, clock: Clock, firewall: MemoryFirewall) -> None:
        """Read and write `database`; what a person writes passes `firewall`."""
        self._database = database
        self._clock = clock
        self._firewall = firewall

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

    async def edit(self, user: UserKey, memory_id: int, typed: str) -> Memory | Objection | None:
        """Give one of the user's memories another value; return it, what speaks against the value, or None where there is no such one.

        Raises:
            EmbeddingError: the ethics encoder failed.
        """
        value = " ".join(remove_invisible(typed).split())
        memory = next((each for each in await self.list(user) if each.id == memory_id), None)
        if memory is None:
            return None
        if (objection := await self._firewall.object_to(MemoryNote(key=memory.key, value=value))) is not None:
            return objection
        async with self._database.begin() as session:
            return await MemoryStore(session).edit(user, memory_id, value, self._clock())

    async def pin(self, user: UserKey, memory_id: int, is_pinned: bool) -> Memory | None:
        """Pin or unpin one of the user's memories; return it, or None where there is no such one."""
        async with self._database.begin() as session:
            return await MemoryStore(session).pin(user, memory_id, is_pinned)

    async def change_of_turn(self, user: UserKey, request_id: str) -> MemoryChange | None:
        """Return what a turn of this user's left in memory."""
        async with self._database.read() as session:
            return await MemoryStore(session).change_of_turn(user, request_id)

    async def changes_of(self, user: UserKey, memory_id: int) -> Sequence[MemoryChange]:
        """Return what became of one of the user's memories, oldest first; nothing where there is no such one."""
        async with self._database.read() as session:
            return [each for each in await MemoryStore(session).history(user) if each.memory_id == memory_id]

    async def sources(self, user: UserKey) -> Mapping[int, MemoryChange]:
        """Return, by memory, the change that gave it the value it has."""
        async with self._database.read() as session:
            changes = await MemoryStore(session).history(user)
        return {each.memory_id: each for each in changes if each.new_value is not None}

    async def undo(self, user: UserKey, change: MemoryChange) -> MemoryChange | Objection | None:
        """Take the last change of a memory back; return how, what speaks against the value before, or None where it is not the last.

        Raises:
            EmbeddingError: the ethics encoder failed.
        """
        if change.old_value is not None:
            async with self._database.read() as session:
                key = await MemoryStore(session).key_of(user, change.memory_id)
            if key is None:
                return None
            if (objection := await self._firewall.object_to(MemoryNote(key=key, value=change.old_value))) is not None:
                return objection
        async with self._database.begin() as session:
            return await MemoryStore(session).undo(user, change, self._clock())

    async def undo_last(self, user: UserKey) -> MemoryChange | Objection | None:
        """Take back whatever was changed last in the user's memories."""
        async with self._database.read() as session:
            changes = await MemoryStore(session).history(user)
        return await self.undo(user, changes[-1]) if changes else None
