"""One sanction: what was said, the scores against their thresholds, what was done since, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.block_length import parse_length
from bot.commands import LONGEST_TEXT
from bot.dashboard.app import Form
from bot.dashboard.decisions import Decision, Decisions
from bot.dashboard.door import Visitor
from bot.dashboard.numbers import read_number
from bot.dashboard.pages import Pages
from bot.dashboard.scores import bars
from storage.appeals import AppealStore
from storage.audit import AuditStore
from storage.database import Database
from storage.records import Appeal, AuditEntry, Sanction, SanctionChange, SanctionKind, SanctionState
from storage.sanctions import SanctionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a timeline: `what` is the end of a key in the catalogues; `who` an id, empty for the bot."""

    at: datetime
    what: str
    who: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """All that is known of one case."""

    case: Sanction
    changes: Sequence[SanctionChange]
    appeals: Sequence[Appeal]
    audit: Sequence[AuditEntry]


class CasePage:
    """Shows a case within the visitor's scope and takes decisions on it."""

    def __init__(self, database: Database, decisions: Decisions, pages: Pages) -> None:
        """Read `database`; decide by `decisions`, as commands do."""
        self._database = database
        self._decisions = decisions
        self._pages = pages

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show the case of the address."""
        return await self._show(visitor, _number_of(request))

    async def decide(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Lift, reduce or overturn the case; the page then says what came of it."""
        number = _number_of(request)
        await self._read(visitor, number)  # what is not this visitor's to see is not theirs to change
        texts, reason = visitor.visit.texts, form.get("reason", "").strip()
        try:
            decision = Decision(form.get("decision", ""))
        except ValueError as error:
            raise HTTPException(400) from error
        length = parse_length(form.get("remaining", "").strip()) if decision is Decision.REDUCE else None
        if not 0 < len(reason) <= LONGEST_TEXT:
            said = texts.get("moderation.no_reason")
        elif decision is Decision.REDUCE and length is None:
            said = texts.get("moderation.bad_length")
        else:
            said = await self._decisions.decide(visitor.visit, number, decision, reason, length)
        return await self._show(visitor, number, said=said)

    async def _show(self, visitor: Visitor, number: int, said: str = "") -> Response:
        file, visit = await self._read(visitor, number), visitor.visit
        case = file.case
        return self._pages.show(
            visitor,
            "case.html",
            here="log",
            case=case,
            bars=bars(case.evidence, case.category),
            events=timeline(file, visit.now),
            appeals=file.appeals,
            audit=file.audit,
            offers=self._offers(visitor, case),
            said=said,
            longest=LONGEST_TEXT,
        )

    async def _read(self, visitor: Visitor, number: int) -> _File:
        async with self._database.read() as session:
            case = await SanctionStore(session).get(number, visitor.visit.scope)
            if case is None:
                raise HTTPException(404)
            return _File(
                case=case,
                changes=await SanctionStore(session).changes([number]),
                appeals=await AppealStore(session).of_sanction(number),
                audit=await AuditStore(session).of_subject(f"sanction:{number}"),
            )

    def _offers(self, visitor: Visitor, case: Sanction) -> tuple[Decision, ...]:
        """Return what this visitor may do with a case now; nobody decides their own, but an owner."""
        visit = visitor.visit
        if visit.is_me(case.user) and not visit.actor.rights.is_owner:
            return ()
        offers = [Decision.LIFT, Decision.REDUCE] if case.holds(visit.now) else []
        if case.decision is not SanctionState.OVERTURNED:
            offers.append(Decision.OVERTURN)
        return tuple(offers)


def timeline(file: _File, now: datetime) -> list[Event]:
    """Return what happened to a case, oldest first."""
    case = file.case
    given_by = case.evidence.request_id.partition(":")[2] if case.is_manual else ""
    events = [Event(at=case.started_at, what=case.kind.value, who=given_by)]
    events += [
        Event(at=each.changed_at, what=each.action.value, who=each.moderator.id, text=each.reason)
        for each in file.changes
    ]
    for appeal in file.appeals:
        events.append(Event(at=appeal.created_at, what="appealed", who=appeal.user.id, text=appeal.text))
        if appeal.decided_at is not None:
            events.append(Event(at=appeal.decided_at, what=f"appeal_{appeal.state.value}", text=appeal.reason or ""))
    if case.kind is SanctionKind.BLOCK and case.end is not None:
        is_cut = case.decision in (SanctionState.LIFTED, SanctionState.OVERTURNED)
        if not is_cut:
            events.append(Event(at=case.end, what="expired" if case.end <= now else "expires"))
    return sorted(events, key=lambda event: event.at)


def _number_of(request: Request) -> int:
    """Return the number in the address; what is no number is no case."""
    number = read_number(request.path_params["number"])
    if number is None:
        raise HTTPException(404)
    return number
