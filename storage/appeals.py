"""Store appeals against sanctions, and what was decided; texts and reasons are sealed with the key of who appealed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.case_cards import CaseCardStore
from storage.records import Appeal, AppealState, AuditAction, Sanction, Scope, UserKey
from storage.sealing import SealedColumn, Sealer
from storage.tables import AppealRow, SanctionRow
from storage.vault import new_sealer_of, vault_of


class AppealStore:
    """Read and write appeals inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, sanction: Sanction, text: str, now: datetime, language: str | None = None) -> Appeal | None:
        """Store an appeal of a sanction's user, who is told of the decision in `language`; None when one is open already.

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
            language=language,
            tries=0,
        )
        self._session.add(row)
        await self._session.flush()
        await self._touch_card(sanction.id, now)
        return _to_record(row, sealer)

    async def decide(
        self, sanction_id: int, state: AppealState, moderator: UserKey, reason: str, now: datetime
    ) -> Appeal | None:
        """Close the open appeal of a sanction, of which its user is then to be told; None where there is none."""
        row = await self._open_row(sanction_id)
        if row is None:
            return None
        sealer = await new_sealer_of(self._session, _user_of(row))
        row.open_sanction_id = None
        row.state = state.value
        row.decided_at = now
        row.moderator_id = moderator.id
        row.reason = sealer.seal(SealedColumn.APPEAL_REASON, reason)
        row.tell_at = now
        await self._session.flush()
        await self._touch_card(sanction_id, now)
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

    async def to_tell(self, platforms: Sequence[str], now: datetime, limit: int) -> list[Appeal]:
        """Return decided appeals on these platforms of which users are to be told by `now`."""
        query = (
            select(AppealRow)
            .where(AppealRow.tell_at <= now, AppealRow.platform.in_(platforms))
            .order_by(AppealRow.tell_at, AppealRow.id)
            .limit(limit)
        )
        return await self._all(query)

    async def note_told(self, appeal_id: int, now: datetime) -> None:
        """Note that the user was told of the decision."""
        row = await self._session.get_one(AppealRow, appeal_id)
        row.told_at, row.tell_at = now, None
        await self._session.flush()

    async def put_off_telling(self, appeal_id: int, until: datetime | None) -> None:
        """Note that the user could not be told, and when to try again (None: when they come next)."""
        row = await self._session.get_one(AppealRow, appeal_id)
        row.tell_at = until
        row.tries += 1
        await self._session.flush()

    async def has_untold(self, user: UserKey) -> bool:
        """Tell whether there is a decision that could not be brought to the user."""
        return await self._session.scalar(select(AppealRow.id).where(*_waits_for(user)).limit(1)) is not None

    async def tell_at_contact(self, user: UserKey, now: datetime) -> list[Appeal]:
        """Return the decisions that could not be brought to the user; they count as told now."""
        query = select(AppealRow).where(*_waits_for(user))
        rows = list(await self._session.scalars(query.order_by(AppealRow.id)))
        for row in rows:
            row.told_at = now
        await self._session.flush()
        sealers = await vault_of(self._session).sealers(self._session, map(_user_of, rows))
        return [_to_record(row, sealers[_user_of(row)]) for row in rows]

    async def _touch_card(self, sanction_id: int, now: datetime) -> None:
        sanction = await self._session.get_one(SanctionRow, sanction_id)
        if sanction.community is not None:
            await CaseCardStore(self._session).touch(sanction_id, now)

    async def _open_row(self, sanction_id: int) -> AppealRow | None:
        return await self._session.scalar(select(AppealRow).where(AppealRow.open_sanction_id == sanction_id))


def _waits_for(user: UserKey) -> tuple[ColumnElement[bool], ...]:
    """Tell decisions that nobody could bring to the user and that wait until they come."""
    return (
        AppealRow.platform == user.platform,
        AppealRow.user_id == user.id,
        AppealRow.decided_at.is_not(None),
        AppealRow.told_at.is_(None),
        AppealRow.tell_at.is_(None),
    )


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
        language=row.language,
        told_at=row.told_at,
        tries=row.tries,
    )
