"""The audit: whether its chain is whole, and what people did, newest first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot.dashboard.door import Visitor
from bot.dashboard.numbers import read_number
from bot.dashboard.pages import Pages
from storage.audit import AuditStore
from storage.audit_check import check_audit
from storage.audit_scope import AuditScopeStore
from storage.database import Database

PAGE = 50


class AuditPage:
    """Shows owners the whole audit, moderators what concerns the sanctions, appeals and settings of their community."""

    def __init__(self, database: Database, pages: Pages) -> None:
        """Read `database`."""
        self._database = database
        self._pages = pages

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show a page of the audit, and look through the whole chain anew."""
        visit = visitor.visit
        before = read_number(request.query_params.get("before", ""))
        async with self._database.read() as session:
            audit = AuditStore(session)
            last, finding = await check_audit(audit, await audit.head())
            entries = await AuditScopeStore(session).newest(visit.scope, limit=PAGE + 1, before=before)
        shown = entries[:PAGE]
        return self._pages.show(
            visitor,
            "audit.html",
            here="audit",
            last=last,
            finding=finding,
            entries=shown,
            before=before,
            older=shown[-1].number if len(entries) > PAGE else None,
        )
