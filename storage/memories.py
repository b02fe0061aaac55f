"""Store what the character knows about a user, with the history of each memory; keys and values are sealed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import Memory, MemoryAction, MemoryChange, UserKey
from storage.sealing import SealedColumn, Sealer
from storage.tables import MemoryChangeRow, MemoryRow
from storage.vault import new_sealer_of, sealer_of


class MemoryStore:
    """Read and write memories inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_user(self, user: UserKey) -> list[Memory]:
        """Return the user's live memories, ordered by id."""
        query = (
            select(MemoryRow)
            .where(
                MemoryRow.platform == user.platform,
                MemoryRow.user_id == user.id,
                MemoryRow.live_key.is_not(None),
            )
            .order_by(MemoryRow.id)
        )
        sealer = await sealer_of(self._session, user)
        return [_to_record(row, sealer) for row in await self._session.scalars(query)]

    async def remember(
        self,
        user: UserKey,
        key: str,
        value: str,
        now: datetime,
        request_id: str | None,
        link: str | None = None,
    ) -> Memory | None:
        """Store a memory, or replace the value of the one with the same key.

        Keys and values are compared without their spaces and stored as given. A replaced memory
        keeps its id and the spelling of its key. Returns None, and changes nothing, when the user
        has this memory already or has pinned it.
        """
        sealer = await new_sealer_of(self._session, user)
        row = await self._live_row(user, _mark(key, sealer))
        if row is None:
            return await self._create(user, key, value, now, request_id, link)
        known = _to_record(row, sealer)
        if row.is_pinned or _without_spaces(known.value) == _without_spaces(value):
            return None
        return await self._replace(row, known.value, value, now, request_id, link)

    async def forget(self, user: UserKey, memory_id: int, now: datetime, request_id: str | None = None) -> bool:
        """Forget one of the user's own live memories; say whether there was such a one."""
        row = await self._own_row(user, memory_id)
        if row is None:
            return False
        sealer = await new_sealer_of(self._session, user)
        value = sealer.open(SealedColumn.MEMORY_VALUE, row.value)
        self._log(row, sealer, MemoryAction.FORGOTTEN, value, None, now, request_id)
        row.live_key = None
        row.updated_at = now
        await self._session.flush()
        return True

    async def edit(self, user: UserKey, memory_id: int, value: str, now: datetime) -> Memory | None:
        """Give one of the user's own live memories another value; None where there is no such one."""
        row = await self._own_row(user, memory_id)
        if row is None:
            return None
        known = _to_record(row, await new_sealer_of(self._session, user))
        return known if known.value == value else await self._replace(row, known.value, value, now, None)

    async def pin(self, user: UserKey, memory_id: int, is_pinned: bool) -> Memory | None:
        """Pin one of the user's own live memories, so that talk does not replace it, or unpin it."""
        row = await self._own_row(user, memory_id)
        if row is None:
            return None
        row.is_pinned = is_pinned
        await self._session.flush()
        return _to_record(row, await sealer_of(self._session, user))

    async def mark_used(self, user: UserKey, memory_id: int, now: datetime) -> None:
        """Note that one of the user's own live memories stood in front of a message; nothing happens where it is gone."""
        row = await self._own_row(user, memory_id)
        if row is not None:
            row.last_used_at = now
            await self._session.flush()

    async def undo(self, user: UserKey, change: MemoryChange, now: datetime) -> MemoryChange | None:
        """Take back a change of one of the user's own memories, if it is that memory's last; return what was changed.

        What was new is forgotten; what was replaced or forgotten has its value again. Returns None, and changes nothing, when the
        memory has changed since, or when its key belongs to another memory by now.
        """
        changes = [each for each in await self.history(user) if each.memory_id == change.memory_id]
        if not changes or changes[-1] != change:
            return None
        if change.old_value is None:
            return (await self.history(user))[-1] if await self.forget(user, change.memory_id, now) else None
        row = await self._session.get_one(MemoryRow, change.memory_id)
        sealer = await new_sealer_of(self._session, user)
        mark = _mark(sealer.open(SealedColumn.MEMORY_KEY, row.key), sealer)
        if row.live_key is None and await self._live_row(user, mark) is not None:
            return None
        before = _source_of(change.old_value, changes[:-1])
        old, new = change.old_value, change.new_value
        self._log(row, sealer, MemoryAction.RESTORED, new, old, now, before.request_id, before.link)
        row.live_key = mark
        row.value = sealer.seal(SealedColumn.MEMORY_VALUE, old)
        row.updated_at = now
        await self._session.flush()
        return (await self.history(user))[-1]

    async def change_of_turn(self, user: UserKey, request_id: str) -> MemoryChange | None:
        """Return what one of the user's turns left in memory."""
        actions = (MemoryAction.CREATED, MemoryAction.REPLACED)
        found = [each for each in await self.history(user) if each.request_id == request_id and each.action in actions]
        return found[0] if found else None

    async def key_of(self, user: UserKey, memory_id: int) -> str | None:
        """Return the key of one of the user's memories, live or forgotten."""
        row = await self._session.get(MemoryRow, memory_id)
        if row is None or (row.platform, row.user_id) != (user.platform, user.id):
            return None
        return (await sealer_of(self._session, user)).open(SealedColumn.MEMORY_KEY, row.key)

    async def history(self, user: UserKey) -> list[MemoryChange]:
        """Return every change of the user's memories, forgotten ones too, oldest first."""
        query = (
            select(MemoryChangeRow)
            .join(MemoryRow, MemoryRow.id == MemoryChangeRow.memory_id)
            .where(MemoryRow.platform == user.platform, MemoryRow.user_id == user.id)
            .order_by(MemoryChangeRow.id)
        )
        sealer = await sealer_of(self._session, user)
        return [_to_change(row, sealer) for row in await self._session.scalars(query)]

    async def _own_row(self, user: UserKey, memory_id: int) -> MemoryRow | None:
        query = select(MemoryRow).where(
            MemoryRow.id == memory_id,
            MemoryRow.platform == user.platform,
            MemoryRow.user_id == user.id,
            MemoryRow.live_key.is_not(None),
        )
        return await self._session.scalar(query)

    async def _live_row(self, user: UserKey, mark: str) -> MemoryRow | None:
        query = select(MemoryRow).where(
            MemoryRow.platform == user.platform,
            MemoryRow.user_id == user.id,
            MemoryRow.live_key == mark,
        )
        return await self._session.scalar(query)

    async def _create(
        self, user: UserKey, key: str, value: str, now: datetime, request_id: str | None, link: str | None
    ) -> Memory:
        sealer = await new_sealer_of(self._session, user)
        row = MemoryRow(
            platform=user.platform,
            user_id=user.id,
            live_key=_mark(key, sealer),
            key=sealer.seal(SealedColumn.MEMORY_KEY, key),
            value=sealer.seal(SealedColumn.MEMORY_VALUE, value),
            created_at=now,
            updated_at=now,
        )
        self._session.add(row)
        await self._session.flush()
        self._log(row, sealer, MemoryAction.CREATED, None, value, now, request_id, link)
        await self._session.flush()
        return _to_record(row, sealer)

    async def _replace(
        self,
        row: MemoryRow,
        old_value: str,
        value: str,
        now: datetime,
        request_id: str | None,
        link: str | None = None,
    ) -> Memory:
        sealer = await new_sealer_of(self._session, UserKey(platform=row.platform, id=row.user_id))
        self._log(row, sealer, MemoryAction.REPLACED, old_value, value, now, request_id, link)
        row.value = sealer.seal(SealedColumn.MEMORY_VALUE, value)
        row.updated_at = now
        await self._session.flush()
        return _to_record(row, sealer)

    def _log(
        self,
        row: MemoryRow,
        sealer: Sealer,
        action: MemoryAction,
        old_value: str | None,
        new_value: str | None,
        now: datetime,
        request_id: str | None,
        link: str | None = None,
    ) -> None:
        change = MemoryChangeRow(
            memory_id=row.id,
            action=action.value,
            old_value=sealer.seal_if(SealedColumn.CHANGE_OLD_VALUE, old_value),
            new_value=sealer.seal_if(SealedColumn.CHANGE_NEW_VALUE, new_value),
            changed_at=now,
            request_id=request_id,
            link=link,
        )
        self._session.add(change)


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _mark(key: str, sealer: Sealer) -> str:
    """Return what stands for a key where the database keeps live ones apart: sealed text differs each time."""
    return sealer.mark(SealedColumn.MEMORY_LIVE_KEY, _without_spaces(key))


def _source_of(value: str, changes: Sequence[MemoryChange]) -> MemoryChange:
    """Return the last of the changes that gave a memory this value."""
    return next(change for change in reversed(changes) if change.new_value == value)


def _to_record(row: MemoryRow, sealer: Sealer) -> Memory:
    return Memory(
        id=row.id,
        user=UserKey(platform=row.platform, id=row.user_id),
        key=sealer.open(SealedColumn.MEMORY_KEY, row.key),
        value=sealer.open(SealedColumn.MEMORY_VALUE, row.value),
        created_at=row.created_at,
        updated_at=row.updated_at,
        is_pinned=row.is_pinned,
        last_used_at=row.last_used_at,
    )


def _to_change(row: MemoryChangeRow, sealer: Sealer) -> MemoryChange:
    return MemoryChange(
        memory_id=row.memory_id,
        action=MemoryAction(row.action),
        old_value=sealer.open_if(SealedColumn.CHANGE_OLD_VALUE, row.old_value),
        new_value=sealer.open_if(SealedColumn.CHANGE_NEW_VALUE, row.new_value),
        changed_at=row.changed_at,
        request_id=row.request_id,
        link=row.link,
    )
