"""Read the sanction log as moderators look at it: filtered, searched, a page at a time, newest first.

Sanctions are numbered in the order in which they were given, so a page ends at a number and the next begins below it: new rows
move nothing, and a late page costs no more than an early one.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import CaseCount, CaseFilter, Sanction, SanctionState, Scope
from storage.sanctions import END, SanctionStore, is_within
from storage.tables import SanctionRow

if TYPE_CHECKING:
    from storage.database import Database

_FINAL = (SanctionState.LIFTED.value, SanctionState.OVERTURNED.value)


class CaseLogStore:
    """Read the log inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, scope: Scope, wanted: CaseFilter, now: datetime, *, limit: int, before: int | None = None
    ) -> list[Sanction]:
        """Return at most `limit` sanctions within `scope`, newest first; those below number `before` where it is given."""
        query = select(SanctionRow.id).where(*_conditions(scope, wanted, now, before))
        ids = list(await self._session.scalars(query.order_by(SanctionRow.id.desc()).limit(limit)))
        return await self.of_ids(ids, scope)

    async def of_ids(self, ids: Sequence[int], scope: Scope) -> list[Sanction]:
        """Return these sanctions as far as they are within `scope`, in the order of `ids`."""
        found = {each.id: each for each in await SanctionStore(self._session).of_ids(ids, scope)}
        return [found[number] for number in ids if number in found]

    async def counts(self, scope: Scope, begins: Sequence[datetime]) -> list[CaseCount]:
        """Count sanctions within `scope` by category and stretch of time, the largest counts first.

        `begins` are the moments at which the stretches begin, in order; each ends where the next begins, the last one never. What
        moderators gave by hand counts as the category `MANUAL`.
        """
        is_before = [(SanctionRow.started_at < end, place) for place, end in enumerate(begins[1:])]
        place = case(*is_before, else_=len(begins) - 1) if is_before else literal(0)
        counted = select(place.label("place"), SanctionRow.category).where(
            is_within(scope), SanctionRow.started_at >= begins[0]
        )
        stretch = counted.subquery()
        count = func.count().label("count")
        query = select(stretch.c.place, stretch.c.category, count).group_by(stretch.c.place, stretch.c.category)
        rows = await self._session.execute(query.order_by(count.desc(), stretch.c.category, stretch.c.place))
        return [CaseCount(place=row[0], category=row[1], count=row[2]) for row in rows]

    async def communities(self, scope: Scope) -> list[str]:
        """Return the communities that sanctions within `scope` came about in."""
        query = select(SanctionRow.community).where(is_within(scope), SanctionRow.community.is_not(None)).distinct()
        return [str(community) for community in await self._session.scalars(query.order_by(SanctionRow.community))]


class EvidenceSearch:
    """Finds words in what people said. Texts are sealed in the database, so they are compared in memory.

    The log is looked through from its newest end, and only as far as a page needs. A text that was read is kept for the next
    search; `forget` drops all, and so does an idle time. What is found is compared once more as the database has it now, so that
    nothing is shown that was erased meanwhile. `open_ahead` reads before anybody searches.
    """

    def __init__(self, idle_s: float = 600.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Drop every text `idle_s` after the last use; `sleep` is replaced in tests."""
        self._idle_s = idle_s
        self._sleep = sleep
        self._texts: dict[int, str] = {}  # as it is compared, by number
        self._drops = 0
        self._ahead: set[Scope] = set()  # opened ahead since then
        self._dropping: asyncio.TimerHandle | None = None

    @property
    def size(self) -> int:
        """How many texts are kept."""
        return len(self._texts)

    def forget(self) -> None:
        """Drop every text."""
        self._texts.clear()
        self._ahead.clear()
        self._drops += 1

    async def open_ahead(self, database: Database, scope: Scope) -> None:
        """Read the newest texts within `scope`, so that the first search need not; a few at a time, with rests for other work."""
        self._keep_for_now()
        if scope in self._ahead:
            return
        drops = self._drops
        query = select(SanctionRow.id).where(is_within(scope)).order_by(SanctionRow.id.desc()).limit(_MOST_AHEAD)
        async with database.read() as session:
            numbers = list(await session.scalars(query))
        unread = [number for number in numbers if number not in self._texts]
        for start in range(0, len(unread), _AHEAD_AT_ONCE):
            begun = time.perf_counter()
            async with database.read() as session:
                await self._read(CaseLogStore(session), scope, unread[start : start + _AHEAD_AT_ONCE])
            await self._sleep(_REST * (time.perf_counter() - begun))
        if drops == self._drops:
            self._ahead.add(scope)

    async def page(
        self,
        session: AsyncSession,
        scope: Scope,
        wanted: CaseFilter,
        now: datetime,
        *,
        limit: int,
        before: int | None = None,
    ) -> list[Sanction]:
        """Return a page of the sanctions that hold every word of `wanted.text`: in the message, the reply or a moderator's reason."""
        self._keep_for_now()
        log, words = CaseLogStore(session), _comparable(wanted.text).split()
        query = select(SanctionRow.id).where(*_conditions(scope, wanted, now, before))
        numbers = list(await session.scalars(query.order_by(SanctionRow.id.desc())))
        found: list[Sanction] = []
        for start in range(0, len(numbers), _AT_ONCE):
            some = numbers[start : start + _AT_ONCE]
            texts = await self._read(log, scope, some)
            hits = [number for number in some if _holds(texts.get(number, ""), words)]
            cut = hits[: limit - len(found)]
            confirmed = self._confirmed(await log.of_ids(cut, scope), words) if cut else []
            if len(confirmed) < len(cut):  # some of it was erased; now that this is known, look again
                return await self.page(session, scope, wanted, now, limit=limit, before=before)
            found += confirmed
            if len(found) >= limit:
                break
        return found

    async def _read(self, log: CaseLogStore, scope: Scope, numbers: list[int]) -> dict[int, str]:
        """Return these texts, and keep them, unless texts are dropped meanwhile: what was read before a drop may be erased by now."""
        texts = {number: self._texts[number] for number in numbers if number in self._texts}
        if unread := [number for number in numbers if number not in texts]:
            drops = self._drops
            opened = {case.id or 0: _said(case) for case in await log.of_ids(unread, scope)}
            if drops == self._drops:
                self._texts |= opened
                self._keep_for_now()
            texts |= opened
        return texts

    def _confirmed(self, cases: list[Sanction], words: list[str]) -> list[Sanction]:
        """Keep what the database still holds as it was compared; correct the rest."""
        self._texts |= {case.id or 0: _said(case) for case in cases}
        return [case for case in cases if _holds(self._texts[case.id or 0], words)]

    def _keep_for_now(self) -> None:
        if self._dropping is not None:
            self._dropping.cancel()
        self._dropping = asyncio.get_running_loop().call_later(self._idle_s, self.forget)


_AT_ONCE = 250  # texts opened and compared between two looks at whether the page is full
_MOST_AHEAD = 20_000  # texts opened before anybody searches
_AHEAD_AT_ONCE = 50
_REST = 2.0  # times as long as the opening before it took: a third of the loop at most, less where it has other work


def _said(case: Sanction) -> str:
    by_hand = case.category if case.is_manual else ""
    return _comparable(f"{case.evidence.text}\n{case.evidence.reply or ''}\n{by_hand}")


def _holds(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _comparable(text: str) -> str:
    """Return a text as it is compared: one form of each letter, small."""
    return unicodedata.normalize("NFKC", text).casefold()


def _conditions(scope: Scope, wanted: CaseFilter, now: datetime, before: int | None) -> list[ColumnElement[bool]]:
    conditions = [is_within(scope)]
    if wanted.user is not None:
        conditions.append(SanctionRow.user_id == wanted.user)
    if wanted.category is not None:
        conditions.append(SanctionRow.category == wanted.category)
    if wanted.kind is not None:
        conditions.append(SanctionRow.kind == wanted.kind.value)
    if wanted.community is not None:
        conditions.append(SanctionRow.community == wanted.community)
    if wanted.since is not None:
        conditions.append(SanctionRow.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(SanctionRow.started_at < wanted.until)
    if wanted.state is not None:
        conditions.append(_is_in_state(wanted.state, now))
    if before is not None:
        conditions.append(SanctionRow.id < before)
    return conditions


def _is_in_state(state: SanctionState, now: datetime) -> ColumnElement[bool]:
    """Tell what `Sanction.state` tells, in SQL."""
    is_over = func.coalesce(now >= END, False)
    if state is SanctionState.EXPIRED:
        return is_over & SanctionRow.state.not_in(_FINAL)
    if state.value in _FINAL:
        return SanctionRow.state == state.value
    return (SanctionRow.state == state.value) & ~is_over
