"""Check whose case is one's own, and that a decision is one transaction with its audit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.handlers.decisions import CaseDecisions, Decided, Refused, Ruling, Verdict
from storage.appeals import AppealStore
from storage.audit import AuditStore
from storage.records import AppealState, AuditAction, SanctionState, Scope, UserKey
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import Lobby, user_key

DAY = timedelta(days=1)
JUDGE = user_key("3003")
EVERYWHERE = Scope(platform="discord")
ME_THERE = UserKey(platform="telegram", id="42")
OVERTURN = Ruling(number=1, verdict=Verdict.OVERTURN, reason="오해")


async def test_decision_is_kept_with_its_audit(lobby: Lobby, make_case: MakeCase) -> None:
    sanction = await lobby.sanction(make_case(block=7 * DAY))
    async with lobby.database.begin() as session:
        await AppealStore(session).open(sanction, "억울해요", lobby.clock(), "ko")
    done = await CaseDecisions(lobby.database).decide(JUDGE, EVERYWHERE, OVERTURN, lobby.clock())
    assert isinstance(done, Decided)
    assert done.appeal is not None
    assert (done.appeal.state, done.appeal.reason) == (AppealState.GRANTED, "오해")
    assert (await lobby.sanctions())[0].state(lobby.clock()) is SanctionState.OVERTURNED
    async with lobby.database.read() as session:
        entries = await AuditStore(session).newest(10)
    assert [(entry.action, entry.actor) for entry in entries] == [
        (AuditAction.APPEAL_DECIDED, JUDGE),
        (AuditAction.SANCTION_OVERTURNED, JUDGE),
    ]


@pytest.mark.parametrize(
    ("owners", "is_own"),
    [
        ((user_key("1001"), ME_THERE), True),  # both are owners: they may be one person
        ((ME_THERE,), False),
        ((user_key("1001"),), False),
        ((user_key("1001"), UserKey(platform="discord", id="42")), False),
    ],
)
def test_owners_on_two_platforms_may_be_one_person(lobby: Lobby, owners: tuple[UserKey, ...], is_own: bool) -> None:
    assert CaseDecisions(lobby.database, owners).is_own(ME_THERE, user_key("1001")) is is_own


async def test_owner_ends_a_sanction_of_their_own_but_no_appeal(lobby: Lobby, make_case: MakeCase) -> None:
    decisions = CaseDecisions(lobby.database)
    sanction = await lobby.sanction(make_case(user="3003", block=7 * DAY))
    async with lobby.database.begin() as session:
        await AppealStore(session).open(sanction, "억울해요", lobby.clock())
    for is_owner in (False, True):
        done = await decisions.decide(JUDGE, EVERYWHERE, OVERTURN, lobby.clock(), is_owner=is_owner)
        assert done is Refused.OWN_CASE
    second = await lobby.sanction(make_case(user="3003", block=7 * DAY))
    end = Ruling(number=second.id or 0, verdict=Verdict.END, reason="시험")
    assert await decisions.decide(JUDGE, EVERYWHERE, end, lobby.clock()) is Refused.OWN_CASE
    assert isinstance(await decisions.decide(JUDGE, EVERYWHERE, end, lobby.clock(), is_owner=True), Decided)


async def test_nothing_is_decided_outside_of_the_scope(lobby: Lobby, make_case: MakeCase) -> None:
    await lobby.sanction(make_case(block=7 * DAY, community="9"))
    for scope in (Scope(platform="telegram"), Scope(platform="discord", community="10")):
        done = await CaseDecisions(lobby.database).decide(JUDGE, scope, OVERTURN, lobby.clock())
        assert done is Refused.NO_SUCH
    assert (await lobby.sanctions())[0].decision is SanctionState.ACTIVE
