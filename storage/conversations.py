"""Store where each conversation stands; its summary is sealed with a key of the conversation."""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import Conversation, ConversationKey, UserKey
from storage.sealing import SealedColumn, Sealer
from storage.tables import ConversationRow, TurnRow
from storage.vault import new_sealer_of, sealer_of, vault_of

_TURNS_OF_IT = (
    TurnRow.conversation_platform == ConversationRow.platform,
    TurnRow.conversation_id == ConversationRow.id,
)


class ConversationStore:
    """Read and write conversations inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, key: ConversationKey) -> Conversation | None:
        """Return the conversation, or None before its first turn."""
        row = await self._row(key)
        return None if row is None else _to_record(row, await sealer_of(self._session, key))

    async def written_at(self, key: ConversationKey) -> datetime | None:
        """Return when the conversation was last written, by a turn or when it was begun anew; None before its first turn."""
        row = await self._row(key)
        return None if row is None else row.updated_at

    async def save_summary(self, key: ConversationKey, summary: str | None, now: datetime) -> Conversation:
        """Count one more turn and keep its summary, None when it has none.

        The turns of one conversation follow one another (the queue sees to it), so the count is
        read and written back without a lock of its own.
        """
        row, seal_with = await self._row(key), new_sealer_of if summary else sealer_of
        sealer = await seal_with(self._session, key)
        if row is None:
            row = ConversationRow(platform=key.platform, id=key.id, turns=0)
            self._session.add(row)
        row.turns += 1
        row.last_summary = sealer.seal_if(SealedColumn.SUMMARY, summary)
        row.updated_at = now
        await self._session.flush()
        return _to_record(row, sealer)

    async def of_user_alone(self, user: UserKey) -> list[Conversation]:
        """Return the conversations in which this user and nobody else had turns, ordered by id."""
        query = select(ConversationRow).where(took_part(user), ~with_others(user)).order_by(ConversationRow.id)
        rows = list(await self._session.scalars(query))
        sealers = await vault_of(self._session).sealers(self._session, map(_key_of, rows))
        return [_to_record(row, sealers[_key_of(row)]) for row in rows]

    async def forget_summary(self, key: ConversationKey, now: datetime) -> None:
        """Forget where the conversation stood; its turns stay counted."""
        row = await self._row(key)
        if row is not None:
            row.last_summary = None
            row.updated_at = now
            await self._session.flush()

    async def _row(self, key: ConversationKey) -> ConversationRow | None:
        return await self._session.get(ConversationRow, (key.platform, key.id))


def took_part(user: UserKey) -> ColumnElement[bool]:
    """Select the conversations in which a user has had a turn."""
    return exists().where(*_TURNS_OF_IT, TurnRow.user_platform == user.platform, TurnRow.user_id == user.id)


def with_others(user: UserKey) -> ColumnElement[bool]:
    """Select the conversations in which somebody else than the user has had a turn."""
    is_user = (TurnRow.user_platform == user.platform) & (TurnRow.user_id == user.id)
    return exists().where(*_TURNS_OF_IT, ~is_user)


def _key_of(row: ConversationRow) -> ConversationKey:
    return ConversationKey(platform=row.platform, id=row.id)


def _to_record(row: ConversationRow, sealer: Sealer) -> Conversation:
    return Conversation(
        key=_key_of(row),
        last_summary=sealer.open_if(SealedColumn.SUMMARY, row.last_summary),
        turns=row.turns,
        updated_at=row.updated_at,
    )
