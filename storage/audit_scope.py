"""Read the audit as far as it concerns what a moderator may see."""

from sqlalchemy import String, cast, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import to_entry
from storage.records import AuditEntry, Scope
from storage.sanctions import is_within
from storage.tables import AppealRow, AuditRow, SanctionRow


class AuditScopeStore:
    """Read the audit inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def newest(self, scope: Scope, *, limit: int, before: int | None = None) -> list[AuditEntry]:
        """Return at most `limit` rows, newest first; those below number `before` where it is given.

        For a whole platform that is everything. For a community it is what was done to its sanctions, to appeals against them,
        and to its settings.
        """
        query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.number < before)
        if scope.community is not None:
            sanctions = select(literal("sanction:") + cast(SanctionRow.id, String)).where(is_within(scope))
            appeals = (
                select(literal("appeal:") + cast(AppealRow.id, String))
                .join(SanctionRow, SanctionRow.id == AppealRow.sanction_id)
                .where(is_within(scope))
            )
            query = query.where(
                or_(
                    AuditRow.subject.in_(sanctions),
                    AuditRow.subject.in_(appeals),
                    AuditRow.subject == f"community:{scope.platform}:{scope.community}",
                )
            )
        return [to_entry(row) for row in await self._session.scalars(query)]
