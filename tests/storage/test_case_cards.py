"""Check the cards of cases as their own outbox: what makes them due, and that no change is lost between two writes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.appeals import AppealStore
from storage.case_cards import CaseCardStore
from storage.database import Database
from storage.forgetting import forget_user
from storage.records import AppealState, CaseCard, UserKey
from storage.sanctions import SanctionStore
from tests.storage.conftest import MakeSanction

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Give = Callable[..., Awaitable[int]]
MODERATOR = UserKey(platform="discord", id="5005")


@pytest.fixture
def give(database: Database, make_sanction: MakeSanction) -> Give:
    """Store a sanction in a community and return its number."""

    async def give(of: UserKey | None = None, community: str | None = "9", **more: object) -> int:
        case = make_sanction(**({"of": of} if of else {}), **more)
        async with database.begin() as session:
            stored = await SanctionStore(session).add(replace(case, community=community))
        assert stored.id is not None
        return stored.id

    return give


async def card_of(database: Database, number: int) -> CaseCard:
    async with database.read() as session:
        card = await CaseCardStore(session).of_sanction(number)
    assert card is not None
    return card


async def due(
    database: Database, now: datetime, *, limit: int = 10, platforms: tuple[str, ...] = ("discord",)
) -> list[int]:
    async with database.read() as session:
        return [card.sanction_id for card in await CaseCardStore(session).due(platforms, now, limit)]


async def show(database: Database, number: int, now: datetime, next_at: datetime | None = None) -> CaseCard:
    """Write a card as the rounds do; return what stands then."""
    async with database.begin() as session:
        await CaseCardStore(session).begin_message(number, "88")
    card = await card_of(database, number)
    async with database.begin() as session:
        await CaseCardStore(session).note_shown(card, "m1", next_at)
    return await card_of(database, number)


async def test_sanction_in_a_community_is_due_at_once_and_one_in_private_never(
    database: Database, now: datetime, give: Give
) -> None:
    assert await due(database, now) == []
    await give()
    await give(community=None)
    assert await due(database, now - MINUTE) == []
    assert await due(database, now) == [1]
    assert await due(database, now, platforms=("telegram",)) == []


async def test_card_that_was_written_is_due_again_at_the_end_of_its_block_only(
    database: Database, now: datetime, give: Give
) -> None:
    await give(block=DAY)
    card = await show(database, 1, now, now + DAY)
    assert (card.channel, card.message_id, card.revision, card.shown) == ("88", "m1", 1, 1)
    assert await due(database, now + DAY - MINUTE) == []
    assert await due(database, now + DAY) == [1]


async def test_whatever_happens_in_a_case_makes_its_card_due(database: Database, now: datetime, give: Give) -> None:
    number = await give(block=7 * DAY)
    revisions = [(await show(database, number, now)).revision]

    async def next_revision() -> int:
        assert await due(database, now + MINUTE) == [number]
        return (await show(database, number, now + MINUTE)).revision

    async with database.begin() as session:
        sanction = await SanctionStore(session).get_any(number)
        await AppealStore(session).open(sanction, "억울해요", now)
    revisions.append(await next_revision())
    async with database.begin() as session:
        await SanctionStore(session).end(number, now + DAY, MODERATOR, "짧게", now)
    revisions.append(await next_revision())
    async with database.begin() as session:
        await AppealStore(session).decide(number, AppealState.GRANTED, MODERATOR, "짧게", now)
    revisions.append(await next_revision())
    async with database.begin() as session:
        await SanctionStore(session).overturn(number, MODERATOR, "오해", now)
    revisions.append(await next_revision())
    assert revisions == sorted(set(revisions))
    assert await due(database, now + DAY) == []


async def test_change_between_reading_and_noting_leaves_the_card_due(
    database: Database, now: datetime, give: Give
) -> None:
    await give(block=7 * DAY)
    async with database.begin() as session:
        begun = await CaseCardStore(session).begin_message(1, "88")
    async with database.begin() as session:
        await SanctionStore(session).end(1, now + DAY, MODERATOR, "짧게", now)
        await CaseCardStore(session).note_shown(begun, "m1", None)
    card = await card_of(database, 1)
    assert (card.message_id, card.shown, card.revision) == ("m1", 1, 2)
    assert await due(database, now) == [1]


async def test_card_that_failed_waits_unless_its_case_changes(database: Database, now: datetime, give: Give) -> None:
    await give(block=7 * DAY)
    card = await card_of(database, 1)
    async with database.begin() as session:
        await CaseCardStore(session).put_off(card, now + MINUTE)
    assert await due(database, now) == []
    assert (await card_of(database, 1)).tries == 1
    async with database.begin() as session:
        await SanctionStore(session).end(1, now + DAY, MODERATOR, "짧게", now)
        await CaseCardStore(session).put_off(card, now + MINUTE)  # of the try before
    assert (await card_of(database, 1)).tries == 0
    assert await due(database, now) == [1]


async def test_message_that_is_begun_again_keeps_its_name_and_a_new_one_gets_another(
    database: Database, now: datetime, give: Give
) -> None:
    await give()
    postings = []
    for channel in ("88", "88", "99"):
        async with database.begin() as session:
            postings.append((await CaseCardStore(session).begin_message(1, channel)).posting)
    card = await card_of(database, 1)
    async with database.begin() as session:
        store = CaseCardStore(session)
        await store.note_shown(card, "m1", None)
        postings.append((await store.begin_message(1, "99")).posting)  # the message is gone
    assert postings == [1, 1, 2, 3]


async def test_card_that_stands_nowhere_forgets_its_channel(database: Database, now: datetime, give: Give) -> None:
    await give()
    shown = await show(database, 1, now)
    async with database.begin() as session:
        await CaseCardStore(session).note_shown(shown, None, None)
    card = await card_of(database, 1)
    assert (card.channel, card.message_id, card.due_at) == (None, None, None)


async def test_cards_that_wait_longest_come_first(database: Database, now: datetime, give: Give) -> None:
    for minutes in (2, 0, 1):
        await give(started_at=now + minutes * MINUTE)
    assert await due(database, now + DAY) == [2, 3, 1]
    assert await due(database, now + DAY, limit=2) == [2, 3]


async def test_cards_of_a_forgotten_user_are_due_and_those_of_others_are_not(
    database: Database, now: datetime, user: UserKey, stranger: UserKey, give: Give
) -> None:
    other = UserKey(platform=user.platform, id="2002")
    for of in (user, user, other, stranger):
        await show(database, await give(of=of), now)
    await give(of=user, community=None)
    await forget_user(database, user, now + MINUTE)
    assert await due(database, now + DAY, platforms=("discord", "telegram")) == [1, 2]
    card = await card_of(database, 1)
    assert (card.message_id, card.revision, card.shown, card.due_at) == ("m1", 2, 1, now + MINUTE)
