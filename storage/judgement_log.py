"""Read what was judged and what came of it, without anybody's words: what a policy is tried on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import MANUAL, SanctionKind, SanctionState, UserKey
from storage.tables import ObservationRow, SanctionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSanction:
    """What one message led to in one category; the fields are those of `Sanction`."""

    category: str
    level: int
    kind: SanctionKind
    started_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    is_overturned: bool

    @property
    def end(self) -> datetime | None:
        """When a block really ended or ends."""
        return self.ended_at or self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMessage:
    """One message whose scores are kept, and the sanctions that it led to, none for an observation.

    `declined` holds the words of declining that the reply had, None where no reply was written or it is not known.
    """

    user: UserKey
    judged_at: datetime
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    declined: tuple[str, ...] | None
    sanctions: tuple[GivenSanction, ...] = ()


class JudgementLog:
    """Read the log inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def by_user(self) -> AsyncIterator[tuple[UserKey, list[JudgedMessage]]]:
        """Yield each user's messages in the order in which they were judged; what moderators gave by hand is left out."""
        everybody = union(
            select(SanctionRow.platform, SanctionRow.user_id).where(SanctionRow.policy_version != MANUAL),
            select(ObservationRow.platform, ObservationRow.user_id),
        ).order_by("platform", "user_id")
        for platform, user_id in (await self._session.execute(everybody)).all():
            user = UserKey(platform=platform, id=user_id)
            messages = [*await self._sanctioned(user), *await self._observed(user)]
            yield user, sorted(messages, key=lambda message: message.judged_at)  # stable: else the order of the log

    async def _sanctioned(self, user: UserKey) -> Sequence[JudgedMessage]:
        row = SanctionRow
        columns = (row.request_id, row.category, row.level, row.kind, row.started_at, row.expires_at, row.ended_at)
        query = (
            select(*columns, row.state, row.scores, row.thresholds, row.declined)
            .where(row.platform == user.platform, row.user_id == user.id, row.policy_version != MANUAL)
            .order_by(row.id)
        )
        rows = (await self._session.execute(query)).all()
        return [_to_message(user, list(group)) for _, group in groupby(rows, key=lambda found: found.request_id)]

    async def _observed(self, user: UserKey) -> Sequence[JudgedMessage]:
        row = ObservationRow
        query = (
            select(row.observed_at, row.scores, row.thresholds, row.declined)
            .where(row.platform == user.platform, row.user_id == user.id)
            .order_by(row.id)
        )
        return [
            JudgedMessage(
                user=user,
                judged_at=found.observed_at,
                scores=found.scores,
                thresholds=found.thresholds,
                declined=None if found.declined is None else tuple(found.declined),
            )
            for found in await self._session.execute(query)
        ]


def _to_message(user: UserKey, rows: Sequence[Any]) -> JudgedMessage:
    """Put the sanctions of one message together; each row repeats its scores."""
    first = rows[0]
    return JudgedMessage(
        user=user,
        judged_at=first.started_at,
        scores=first.scores,
        thresholds=first.thresholds,
        declined=None if first.declined is None else tuple(first.declined),
        sanctions=tuple(
            GivenSanction(
                category=row.category,
                level=row.level,
                kind=SanctionKind(row.kind),
                started_at=row.started_at,
                expires_at=row.expires_at,
                ended_at=row.ended_at,
                is_overturned=row.state == SanctionState.OVERTURNED.value,
            )
            for row in rows
        ),
    )
