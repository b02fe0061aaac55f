"""The queue of appeals: what people say against their sanctions, oldest first."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.commands import LONGEST_TEXT
from bot.dashboard.door import Visitor
from bot.dashboard.pages import Pages
from storage.appeals import AppealStore
from storage.case_log import CaseLogStore
from storage.database import Database
from storage.records import Appeal, Sanction

PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An open appeal and the sanction that it is about; `is_own` where the visitor must leave it to others."""

    appeal: Appeal
    case: Sanction
    is_own: bool


class AppealsPage:
    """Shows the open appeals within the visitor's scope."""

    def __init__(self, database: Database, pages: Pages) -> None:
        """Read `database`."""
        self._database = database
        self._pages = pages

    async def show(self, _: Request, visitor: Visitor) -> Response:
        """Show the oldest open appeals; how many wait in all stands above them."""
        visit = visitor.visit
        async with self._database.read() as session:
            appeals = await AppealStore(session).waiting(visit.scope)
            numbers = [appeal.sanction_id for appeal in appeals[:PAGE]]
            cases = {case.id: case for case in await CaseLogStore(session).of_ids(numbers, visit.scope)}
        waiting = [
            Waiting(
                appeal=appeal,
                case=cases[appeal.sanction_id],
                is_own=visit.is_me(appeal.user),
            )
            for appeal in appeals[:PAGE]
            if appeal.sanction_id in cases
        ]
        return self._pages.show(
            visitor, "appeals.html", here="appeals", waiting=waiting, count=len(appeals), longest=LONGEST_TEXT
        )
