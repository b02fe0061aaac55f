"""Charts over time, and how many cases stand open."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot.dashboard.charts import Span, begins_of, draw
from bot.dashboard.door import Visitor
from bot.dashboard.pages import Pages
from storage.appeals import AppealStore
from storage.case_log import CaseLogStore
from storage.database import Database
from storage.reports import ReportStore
from storage.sanctions import SanctionStore


class ChartsPage:
    """Counts within the visitor's scope."""

    def __init__(self, database: Database, pages: Pages) -> None:
        """Count in `database`."""
        self._database = database
        self._pages = pages

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show the chart of the span that the address asks for, else of the last 30 days."""
        visit, zone = visitor.visit, visitor.visit.actor.zone
        asked = request.query_params.get("span", "")
        span = Span(asked) if asked in tuple(Span) else Span.MONTH
        begins = begins_of(span, visit.now, zone)
        async with self._database.read() as session:
            counts = await CaseLogStore(session).counts(visit.scope, begins)
            open_now = {
                "blocks": await SanctionStore(session).count_in_force(visit.now, visit.scope),
                "appeals": len(await AppealStore(session).waiting(visit.scope)),
                "reports": len(await ReportStore(session).waiting(visit.scope)),
            }
        return self._pages.show(
            visitor,
            "charts.html",
            here="charts",
            chart=draw(counts, begins),
            span=span,
            spans=tuple(Span),
            total=sum(each.count for each in counts),
            open_now=open_now,
        )
