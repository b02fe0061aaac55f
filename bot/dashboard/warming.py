"""Do ahead what the first request of each kind would wait for, beside everything else.

Nothing that anybody wrote is opened until a moderator looks at the log: only then is a search likely, and only what they may see is
opened. What fails here is left to the request that needs it.
"""

from __future__ import annotations

import asyncio
import logging

from bot.dashboard.pages import Pages
from engine.types import Clock
from storage.case_log import CaseLogStore, EvidenceSearch
from storage.database import Database
from storage.records import CaseFilter, Scope
from storage.sanctions import SanctionStore

_log = logging.getLogger(__name__)
_MOST_WAITING = 8
_NOWHERE = "-"  # a platform that has no sanctions: what is asked for it prepares the questions and opens nothing


class Warming:
    """Prepares pages once, and evidence for whoever may search it next."""

    def __init__(self, database: Database, search: EvidenceSearch, pages: Pages, clock: Clock) -> None:
        """Prepare `pages`, and `search` over `database`."""
        self._clock = clock
        self._database = database
        self._search = search
        self._pages = pages
        self._scopes: asyncio.Queue[Scope] = asyncio.Queue(maxsize=_MOST_WAITING)

    def expect_search(self, scope: Scope) -> None:
        """Note that somebody may search within `scope` soon."""
        if not self._scopes.full():
            self._scopes.put_nowait(scope)

    async def settled(self) -> None:
        """Wait until all that was expected is opened."""
        await self._scopes.join()

    async def run(self) -> None:
        """Prepare until cancelled."""
        await self._prepare()
        while True:
            scope = await self._scopes.get()
            try:
                await self._search.open_ahead(self._database, scope)
            except Exception as error:  # a search will meet it again, and say so
                _log.debug("evidence was not opened ahead: %s", type(error).__name__)
            finally:
                self._scopes.task_done()

    async def _prepare(self) -> None:
        """Compile templates, read languages, and let the log's questions be put together."""
        try:
            await asyncio.to_thread(self._pages.prepare)
            for scope in (Scope(platform=_NOWHERE), Scope(platform=_NOWHERE, community=_NOWHERE)):
                async with self._database.read() as session:
                    await SanctionStore(session).categories(scope)
                    log = CaseLogStore(session)
                    await log.communities(scope)
                    await log.page(scope, CaseFilter(), self._clock(), limit=1)
        except Exception as error:
            _log.debug("pages were not prepared: %s", type(error).__name__)
