"""The sanction log: filters, words in the evidence, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from bot.dashboard.door import Visitor
from bot.dashboard.numbers import read_number
from bot.dashboard.pages import Pages
from bot.dashboard.warming import Warming
from storage.case_log import CaseLogStore, EvidenceSearch
from storage.database import Database
from storage.records import CaseFilter, Sanction, SanctionKind, SanctionState
from storage.sanctions import SanctionStore

PAGE = 50
_LONGEST_VALUE = 200
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_FIELDS = ("user", "category", "kind", "state", "community", "since", "until", "q")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the address asks for: the fields as they were typed, what they mean, and which of them mean nothing."""

    typed: Mapping[str, str]
    wanted: CaseFilter
    before: int | None
    wrong: tuple[str, ...]

    def older(self, last: Sanction) -> str:
        """Return the address of the page below a sanction."""
        return "/?" + urlencode({**self._given, "before": last.id})

    @property
    def newest(self) -> str:
        """The address of the first page."""
        return "/?" + urlencode(self._given)

    @property
    def _given(self) -> dict[str, object]:
        return {name: value for name, value in self.typed.items() if value}


class LogPage:
    """Shows the log within the visitor's scope."""

    def __init__(self, database: Database, search: EvidenceSearch, pages: Pages, warming: Warming) -> None:
        """Read `database`; look for words by `search`, which `warming` prepares for who looks at the log."""
        self._warming = warming
        self._database = database
        self._search = search
        self._pages = pages

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show a page of the log; a filter that cannot be read shows nothing, and says so."""
        visit = visitor.visit
        asked = read_query(request.query_params, visit.actor.zone)
        self._warming.expect_search(visit.scope)
        async with self._database.read() as session:
            log = CaseLogStore(session)
            categories = await SanctionStore(session).categories(visit.scope)
            communities = await log.communities(visit.scope) if visit.community is None else []
            found: list[Sanction] = []
            if asked.wrong:
                pass
            elif asked.wanted.text:
                found = await self._search.page(
                    session, visit.scope, asked.wanted, visit.now, limit=PAGE + 1, before=asked.before
                )
            else:
                found = await log.page(visit.scope, asked.wanted, visit.now, limit=PAGE + 1, before=asked.before)
        shown = found[:PAGE]
        return self._pages.show(
            visitor,
            "log.html",
            here="log",
            asked=asked,
            cases=shown,
            older=asked.older(shown[-1]) if len(found) > PAGE else None,
            categories=categories,
            communities=communities,
            states=tuple(SanctionState),
            kinds=tuple(SanctionKind),
        )


def read_query(query: Mapping[str, str], zone: ZoneInfo) -> _Asked:
    """Read the fields of the filter. What means nothing (a state that is none, a day that is none) is named in `wrong`."""
    typed = {name: query.get(name, "").strip()[:_LONGEST_VALUE] for name in _FIELDS}
    wrong: list[str] = []

    def read(name: str, meaning: Callable[[str], _T]) -> _T | None:
        try:
            return meaning(typed[name]) if typed[name] else None
        except ValueError:
            wrong.append(name)
            return None

    wanted = CaseFilter(
        user=typed["user"] or None,
        category=typed["category"] or None,
        kind=read("kind", SanctionKind),
        state=read("state", SanctionState),
        community=typed["community"] or None,
        since=read("since", lambda day: _midnight(day, zone)),
        until=read("until", lambda day: _midnight(day, zone, days=1)),
        text=typed["q"],
    )
    return _Asked(typed=typed, wanted=wanted, before=read_number(query.get("before", "")), wrong=tuple(wrong))


def _midnight(day: str, zone: ZoneInfo, *, days: int = 0) -> datetime:
    """Return the moment at which a day begins, or, with `days`, a later one."""
    found = date.fromisoformat(day)
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"{found.year} is no year of this log")
    return datetime.combine(found + timedelta(days=days), time(), zone)
