"""Check the sanction log against a real database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database
from storage.records import MANUAL, Sanction, SanctionAction, SanctionChange, SanctionState, Scope, UserKey
from storage.sanctions import SanctionStore

HOUR = timedelta(hours=1)
DISCORD = Scope(platform="discord")
HOSTILE = "'; DROP TABLE sanctions; -- \" %s :name ?1 \\ \x00 \n💗사💗랑💗 é e\u0301 \u200b"


async def levels_of(store: SanctionStore, user: UserKey) -> dict[str, int]:
    """Return the highest rung that a user's sanctions count as, by category."""
    levels: dict[str, int] = {}
    for rung in await store.rungs(user):
        levels[rung.category] = max(rung.level, levels.get(rung.category, 0))
    return levels


async def test_stored_sanction_comes_back_whole_with_an_id(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction]
) -> None:
    sanction = make_sanction(block=HOUR)
    async with database.begin() as session:
        stored = await SanctionStore(session).add(sanction)
    assert stored.id is not None
    assert replace(stored, id=None) == sanction
    async with database.read() as session:
        assert await SanctionStore(session).of_user(user) == [stored]


async def test_sql_looking_text_is_stored_verbatim_in_every_field(
    database: Database, make_sanction: Callable[..., Sanction]
) -> None:
    user = UserKey(platform=HOSTILE, id=HOSTILE)
    plain = make_sanction(category=HOSTILE, of=user, text=HOSTILE, reply=HOSTILE)
    evidence = replace(
        plain.evidence,
        scores={HOSTILE: 0.1},
        thresholds={HOSTILE: 0.2},
        profile=HOSTILE,
        policy_version=HOSTILE,
        request_id=HOSTILE,
        declined=(HOSTILE,),
        link=HOSTILE,
    )
    sanction = replace(plain, evidence=evidence)
    async with database.begin() as session:
        await SanctionStore(session).add(sanction)
    async with database.read() as session:
        (stored,) = await SanctionStore(session).of_user(user)
    assert replace(stored, id=None) == sanction


async def test_times_come_back_as_aware_utc(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction]
) -> None:
    seoul = timezone(timedelta(hours=9))
    started_at = datetime(2026, 3, 14, 3, 0, 0, 1, tzinfo=seoul)
    async with database.begin() as session:
        await SanctionStore(session).add(make_sanction(started_at=started_at, block=HOUR))
    async with database.read() as session:
        (stored,) = await SanctionStore(session).of_user(user)
    assert stored.started_at == started_at
    assert stored.started_at.tzinfo is UTC
    assert stored.expires_at is not None
    assert stored.expires_at.tzinfo is UTC


async def test_stored_sanction_is_not_added_twice(database: Database, make_sanction: Callable[..., Sanction]) -> None:
    async with database.begin() as session:
        stored = await SanctionStore(session).add(make_sanction())
        with pytest.raises(ValueError, match="stored already"):
            await SanctionStore(session).add(stored)


async def test_newest_sanction_comes_first(
    database: Database,
    user: UserKey,
    stranger: UserKey,
    make_sanction: Callable[..., Sanction],
    now: datetime,
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        for hours in (2, 0, 1):
            await store.add(make_sanction(level=hours + 1, started_at=now + hours * HOUR))
        await store.add(make_sanction(of=stranger))
        assert [sanction.level for sanction in await store.of_user(user)] == [3, 2, 1]


async def test_block_holds_until_its_expiry(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        block = await store.add(make_sanction(block=HOUR))
        second = timedelta(seconds=1)
        assert await store.active_block(user, now) == block
        assert await store.active_block(user, now + HOUR - second) == block
        assert await store.active_block(user, now + HOUR) is None
        assert await store.active_block(user, now - second) == block  # a clock set back


async def test_active_block_is_the_one_that_ends_last(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        longest = await store.add(make_sanction("패드립", block=7 * HOUR))
        await store.add(make_sanction("혐오/기타", block=HOUR))
        await store.add(make_sanction("정치"))
        assert await store.active_block(user, now) == longest


async def test_warning_or_somebody_elses_block_does_not_block(
    database: Database,
    user: UserKey,
    stranger: UserKey,
    make_sanction: Callable[..., Sanction],
    now: datetime,
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        await store.add(make_sanction())
        await store.add(make_sanction(block=HOUR, of=stranger))
        assert await store.active_block(user, now) is None


async def test_user_without_sanctions_has_no_levels(database: Database, user: UserKey) -> None:
    async with database.read() as session:
        assert await levels_of(SanctionStore(session), user) == {}
        assert await SanctionStore(session).of_user(user) == []


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(given=st.lists(st.tuples(st.sampled_from("가나다"), st.integers(1, 9)), max_size=12))
async def test_level_is_the_highest_of_each_category(
    database: Database, make_sanction: Callable[..., Sanction], given: list[tuple[str, int]]
) -> None:
    user = UserKey(platform="console", id=str(uuid4()))
    async with database.begin() as session:
        store = SanctionStore(session)
        for category, level in given:
            await store.add(make_sanction(category, level, of=user))
        levels = await levels_of(store, user)
    expected: dict[str, int] = {}
    for category, level in given:
        expected[category] = max(level, expected.get(category, 0))
    assert levels == expected


# --- what moderators do ---


async def test_manual_sanctions_stand_on_no_ladder(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction]
) -> None:
    by_hand = make_sanction(level=1)
    by_hand = replace(by_hand, evidence=replace(by_hand.evidence, policy_version=MANUAL))
    async with database.begin() as session:
        stored = await SanctionStore(session).add(by_hand, by=stranger)
        assert stored.is_manual
        assert await levels_of(SanctionStore(session), user) == {}
        await SanctionStore(session).add(make_sanction(level=2))
        assert await levels_of(SanctionStore(session), user) == {"정치": 2}


async def test_manual_block_holds_in_its_community_and_the_engines_everywhere(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    block = replace(make_sanction(block=2 * HOUR), community="9")
    by_hand = replace(block, evidence=replace(block.evidence, policy_version=MANUAL), expires_at=now + 3 * HOUR)
    async with database.begin() as session:
        store = SanctionStore(session)
        engine, local = await store.add(block), await store.add(by_hand, by=stranger)
        assert await store.active_block(user, now, "9") == local
        assert await store.active_block(user, now, "10") == engine
        assert await store.active_block(user, now) == engine
        everywhere = await store.add(replace(by_hand, community=None, expires_at=now + 4 * HOUR), by=stranger)
        assert await store.active_block(user, now) == everywhere


async def test_ended_block_holds_no_longer_but_its_level_stays(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        block = await store.add(make_sanction(level=3, block=10 * HOUR))
        number = block.id or 0
        reduced = await store.end(number, now + 2 * HOUR, stranger, "줄임", now)
        assert reduced == SanctionChange(
            sanction_id=number,
            action=SanctionAction.REDUCED,
            moderator=stranger,
            reason="줄임",
            changed_at=now,
            old_end=now + 10 * HOUR,
            new_end=now + 2 * HOUR,
        )
        active = await store.active_block(user, now + HOUR)
        assert active is not None
        assert (active.end, active.expires_at) == (now + 2 * HOUR, now + 10 * HOUR)
        assert await store.active_block(user, now + 2 * HOUR) is None
        lifted = await store.end(number, now - HOUR, stranger, "풀음", now + HOUR)
        assert (lifted.action, lifted.new_end) == (SanctionAction.LIFTED, now + HOUR)
        assert await store.active_block(user, now + HOUR) is None
        assert await levels_of(store, user) == {"정치": 3}
        assert await store.changes([number]) == [reduced, lifted]


async def test_what_cannot_end_earlier_is_refused(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        await store.add(make_sanction())
        await store.add(make_sanction(block=HOUR))
        for number, end, at in ((1, now, now), (2, now + HOUR, now), (2, now, now + HOUR), (99, now, now)):
            with pytest.raises(ValueError, match=f"sanction {number} is no block"):
                await store.end(number, end, user, "그냥", at)


async def test_overturned_sanction_ends_counts_nothing_and_gives_its_rung_back(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        for level in (1, 2, 3):
            await store.add(make_sanction(level=level, block=level * HOUR))
        await store.add(make_sanction("패드립", level=2))
        await store.add(make_sanction(level=1, of=stranger))
        change = await store.overturn(2, stranger, "오해", now + HOUR)
        assert (change.action, change.old_end, change.new_end) == (
            SanctionAction.OVERTURNED,
            now + 2 * HOUR,
            now + HOUR,
        )
        assert await levels_of(store, user) == {"정치": 2, "패드립": 2}  # the third was climbed from the second
        assert await levels_of(store, stranger) == {"정치": 1}
        second, third = await store.get(2, DISCORD), await store.get(3, DISCORD)
        assert second is not None
        assert third is not None
        assert (second.state(now + HOUR), second.level, second.holds(now + HOUR)) == (
            SanctionState.OVERTURNED,
            2,
            False,
        )
        assert (third.state(now), third.level, third.end) == (SanctionState.ACTIVE, 3, now + 3 * HOUR)
        await store.overturn(3, stranger, "이것도", now + 5 * HOUR)
        assert await levels_of(store, user) == {"정치": 1, "패드립": 2}
        await store.overturn(1, stranger, "이것도", now + 5 * HOUR)
        assert await levels_of(store, user) == {"패드립": 2}


async def test_overturning_takes_no_rung_from_what_began_anew(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        await store.add(make_sanction(level=1))
        await store.add(make_sanction(level=1))  # the first had decayed
        await store.overturn(1, user, "오해", now)
        assert await levels_of(store, user) == {"정치": 1}


async def test_sanction_is_overturned_once_and_lifted_no_more(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        await store.add(make_sanction(block=HOUR))
        await store.overturn(1, user, "오해", now)
        for number in (1, 99):
            with pytest.raises(ValueError, match=f"sanction {number} is no sanction"):
                await store.overturn(number, user, "다시", now)
        with pytest.raises(ValueError, match="sanction 1 is no block"):
            await store.end(1, now, user, "다시", now)
        assert len(await store.changes([1])) == 1


async def test_states_follow_the_clock_and_what_moderators_did(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        await store.add(make_sanction())
        for _ in range(3):
            await store.add(make_sanction(block=5 * HOUR))
        await store.end(3, now + HOUR, user, "짧게", now)
        await store.end(4, now, user, "그만", now)
        found = (await store.of_user(user))[::-1]
    active, expired, reduced, lifted = (SanctionState(name) for name in ("active", "expired", "reduced", "lifted"))
    assert [each.state(now) for each in found] == [active, active, reduced, lifted]
    assert [each.state(now + HOUR) for each in found] == [active, active, expired, lifted]
    assert [each.state(now + 5 * HOUR) for each in found] == [active, expired, expired, lifted]


async def test_given_by_hand_names_its_moderator_and_no_other_does(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction]
) -> None:
    by_hand = replace(make_sanction(), evidence=replace(make_sanction().evidence, policy_version=MANUAL))
    async with database.begin() as session:
        for sanction, by in ((by_hand, None), (make_sanction(), user)):
            with pytest.raises(ValueError, match="names its moderator"):
                await SanctionStore(session).add(sanction, by=by)
        assert await SanctionStore(session).of_user(user) == []


def test_margin_is_the_score_above_its_threshold(make_sanction: Callable[..., Sanction]) -> None:
    sanction = make_sanction()
    assert sanction.margin == 0.02
    assert replace(sanction, evidence=replace(sanction.evidence, scores={})).margin is None


async def test_scope_bounds_what_is_listed(
    database: Database, user: UserKey, stranger: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    async with database.begin() as session:
        store = SanctionStore(session)
        for community in ("9", "10", None):
            await store.add(replace(make_sanction(block=HOUR), community=community))
        await store.add(make_sanction("패드립", block=HOUR, of=stranger))
        for scope, expected in (
            (Scope(platform="discord", community="9"), [1]),
            (Scope(platform="discord"), [3, 2, 1]),
            (Scope(platform="telegram"), [4]),
        ):
            assert [each.id for each in await store.in_force(now, scope)] == expected
            assert await store.in_force(now + HOUR, scope) == []
            assert [each.id for each in await store.of_category("정치", scope)] == [n for n in expected if n != 4]
            assert (await store.get(1, scope) is None) == (1 not in expected)
        assert [each.id for each in await store.of_user_within(user, Scope(platform="discord", community="9"))] == [1]
        assert await store.categories(Scope(platform="telegram")) == ["패드립"]
