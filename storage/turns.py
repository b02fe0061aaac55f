"""Store how each turn went: outcome and timings, no text."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import ConversationKey, Turn, UserKey
from storage.tables import TurnRow


class TurnStore:
    """Read and write turns inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, turn: Turn) -> None:
        """Store a turn.

        Raises:
            StorageError: a turn with this request id is stored already.
        """
        row = TurnRow(
            request_id=turn.request_id,
            user_platform=turn.user.platform,
            user_id=turn.user.id,
            conversation_platform=turn.conversation.platform,
            conversation_id=turn.conversation.id,
            outcome=turn.outcome,
            reason=turn.reason,
            received_at=turn.received_at,
            profile=turn.profile,
            timings_ms=dict(turn.timings_ms),
        )
        self._session.add(row)
        await self._session.flush()

    async def recent(self, user: UserKey, limit: int) -> list[Turn]:
        """Return the user's last `limit` turns by the time they were received, newest first."""
        query = (
            select(TurnRow)
            .where(TurnRow.user_platform == user.platform, TurnRow.user_id == user.id)
            .order_by(TurnRow.received_at.desc(), TurnRow.id.desc())
            .limit(limit)
        )
        return [_to_record(row) for row in await self._session.scalars(query)]


def _to_record(row: TurnRow) -> Turn:
    return Turn(
        request_id=row.request_id,
        user=UserKey(platform=row.user_platform, id=row.user_id),
        conversation=ConversationKey(platform=row.conversation_platform, id=row.conversation_id),
        outcome=row.outcome,
        reason=row.reason,
        received_at=row.received_at,
        profile=row.profile,
        timings_ms=dict(row.timings_ms),
    )
