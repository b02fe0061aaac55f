"""Check the ladders, the judgement of a message, and the policy file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import PolicyError
from engine.sanction_policy import (
    CategoryPolicy,
    SanctionPolicy,
    certain_offences,
    decide,
    find_offences,
    load_policy,
    proven_offences,
)
from models.profile import EthicsThresholds
from storage.records import SanctionKind
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
    assert step.level == before + 1
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
    assert CategoryPolicy(ladder=tuple(ladder)).step(level) == expected


GOOD = 'version = "1"\nlongest_block = "10 d"\n'


def load_text(folder: Path, text: str) -> SanctionPolicy:
    """Load a policy from a file that holds `text`."""
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return load_policy(str(file))


def test_policy_file_of_an_owner_is_read(tmp_path: Path) -> None:
    policy = load_text(tmp_path, GOOD + '["정치"]\nladder = ["warning", "2 h", "3d"]\nreply_needs = ["싫어"]')
    assert policy == SanctionPolicy(
        version="1",
        longest_block=10 * DAY,
        categories={"정치": CategoryPolicy(ladder=(None, 2 * HOUR, 3 * DAY), reply_needs=("싫어",))},
    )


BROKEN_FILES = {
    "no category": GOOD,
    "no version": 'longest_block = "10 d"\n[정치]\nladder = ["1 d"]',
    "no longest block": 'version = "1"\n[정치]\nladder = ["1 d"]',
    "longest block without an end": 'version = "1"\nlongest_block = "warning"\n[정치]\nladder = ["1 d"]',
    "not TOML": "version = ",
    "no ladder": GOOD + "[정치]\n",
    "empty ladder": GOOD + "[정치]\nladder = []",
    "unknown unit": GOOD + '[정치]\nladder = ["1 w"]',
    "block of no length": GOOD + '[정치]\nladder = ["0 d"]',
    "negative block": GOOD + '[정치]\nladder = ["-1 d"]',
    "step that is a number": GOOD + "[정치]\nladder = [1]",
    "unknown key": GOOD + '[정치]\nladder = ["1 d"]\nneeds = ["미안"]',
    "category that is a text": GOOD + '정치 = "1 d"',
}


@pytest.mark.parametrize("text", BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_broken_policy_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match=r"policy\.toml"):
        load_text(tmp_path, text.replace("정치", '"정치"'))


@pytest.mark.parametrize("needs", ['"미안"', "5", '[""]'])
def test_reply_needs_that_is_no_list_of_words_is_refused(tmp_path: Path, needs: str) -> None:
    with pytest.raises(PolicyError, match="reply_needs"):
        load_text(tmp_path, GOOD + f'["정치"]\nladder = ["1 d"]\nreply_needs = {needs}')


@pytest.mark.parametrize("name", ["unknown", "../default.toml", "no/such.toml"])
def test_policy_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(PolicyError, match="no sanction policy"):
        load_policy(name)
