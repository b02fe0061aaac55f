"""One user's history: rungs, sanctions, appeals and the moderators' notes, within the visitor's scope."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.dashboard.door import Visitor
from bot.dashboard.pages import Pages
from storage.appeals import AppealStore
from storage.database import Database
from storage.notes import NoteStore
from storage.records import Sanction, SanctionState, UserKey
from storage.sanctions import SanctionStore

_LONGEST_ID = 128


class UserPage:
    """Shows what there is on a user."""

    def __init__(self, database: Database, pages: Pages) -> None:
        """Read `database`."""
        self._database = database
        self._pages = pages

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show the user of the address; somebody without a row within the scope is nobody here."""
        visit, number = visitor.visit, request.path_params["user"]
        if len(number) > _LONGEST_ID:
            raise HTTPException(404)
        user = UserKey(platform=visit.user.platform, id=number)
        async with self._database.read() as session:
            cases = await SanctionStore(session).of_user_within(user, visit.scope)
            notes = await NoteStore(session).of_user(user, visit.scope)
            appeals = await AppealStore(session).of_user(user)
        if not cases and not notes:
            raise HTTPException(404)
        seen = {case.id for case in cases}
        return self._pages.show(
            visitor,
            "user.html",
            here="log",
            user=user,
            cases=cases,
            notes=notes,
            appeals=[appeal for appeal in appeals if appeal.sanction_id in seen],
            totals=totals(cases, visit.now),
        )


def totals(cases: Iterable[Sanction], now: datetime) -> dict[str, int]:
    """Return how many sanctions stand where, by state; states that none is in are left out."""
    states = [case.state(now).value for case in cases]
    return {state.value: states.count(state.value) for state in SanctionState if state.value in states}
