"""Check what replaying the log says: nothing under its own policy, and who gains or loses what under another."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.policy_file import load_policy
from engine.policy_replay import Comparison, Replay, Tally, replay_user
from engine.sanction_policy import SanctionPolicy, certain_offences, find_offences, proven_offences
from engine.sentencing import Sentencing
from engine.types import ChatRequest
from models.profile import load_profile
from storage.database import Database, open_database
from storage.forgetting import forget_user
from storage.judgement_log import GivenSanction, JudgedMessage, JudgementLog
from storage.observations import ObservationStore
from storage.records import ConversationKey, SanctionKind, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from tests.fakes import HATE, LOVE, NORMAL, PAEDRIP, POLITICS

PROFILE, POLICY = load_profile("ohlora-v4"), load_policy("default")
NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
USER = UserKey(platform="discord", id="1001")
BOUNDS = {NORMAL: 0.5, LOVE: 0.98, POLITICS: 0.95, PAEDRIP: 0.90, HATE: 0.90}


def message(
    after: timedelta, scores: dict[str, float], *given: GivenSanction, declined: tuple[str, ...] | None = ("미안",)
) -> JudgedMessage:
    return JudgedMessage(
        user=USER, judged_at=NOW + after, scores=scores, thresholds=BOUNDS, declined=declined, sanctions=given
    )


def given(
    category: str, level: int, after: timedelta, length: timedelta | None = None, *, is_overturned: bool = False
) -> GivenSanction:
    return GivenSanction(
        category=category,
        level=level,
        kind=SanctionKind.WARNING if length is None else SanctionKind.BLOCK,
        started_at=NOW + after,
        expires_at=None if length is None else NOW + after + length,
        ended_at=None,
        is_overturned=is_overturned,
    )


def changed(category: str, **changes: Any) -> SanctionPolicy:
    """Return the default policy with another category."""
    return replace(POLICY, categories={**POLICY.categories, category: replace(POLICY.categories[category], **changes)})


def replayed(policy: SanctionPolicy, *messages: JudgedMessage) -> Replay:
    return replay_user(USER, messages, policy, NORMAL)


# --- on a log that the engine itself wrote ---


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(StorageSettings.for_data_dir(tmp_path)) as database:
        yield database


async def live(
    database: Database, policy: SanctionPolicy, rng: random.Random, messages: int, *, first: int = 0
) -> None:
    """Let a few users offend while moderators lift, shorten and overturn; what is said under a block was on its way before."""
    now = NOW + first * 20 * DAY
    sentencing = Sentencing(profile=PROFILE, policy=policy, database=database, clock=lambda: now)
    async with database.begin() as session:
        store, moderator = SanctionStore(session), UserKey(platform="discord", id="7")
        for number in range(first, first + messages):
            now += rng.random() * 20 * DAY
            user = UserKey(platform="discord", id=str(rng.randrange(4)))
            if await store.active_block(user, now) is not None and rng.random() < 0.7:
                continue
            request = ChatRequest(
                request_id=f"r-{number}",
                user=user,
                conversation=ConversationKey(platform="discord", id="room"),
                text="…",
                received_at=now,
            )
            category = rng.choice([LOVE, POLITICS, PAEDRIP, HATE])
            scores = {category: rng.uniform(0.8, 1.0), rng.choice([LOVE, HATE]): rng.uniform(0, 1), NORMAL: 0.1}
            offences = find_offences(scores, PROFILE.ethics, policy)
            reply = rng.choice(["미안 😅", "좋아!"])
            if certain := certain_offences(offences, policy):
                await sentencing.sentence(store, request, scores, certain, None)
            elif proven := proven_offences(offences, policy, reply):
                await sentencing.sentence(store, request, scores, proven, reply)
            else:
                await sentencing.observe(ObservationStore(session), request, scores, reply, now)
                continue
            newest = (await store.of_user(user))[0]
            assert newest.id is not None
            draw = rng.random()
            if draw < 0.15 and newest.holds(now):
                await store.end(newest.id, now + rng.random() * DAY, moderator, "짧게", now)
            elif draw > 0.9:
                await store.overturn(newest.id, moderator, "오해", now)


async def replay_log(database: Database, policy: SanctionPolicy) -> Replay:
    async with database.read() as session:
        log = JudgementLog(session).by_user()
        return Replay.of([replay_user(user, messages, policy, NORMAL) async for user, messages in log])


@pytest.mark.parametrize("seed", range(4))
async def test_log_replayed_under_its_own_policy_changes_nothing(database: Database, seed: int) -> None:
    policy = POLICY
    if seed % 2:
        categories = {name: replace(each, decay=40 * DAY) for name, each in POLICY.categories.items()}
        policy = replace(POLICY, categories=categories)
    await live(database, policy, random.Random(seed), 120)
    found = await replay_log(database, policy)
    assert found.differences == ()
    assert found.unsaid == found.undecided == 0
    assert found.messages > 60
    assert found.set_aside > 0
    assert await replay_log(database, policy) == found  # and the same at every run


async def test_who_was_forgotten_and_came_back_is_one_person_who_is_not_named(database: Database) -> None:
    user = UserKey(platform="discord", id="0")
    await live(database, POLICY, random.Random(5), 60)
    await forget_user(database, user, NOW)
    await live(database, POLICY, random.Random(6), 60, first=60)
    async with database.read() as session:
        people = {person: messages async for person, messages in JudgementLog(session).by_user()}
    pseudonym = database.vault.pseudonym(user)
    assert user not in people
    moments = [message.judged_at for message in people[pseudonym]]
    assert moments == sorted(moments)
    assert moments[0] < NOW + 60 * 20 * DAY < moments[-1]
    assert {message.user for message in people[pseudonym]} == {pseudonym}
    assert (await replay_log(database, POLICY)).differences == ()


async def test_policy_without_offences_takes_everything_back(database: Database) -> None:
    await live(database, POLICY, random.Random(9), 60)
    found = await replay_log(database, replace(POLICY, normal_threshold=0.0))
    assert found.differences == found.comparisons != ()
    assert {each.replayed for each in found.comparisons} == {Tally()}


# --- one case at a time ---


def test_longer_step_is_what_its_user_would_lose() -> None:
    found = replayed(changed(HATE, ladder=(3 * DAY,)), message(HOUR, {HATE: 0.95}, given(HATE, 1, HOUR, DAY)))
    assert found.differences == (
        Comparison(
            user=USER,
            category=HATE,
            given=Tally(blocks=1, blocked=DAY, highest_level=1),
            replayed=Tally(blocks=1, blocked=3 * DAY, highest_level=1),
        ),
    )


def test_category_that_is_only_observed_gives_everything_back() -> None:
    found = replayed(
        changed(PAEDRIP, observe_only=True), message(HOUR, {PAEDRIP: 0.95}, given(PAEDRIP, 1, HOUR, 7 * DAY))
    )
    assert [(each.given.blocks, each.replayed) for each in found.differences] == [(1, Tally())]


def test_lower_threshold_reaches_what_was_only_observed() -> None:
    near = message(HOUR, {POLITICS: 0.9}), message(2 * HOUR, {POLITICS: 0.9}, declined=())
    found = replayed(changed(POLITICS, threshold=0.85), *near)
    assert [(each.category, each.given, each.replayed) for each in found.differences] == [
        (POLITICS, Tally(), Tally(warnings=1, highest_level=1))
    ]
    assert found.messages == 2


def test_what_would_not_have_reached_her_is_unsaid() -> None:
    first, second = message(HOUR, {POLITICS: 0.9}), message(2 * HOUR, {HATE: 0.95}, given(HATE, 1, 2 * HOUR, DAY))
    found = replayed(changed(POLITICS, threshold=0.85, ladder=(7 * DAY,)), first, second)
    assert found.unsaid == 1
    assert {each.category: each.replayed.blocks for each in found.comparisons} == {POLITICS: 1, HATE: 0}


def test_offences_at_the_same_time_are_judged_although_the_first_blocks() -> None:
    together = [
        message(HOUR, {HATE: 0.95}, given(HATE, level, HOUR, length)) for level, length in ((1, DAY), (2, 7 * DAY))
    ]
    found = replayed(POLICY, *together)
    assert (found.unsaid, found.differences) == (0, ())


def test_offence_that_needs_a_reply_nobody_wrote_is_undecided() -> None:
    blocked = message(HOUR, {HATE: 0.95, POLITICS: 0.99}, given(HATE, 1, HOUR, DAY), declined=None)
    found = replayed(changed(HATE, observe_only=True), blocked)
    assert found.undecided == 1
    assert [each.category for each in found.comparisons] == [HATE]


def test_reply_that_is_gone_proves_what_it_did_prove() -> None:
    forgotten = message(HOUR, {POLITICS: 0.99}, given(POLITICS, 1, HOUR), declined=None)
    assert replayed(POLICY, forgotten).differences == ()


def test_other_words_of_declining_prove_other_things() -> None:
    warned = message(HOUR, {POLITICS: 0.99}, given(POLITICS, 1, HOUR), declined=("부담",))
    assert replayed(changed(POLITICS, reply_needs=("미안",)), warned).differences[0].replayed == Tally()


def test_overturned_sanction_counts_on_neither_side() -> None:
    wrong = message(HOUR, {HATE: 0.95}, given(HATE, 1, HOUR, DAY, is_overturned=True))
    found = replayed(POLICY, wrong)
    assert (found.set_aside, found.comparisons) == (1, ())


def test_sums_of_everybody_are_by_category() -> None:
    one = Comparison(user=USER, category=HATE, given=Tally(blocks=1, blocked=DAY, highest_level=3), replayed=Tally())
    both = Replay.of([Replay(messages=2, comparisons=(one,)), Replay(messages=3, unsaid=1, comparisons=(one,))])
    assert (both.messages, both.unsaid) == (5, 1)
    assert both.by_category == {HATE: (Tally(blocks=2, blocked=2 * DAY, highest_level=3), Tally())}
