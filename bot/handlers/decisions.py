"""What moderators decide in a case: to uphold a sanction, to shorten or lift a block, to overturn it. One place, whoever asks.

Commands, buttons of cards and the moderators' page come here; who may decide at all (role, community) is theirs to check,
and `scope` says where. The decision, what it does to the sanction, the audit and what the user is to be told are one transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.commands import LONGEST_TEXT
from storage.appeals import AppealStore
from storage.database import Database
from storage.records import (
    Appeal,
    AppealState,
    Sanction,
    SanctionChange,
    SanctionKind,
    SanctionState,
    Scope,
    UserKey,
)
from storage.sanctions import SanctionStore


class Verdict(StrEnum):
    """What is decided. Ending a block lifts it, or shortens it where some of it is to remain."""

    UPHOLD = "uphold"
    END = "end"
    OVERTURN = "overturn"


class Refused(StrEnum):
    """Why nothing was decided; the words are the ends of keys in the catalogues."""

    NO_SUCH = "no_such"
    NO_REASON = "no_reason"
    OWN_CASE = "own_case"
    WARNING_HAS_NO_END = "warning_has_no_end"
    OVER_ALREADY = "over_already"
    NOT_SHORTER = "not_shorter"
    OVERTURNED_ALREADY = "overturned_already"
    DECIDED_ALREADY = "decided_already"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What somebody wants to decide: `remaining` is what stays of a block that ends; `appeal` the id of the appeal that they saw open."""

    number: int
    verdict: Verdict
    reason: str
    remaining: timedelta = timedelta()
    appeal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a decision did: to the sanction (None where it was upheld), and to the appeal that was open (None where none was)."""

    sanction: Sanction
    change: SanctionChange | None
    appeal: Appeal | None


class CaseDecisions:
    """Takes decisions."""

    def __init__(self, database: Database, owners: Collection[UserKey] = ()) -> None:
        """Write to `database`; accounts of `owners` on different platforms may be one person's."""
        self._database = database
        self._owners = frozenset(owners)

    async def decide(
        self,
        decider: UserKey,
        scope: Scope,
        ruling: Ruling,
        now: datetime,
        *,
        is_owner: bool = False,
        pseudonym: UserKey | None = None,
    ) -> Decided | Refused:
        """Decide a case within `scope`, once: of two who decide at the same time one is told that it is decided already.

        An owner of the bot may end a sanction of their own, but not decide on an appeal of theirs. `pseudonym` is what older records
        call the decider.
        """
        if not 0 < len(ruling.reason.strip()) <= LONGEST_TEXT:
            return Refused.NO_REASON
        async with self._database.begin() as session:
            sanction = await SanctionStore(session).get(ruling.number, scope)
            appeals = await AppealStore(session).of_sanction(ruling.number)
            appeal = next((each for each in appeals if each.state is AppealState.OPEN), None)
            if sanction is None:
                return Refused.NO_SUCH
            is_own = sanction.user == pseudonym or self.is_own(decider, sanction.user)
            if is_own and (appeal is not None or not is_owner):
                return Refused.OWN_CASE
            if (refused := _why_not(sanction, appeal, ruling, now)) is not None:
                return refused
            return await _carry_out(SanctionStore(session), AppealStore(session), decider, sanction, ruling, now)

    def is_own(self, decider: UserKey, user: UserKey) -> bool:
        """Tell whether a case may be the decider's own: this account's, or that of an owner on another platform who may be they."""
        both_own = decider in self._owners and user in self._owners
        return decider == user or (both_own and decider.platform != user.platform)


def _why_not(sanction: Sanction, appeal: Appeal | None, ruling: Ruling, now: datetime) -> Refused | None:
    if ruling.appeal is not None and (appeal is None or appeal.id != ruling.appeal):
        return Refused.DECIDED_ALREADY
    match ruling.verdict:
        case Verdict.UPHOLD:
            return None if appeal is not None else Refused.DECIDED_ALREADY
        case Verdict.OVERTURN:
            return Refused.OVERTURNED_ALREADY if sanction.decision is SanctionState.OVERTURNED else None
        case Verdict.END:
            return _why_not_ended(sanction, now + ruling.remaining, now)


async def _carry_out(
    sanctions: SanctionStore, appeals: AppealStore, decider: UserKey, sanction: Sanction, ruling: Ruling, now: datetime
) -> Decided:
    change = None
    reason = ruling.reason.strip()
    if ruling.verdict is Verdict.OVERTURN:
        change = await sanctions.overturn(ruling.number, decider, reason, now)
    elif ruling.verdict is Verdict.END:
        change = await sanctions.end(ruling.number, now + ruling.remaining, decider, reason, now)
    state = AppealState.DENIED if change is None else AppealState.GRANTED
    appeal = await appeals.decide(ruling.number, state, decider, reason, now)
    return Decided(sanction=sanction, change=change, appeal=appeal)


def _why_not_ended(sanction: Sanction, end: datetime, now: datetime) -> Refused | None:
    if sanction.kind is SanctionKind.WARNING:
        return Refused.WARNING_HAS_NO_END
    if not sanction.holds(now):
        return Refused.OVER_ALREADY
    if sanction.end is not None and end >= sanction.end:
        return Refused.NOT_SHORTER
    return None
