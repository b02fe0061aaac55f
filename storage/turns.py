"""Store how each turn went: outcome and timings, no text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import ConversationKey, Scope, Turn, UserKey
from storage.tables import TurnRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTotals:
    """How many turns there were by outcome, rejections by their reason, and of how many users."""

    by_outcome: Mapping[str, int]
    by_reason: Mapping[str, int]
    users: int


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
            community=turn.community,
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

    async def totals(self, scope: Scope, since: datetime) -> TurnTotals:
        """Count the turns within `scope` that were received from `since` on."""
        bounds = [TurnRow.user_platform == scope.platform, TurnRow.received_at >= since]
        if scope.community is not None:
            bounds.append(TurnRow.community == scope.community)
        outcomes = select(TurnRow.outcome, func.count()).where(*bounds).group_by(TurnRow.outcome)
        reasons = select(TurnRow.reason, func.count()).where(*bounds, TurnRow.reason.is_not(None))
        users = select(func.count(TurnRow.user_id.distinct())).where(*bounds)
        return TurnTotals(
            by_outcome={row[0]: row[1] for row in await self._session.execute(outcomes)},
            by_reason={str(row[0]): row[1] for row in await self._session.execute(reasons.group_by(TurnRow.reason))},
            users=await self._session.scalar(users) or 0,
        )


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
        community=row.community,
    )
