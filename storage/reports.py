"""Store messages that were reported to the moderators, sealed with the key of who wrote them."""

from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.records import AuditAction, Report, Scope, UserKey
from storage.sealing import SealedColumn, Sealer
from storage.tables import ReportRow
from storage.vault import new_sealer_of, vault_of


class ReportStore:
    """Read and write reports inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, reporter: UserKey, author: UserKey, community: str | None, text: str, link: str, now: datetime
    ) -> Report | None:
        """Store a report; None when an open report names the same message (its link) already."""
        query = select(ReportRow.id).where(ReportRow.platform == reporter.platform, ReportRow.open_link == link)
        if await self._session.scalar(query) is not None:
            return None
        sealer = await new_sealer_of(self._session, author)
        row = ReportRow(
            platform=reporter.platform,
            reporter_id=reporter.id,
            author_id=author.id,
            community=community,
            text=sealer.seal(SealedColumn.REPORT_TEXT, text),
            link=link,
            open_link=link,
            created_at=now,
        )
        self._session.add(row)
        await self._session.flush()
        return _to_record(row, sealer)

    async def close(self, report_id: int, scope: Scope, moderator: UserKey, now: datetime) -> bool:
        """Close an open report within `scope`; say whether there was such a one."""
        query = select(ReportRow).where(
            ReportRow.id == report_id, ReportRow.platform == scope.platform, ReportRow.open_link.is_not(None)
        )
        if scope.community is not None:
            query = query.where(ReportRow.community == scope.community)
        row = await self._session.scalar(query)
        if row is None:
            return False
        row.open_link = None
        row.closed_at = now
        row.moderator_id = moderator.id
        await self._session.flush()
        await AuditStore(self._session).append(moderator, AuditAction.REPORT_CLOSED, f"report:{row.id}", {}, now)
        return True

    async def waiting(self, scope: Scope) -> list[Report]:
        """Return the open reports within `scope`, oldest first."""
        query = select(ReportRow).where(ReportRow.platform == scope.platform, ReportRow.open_link.is_not(None))
        if scope.community is not None:
            query = query.where(ReportRow.community == scope.community)
        return await self._all(query.order_by(ReportRow.id))

    async def by_reporter(self, reporter: UserKey) -> list[Report]:
        """Return what somebody reported, oldest first."""
        ids = vault_of(self._session).ids_of(reporter)
        query = select(ReportRow).where(ReportRow.platform == reporter.platform, ReportRow.reporter_id.in_(ids))
        return await self._all(query.order_by(ReportRow.id))

    async def by_author(self, author: UserKey) -> list[Report]:
        """Return the reports of what somebody wrote, oldest first."""
        query = select(ReportRow).where(ReportRow.platform == author.platform, ReportRow.author_id == author.id)
        return await self._all(query.order_by(ReportRow.id))

    async def count_since(self, reporter: UserKey, since: datetime) -> int:
        """Count what somebody reported from `since` on."""
        query = select(func.count()).where(
            ReportRow.platform == reporter.platform,
            ReportRow.reporter_id.in_(vault_of(self._session).ids_of(reporter)),
            ReportRow.created_at >= since,
        )
        return await self._session.scalar(query) or 0

    async def _all(self, query: Select[ReportRow]) -> list[Report]:
        rows = list(await self._session.scalars(query))
        sealers = await vault_of(self._session).sealers(self._session, map(_author, rows))
        return [_to_record(row, sealers[_author(row)]) for row in rows]


def _author(row: ReportRow) -> UserKey:
    return UserKey(platform=row.platform, id=row.author_id)


def _to_record(row: ReportRow, sealer: Sealer) -> Report:
    return Report(
        id=row.id,
        reporter=UserKey(platform=row.platform, id=row.reporter_id),
        author=_author(row),
        community=row.community,
        text=sealer.open(SealedColumn.REPORT_TEXT, row.text),
        link=row.link,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )
