"""Store warnings and blocks, and answer what the ladder and the gate ask."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import Evidence, Sanction, SanctionKind, UserKey
from storage.tables import SanctionRow


class SanctionStore:
    """Read and write sanctions inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, sanction: Sanction) -> Sanction:
        """Store a new sanction and return it with its id.

        Raises:
            ValueError: the sanction has an id, so it is stored already.
        """
        if sanction.id is not None:
            raise ValueError(f"sanction {sanction.id} is stored already")
        row = _to_row(sanction)
        self._session.add(row)
        await self._session.flush()
        return _to_record(row)

    async def levels(self, user: UserKey) -> dict[str, int]:
        """Return the user's highest level in each category that has a sanction."""
        query = (
            select(SanctionRow.category, func.max(SanctionRow.level))
            .where(SanctionRow.platform == user.platform, SanctionRow.user_id == user.id)
            .group_by(SanctionRow.category)
        )
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def active_block(self, user: UserKey, now: datetime) -> Sanction | None:
        """Return the block that ends last, or None when no block reaches past `now`.

        A block holds up to, and not at, its expiry. Its start is not looked at, so a clock that
        was set back does not let a blocked user in.
        """
        query = (
            select(SanctionRow)
            .where(
                SanctionRow.platform == user.platform,
                SanctionRow.user_id == user.id,
                SanctionRow.kind == SanctionKind.BLOCK.value,
                SanctionRow.expires_at > now,
            )
            .order_by(SanctionRow.expires_at.desc(), SanctionRow.id.desc())
            .limit(1)
        )
        row = await self._session.scalar(query)
        return None if row is None else _to_record(row)

    async def of_user(self, user: UserKey) -> list[Sanction]:
        """Return all of the user's sanctions, newest first."""
        query = (
            select(SanctionRow)
            .where(SanctionRow.platform == user.platform, SanctionRow.user_id == user.id)
            .order_by(SanctionRow.started_at.desc(), SanctionRow.id.desc())
        )
        return [_to_record(row) for row in await self._session.scalars(query)]


def _to_row(sanction: Sanction) -> SanctionRow:
    evidence = sanction.evidence
    return SanctionRow(
        platform=sanction.user.platform,
        user_id=sanction.user.id,
        category=sanction.category,
        level=sanction.level,
        kind=sanction.kind.value,
        started_at=sanction.started_at,
        expires_at=sanction.expires_at,
        text=evidence.text,
        reply=evidence.reply,
        scores=dict(evidence.scores),
        thresholds=dict(evidence.thresholds),
        profile=evidence.profile,
        policy_version=evidence.policy_version,
        request_id=evidence.request_id,
    )


def _to_record(row: SanctionRow) -> Sanction:
    return Sanction(
        id=row.id,
        user=UserKey(platform=row.platform, id=row.user_id),
        category=row.category,
        level=row.level,
        kind=SanctionKind(row.kind),
        started_at=row.started_at,
        expires_at=row.expires_at,
        evidence=Evidence(
            text=row.text,
            reply=row.reply,
            scores=dict(row.scores),
            thresholds=dict(row.thresholds),
            profile=row.profile,
            policy_version=row.policy_version,
            request_id=row.request_id,
        ),
    )
