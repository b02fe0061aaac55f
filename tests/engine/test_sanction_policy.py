"""Check the ladders, the judgement of a message, and what levels stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy_file import load_policy
from engine.sanction_policy import (
    CategoryPolicy,
    SanctionPolicy,
    certain_offences,
    decide,
    find_offences,
    is_worth_observing,
    proven_offences,
    standing_levels,
    thresholds_under,
    words_of_declining,
)
from models.profile import EthicsThresholds
from storage.records import Rung, SanctionKind
from tests.fakes import HATE, LOVE, NORMAL, PAEDRIP, POLITICS

POLICY = load_policy("default")
NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST = 1461 * DAY
LADDERS: Mapping[str, tuple[timedelta | None, ...]] = {
    LOVE: (None, HOUR, DAY, 14 * DAY, LONGEST),
    POLITICS: (None, 3 * DAY, 7 * DAY, 30 * DAY, 365 * DAY),
    PAEDRIP: (7 * DAY, 30 * DAY, LONGEST),
    HATE: (DAY, 7 * DAY, 90 * DAY, LONGEST),
}
THRESHOLDS = EthicsThresholds(
    normal_category=NORMAL, normal=0.5, categories={LOVE: 0.98, POLITICS: 0.95, PAEDRIP: 0.90, HATE: 0.90}
)
CATEGORIES = st.sampled_from(list(LADDERS))
LEVELS = st.dictionaries(CATEGORIES, st.integers(min_value=1, max_value=40))
OFFENCES = st.lists(CATEGORIES, unique=True).map(tuple)


@pytest.mark.parametrize("category", LADDERS)
def test_shipped_ladder_is_the_missions(category: str) -> None:
    assert POLICY.categories[category].ladder == LADDERS[category]
    needs = ("미안", "부담") if category in (LOVE, POLITICS) else ()
    assert POLICY.categories[category].reply_needs == needs


@given(category=CATEGORIES, before=st.integers(min_value=0, max_value=40))
def test_single_offence_climbs_one_rung_and_stays_on_the_last(category: str, before: int) -> None:
    (step,) = decide((category,), {category: before} if before else {}, POLICY, NOW)
    length = LADDERS[category][min(before, len(LADDERS[category]) - 1)]
    assert (step.rung_before, step.level) == (before, before + 1)
    assert step.kind is (SanctionKind.WARNING if length is None else SanctionKind.BLOCK)
    assert step.expires_at == (None if length is None else NOW + length)


@given(offences=OFFENCES, levels=LEVELS)
def test_blocks_of_one_message_add_up_to_the_longest_at_most(offences: tuple[str, ...], levels: dict[str, int]) -> None:
    steps = decide(offences, levels, POLICY, NOW)
    assert [(step.category, step.level) for step in steps] == [(name, levels.get(name, 0) + 1) for name in offences]
    lengths = [LADDERS[name][min(levels.get(name, 0), len(LADDERS[name]) - 1)] for name in offences]
    assert [step.expires_at is None for step in steps] == [length is None for length in lengths]
    ends = [step.expires_at for step in steps if step.expires_at is not None]
    total = sum((length for length in lengths if length is not None), timedelta())
    assert max(ends, default=NOW) == NOW + min(total, LONGEST)
    assert ends == sorted(ends)


@given(offences=OFFENCES, levels=LEVELS)
def test_levels_of_other_categories_do_not_count(offences: tuple[str, ...], levels: dict[str, int]) -> None:
    own = {name: level for name, level in levels.items() if name in offences}
    assert decide(offences, own, POLICY, NOW) == decide(offences, levels, POLICY, NOW)


def test_no_offence_is_no_step() -> None:
    assert decide((), {LOVE: 3}, POLICY, NOW) == ()


SCORES = st.fixed_dictionaries({name: st.floats(min_value=-1, max_value=1) for name in (NORMAL, *LADDERS)})


@given(scores=SCORES)
def test_offences_are_the_scores_that_reach_their_threshold_unless_normal(scores: dict[str, float]) -> None:
    found = find_offences(scores, THRESHOLDS, POLICY)
    if scores[NORMAL] >= 0.5:
        assert found == ()
    else:
        assert set(found) == {name for name, bound in THRESHOLDS.categories.items() if scores[name] >= bound}


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ({LOVE: 0.98}, (LOVE,)),
        ({LOVE: 0.9799}, ()),
        ({LOVE: 1.0, NORMAL: 0.5}, ()),
        ({LOVE: 1.0, NORMAL: 0.4999}, (LOVE,)),
        ({HATE: 0.9, PAEDRIP: 0.9, POLITICS: 0.9}, (PAEDRIP, HATE)),
    ],
)
def test_offences_at_the_thresholds(scores: dict[str, float], found: tuple[str, ...]) -> None:
    assert find_offences(scores, THRESHOLDS, POLICY) == found


def test_insults_and_hate_need_no_reply() -> None:
    assert certain_offences((LOVE, POLITICS, PAEDRIP, HATE), POLICY) == (PAEDRIP, HATE)


@pytest.mark.parametrize("reply", ["미안, 그건 좀 그래 😅", "그건 부담스러워 😅", "미안... 부담돼"])
def test_reply_that_declines_proves_love_and_politics(reply: str) -> None:
    assert proven_offences((LOVE, POLITICS, PAEDRIP, HATE), POLICY, reply) == (LOVE, POLITICS)


@pytest.mark.parametrize("reply", ["", "나도 좋아! 😊"])
def test_reply_that_does_not_decline_proves_nothing(reply: str) -> None:
    assert proven_offences((LOVE, POLITICS, PAEDRIP, HATE), POLICY, reply) == ()


@given(
    level=st.integers(min_value=1, max_value=10_000), ladder=st.lists(st.sampled_from([None, HOUR, DAY]), min_size=1)
)
def test_step_past_the_end_of_any_ladder_is_its_last(level: int, ladder: list[timedelta | None]) -> None:
    expected = ladder[level - 1] if level <= len(ladder) else ladder[-1]
    assert CategoryPolicy(ladder=tuple(ladder), reply_needs=("미안",)).step(level) == expected


# --- levels ---


def rung(level: int, start: datetime, category: str = POLITICS, block: timedelta = timedelta()) -> Rung:
    return Rung(category=category, level=level, started_at=start, since=start + block)


def with_decay(decay: timedelta | None) -> SanctionPolicy:
    categories = {name: replace(category, decay=decay) for name, category in POLICY.categories.items()}
    return replace(POLICY, categories=categories)


@given(levels=st.lists(st.tuples(CATEGORIES, st.integers(1, 9)), max_size=12))
def test_level_without_decay_is_the_highest_rung_of_each_category(levels: list[tuple[str, int]]) -> None:
    rungs = [rung(level, NOW + number * DAY, category) for number, (category, level) in enumerate(levels)]
    expected = {name: max(level for each, level in levels if each == name) for name, _ in levels}
    assert standing_levels(rungs, POLICY, NOW + 9999 * DAY) == expected


@pytest.mark.parametrize(
    ("days", "level"), [(0, 3), (89, 3), (90, 2), (179, 2), (180, 1), (269, 1), (270, None), (9999, None)]
)
def test_level_falls_by_one_after_each_time_without_offence(days: int, level: int | None) -> None:
    rungs = [rung(1, NOW - 2 * DAY), rung(2, NOW - DAY), rung(3, NOW)]
    found = standing_levels(rungs, with_decay(90 * DAY), NOW + days * DAY)
    assert found == ({} if level is None else {POLITICS: level})


def test_no_time_without_offence_passes_while_a_block_holds() -> None:
    rungs = [rung(2, NOW, block=365 * DAY)]
    assert standing_levels(rungs, with_decay(90 * DAY), NOW + 454 * DAY) == {POLITICS: 2}
    assert standing_levels(rungs, with_decay(90 * DAY), NOW + 455 * DAY) == {POLITICS: 1}


def test_offence_begins_the_time_anew_from_the_rung_that_was_left() -> None:
    rungs = [rung(2, NOW), rung(2, NOW + 100 * DAY)]  # the first had fallen to 1
    policy = with_decay(90 * DAY)
    assert standing_levels(rungs, policy, NOW + 189 * DAY) == {POLITICS: 2}
    assert standing_levels(rungs, policy, NOW + 190 * DAY) == {POLITICS: 1}


def test_one_category_falls_while_another_offends() -> None:
    rungs = [rung(1, NOW), rung(1, NOW + 80 * DAY, LOVE)]
    assert standing_levels(rungs, with_decay(90 * DAY), NOW + 90 * DAY) == {LOVE: 1}


def test_category_that_the_policy_does_not_know_counts_nothing() -> None:
    assert standing_levels([rung(3, NOW, "도배")], POLICY, NOW) == {}


# --- thresholds and observing ---


def test_policy_may_set_thresholds_of_its_own() -> None:
    categories = {**POLICY.categories, POLITICS: replace(POLICY.categories[POLITICS], threshold=0.5)}
    found = thresholds_under(replace(POLICY, categories=categories, normal_threshold=0.7), THRESHOLDS)
    assert found == replace(THRESHOLDS, normal=0.7, categories={**THRESHOLDS.categories, POLITICS: 0.5})
    assert thresholds_under(POLICY, THRESHOLDS) == THRESHOLDS


def test_category_that_is_only_observed_is_no_offence() -> None:
    observed = replace(POLICY.categories[HATE], observe_only=True)
    policy = replace(POLICY, categories={**POLICY.categories, HATE: observed})
    assert find_offences({HATE: 0.99, PAEDRIP: 0.99}, THRESHOLDS, policy) == (PAEDRIP,)
    assert is_worth_observing({HATE: 0.99}, policy)


@pytest.mark.parametrize(("score", "floor", "expected"), [(0.5, 0.5, True), (0.49, 0.5, False), (0.99, None, False)])
def test_scores_are_kept_from_the_floor_on(score: float, floor: float | None, expected: bool) -> None:
    assert is_worth_observing({POLITICS: score, NORMAL: 0.99}, replace(POLICY, observe_from=floor)) is expected


def test_words_of_declining_are_found_in_the_reply() -> None:
    assert words_of_declining(POLICY, "미안, 그건 부담스러워") == ("미안", "부담")
    assert words_of_declining(POLICY, "좋아!") == ()
