"""Store appeals against sanctions, and what was decided; texts and reasons are sealed with the key of who appealed."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.records import Appeal, AppealState, AuditAction, Sanction, Scope, UserKey
from storage.sealing import SealedColumn, Sealer
from storage.tables import AppealRow, SanctionRow
from storage.vault import new_sealer_of, vault_of


class AppealStore:
    """Read and write appeals inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, sanction: Sanction, text: str, now: datetime) -> Appeal | None:
        """Store an appeal of a sanction's user; None when one is open already.

        Raises:
            ValueError: the sanction is not stored.
        """
        if sanction.id is None:
            raise ValueError("a sanction that is not stored cannot be appealed")
        if await self._open_row(sanction.id) is not None:
            return None
        sealer = await new_sealer_of(self._session, sanction.user)
        row = AppealRow(
            sanction_id=sanction.id,
            open_sanction_id=sanction.id,
            platform=sanction.user.platform,
            user_id=sanction.user.id,
            text=sealer.seal(SealedColumn.APPEAL_TEXT, text),
            state=AppealState.OPEN.value,
            created_at=now,
        )
        self._session.add(row)
        await self._session.flush()
        return _to_record(row, sealer)

    async def decide(
        self, sanction_id: int, state: AppealState, moderator: UserKey, reason: str, now: datetime
    ) -> Appeal | None:
        """Close the open appeal of a sanction; None where there is none."""
        row = await self._open_row(sanction_id)
        if row is None:
            return None
        sealer = await new_sealer_of(self._session, _user_of(row))
        row.open_sanction_id = None
        row.state = state.value
        row.decided_at = now
        row.moderator_id = moderator.id
        row.reason = sealer.seal(SealedColumn.APPEAL_REASON, reason)
        await self._session.flush()
        details = {"sanction": sanction_id, "state": state.value}
        await AuditStore(self._session).append(moderator, AuditAction.APPEAL_DECIDED, f"appeal:{row.id}", details, now)
        return _to_record(row, sealer)

    async def of_user(self, user: UserKey) -> list[Appeal]:
        """Return the user's appeals, oldest first."""
        ids = vault_of(self._session).ids_of(user)
        query = select(AppealRow).where(AppealRow.platform == user.platform, AppealRow.user_id.in_(ids))
        return [replace(appeal, user=user) for appeal in await self._all(query.order_by(AppealRow.id))]

    async def of_sanction(self, sanction_id: int) -> list[Appeal]:
        """Return the appeals of a sanction, oldest first."""
        return await self._all(select(AppealRow).where(AppealRow.sanction_id == sanction_id).order_by(AppealRow.id))

    async def waiting(self, scope: Scope) -> list[Appeal]:
        """Return the open appeals of sanctions within `scope`, oldest first."""
        query = (
            select(AppealRow)
            .join(SanctionRow, SanctionRow.id == AppealRow.sanction_id)
            .where(AppealRow.open_sanction_id.is_not(None), AppealRow.platform == scope.platform)
            .order_by(AppealRow.id)
        )
        if scope.community is not None:
            query = query.where(SanctionRow.community == scope.community)
        return await self._all(query)

    async def _all(self, query: Select[AppealRow]) -> list[Appeal]:
        rows = list(await self._session.scalars(query))
        sealers = await vault_of(self._session).sealers(self._session, map(_user_of, rows))
        return [_to_record(row, sealers[_user_of(row)]) for row in rows]

    async def _open_row(self, sanction_id: int) -> AppealRow | None:
        return await self._session.scalar(select(AppealRow).where(AppealRow.open_sanction_id == sanction_id))


def _user_of(row: AppealRow) -> UserKey:
    return UserKey(platform=row.platform, id=row.user_id)


def _to_record(row: AppealRow, sealer: Sealer) -> Appeal:
    return Appeal(
        id=row.id,
        sanction_id=row.sanction_id,
        user=_user_of(row),
        text=sealer.open(SealedColumn.APPEAL_TEXT, row.text),
        state=AppealState(row.state),
        created_at=row.created_at,
        decided_at=row.decided_at,
        reason=sealer.open_if(SealedColumn.APPEAL_REASON, row.reason),
    )
