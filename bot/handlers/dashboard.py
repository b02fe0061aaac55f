"""/dashboard: a one-time link to the moderators' page, and its revocation."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from bot.answers import Answer
from bot.desk import Value
from bot.handlers.visit import Run, Visit
from storage.dashboard_passes import DashboardPassStore
from storage.database import Database
from storage.records import DashboardPass, PassKind

LINK_LASTS = timedelta(minutes=5)
TOKEN_BYTES = 32


class DashboardHandler:
    """Gives moderators a link that opens the dashboard as them, for the place they asked in."""

    def __init__(self, database: Database, url: str) -> None:
        """Keep passes in `database`; `url` is where the dashboard is opened, empty where there is none."""
        self._database = database
        self._url = url.rstrip("/")

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {"dashboard": self.run}

    async def run(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Give a link, or make every link and session of this account worthless."""
        if arguments.get("action") == "revoke":
            async with self._database.begin() as session:
                count = await DashboardPassStore(session).revoke(visit.user, visit.now)
            return visit.say("dashboard.revoked", count=count)
        if not self._url:
            return visit.say("dashboard.off")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link = DashboardPass(
            kind=PassKind.LINK,
            user=visit.user,
            community=visit.actor.place.community,
            locale=visit.texts.language,
            created_at=visit.now,
            expires_at=visit.now + LINK_LASTS,
        )
        async with self._database.begin() as session:
            store = DashboardPassStore(session)
            await store.drop_old(visit.now)
            await store.issue(token, link)
        minutes = LINK_LASTS // timedelta(minutes=1)
        return Answer(text=visit.texts.get("dashboard.link", minutes=minutes), address=f"{self._url}/enter/{token}")
