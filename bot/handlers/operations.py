"""/stats and /sync: what admins and owners ask about the running bot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.answers import Answer
from bot.desk import Sync, Value
from bot.handlers.visit import Run, Visit
from storage.appeals import AppealStore
from storage.database import Database
from storage.reports import ReportStore
from storage.sanctions import SanctionStore
from storage.turns import TurnStore

_FAILED = "error"
_SPANS = {"stats.day": timedelta(days=1), "stats.week": timedelta(days=7)}


class OperationHandler:
    """Counts turns and open cases, and has commands registered anew."""

    def __init__(self, database: Database) -> None:
        """Count in `database`."""
        self._database = database
        self._syncs: dict[str, Sync] = {}

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {"stats": self.stats, "sync": self.sync}

    def offer_sync(self, platform: str, sync: Sync) -> None:
        """Take what registers a platform's commands anew."""
        self._syncs[platform] = sync

    async def stats(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Count turns and users of this community, or, for owners in private, of the platform; and open cases."""
        lines = [visit.texts.get("stats.title")]
        async with self._database.read() as session:
            for key, span in _SPANS.items():
                totals = await TurnStore(session).totals(visit.scope, visit.now - span)
                replies, failed = totals.by_outcome.get("reply", 0), totals.by_reason.get(_FAILED, 0)
                refused = sum(totals.by_outcome.values()) - replies - failed
                lines.append(visit.texts.get(key, replies=replies, refused=refused, failed=failed, users=totals.users))
            blocks = await SanctionStore(session).count_in_force(visit.now, visit.scope)
            appeals = len(await AppealStore(session).waiting(visit.scope))
            reports = len(await ReportStore(session).waiting(visit.scope))
        lines.append(visit.texts.get("stats.cases", blocks=blocks, appeals=appeals, reports=reports))
        return Answer(text="\n".join(lines))

    async def sync(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Register the commands of this platform anew."""
        sync = self._syncs.get(visit.user.platform)
        if sync is None:
            return visit.say("sync.missing")
        return visit.say("sync.done", count=await sync())
