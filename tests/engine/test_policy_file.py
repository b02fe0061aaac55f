"""Check the format of policy files: what is read, what is refused and in which words, and how a policy is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import PolicyError
from engine.policy_file import POLICIES_DIR, from_record, load_policy, policy_schema, to_record
from engine.sanction_policy import CategoryPolicy, SanctionPolicy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOOD = 'schema = 1\nversion = "1"\nlongest_block = "10 d"\n'
POLITICS = '[categories."정치"]\n'
LADDER = POLITICS + 'ladder = ["1 d"]\n'
SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs" / "policy.schema.json"


def load_text(folder: Path, text: str) -> SanctionPolicy:
    """Load a policy from a file that holds `text`."""
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return load_policy(str(file))


def test_policy_file_of_an_owner_is_read_whole(tmp_path: Path) -> None:
    text = (
        "\ufeff"
        + GOOD
        + "observe_from = 0.4\nnormal_threshold = 0.6\n"
        + POLITICS
        + 'ladder = ["warning", "2 h", "3d"]\n'
        'reply_needs = ["싫어"]\nthreshold = 0.9\ndecay = "90 d"\n[categories."혐오/기타"]\nobserve_only = true\n'
    )
    assert load_text(tmp_path, text) == SanctionPolicy(
        version="1",
        longest_block=10 * DAY,
        observe_from=0.4,
        normal_threshold=0.6,
        categories={
            "정치": CategoryPolicy(
                ladder=(None, 2 * HOUR, 3 * DAY), reply_needs=("싫어",), threshold=0.9, decay=90 * DAY
            ),
            "혐오/기타": CategoryPolicy(observe_only=True),
        },
    )


BROKEN_FILES = {
    "not TOML": ("schema = ", "is not valid TOML"),
    "format of before": (
        'version = "1"\nlongest_block = "1 d"\n["정치"]\nladder = ["1 d"]',
        "schema: write schema = 1",
    ),
    "format of later": (GOOD.replace("schema = 1", "schema = 2") + LADDER, "schema: input should be 1, not 2"),
    "no category": (GOOD, "categories: is missing"),
    "empty categories": (GOOD + "[categories]", "categories: .* at least 1 item"),
    "no version": (GOOD.replace('version = "1"\n', "") + LADDER, "version: is missing"),
    "version that is a number": (GOOD.replace('"1"', "1") + LADDER, "version: .* string, not 1"),
    "version that stands for moderators": (GOOD.replace('"1"', '"manual"') + LADDER, "version cannot be 'manual'"),
    "version with a line break": (GOOD.replace('"1"', r'"1\n2"') + LADDER, "version: .* pattern"),
    "no longest block": (GOOD.replace('longest_block = "10 d"\n', "") + LADDER, "longest_block: is missing"),
    "longest block without an end": (
        GOOD.replace('"10 d"', '"warning"') + LADDER,
        "longest_block: 'warning' is no length",
    ),
    "no ladder": (GOOD + POLITICS, "categories.정치: ladder is missing; give its steps"),
    "empty ladder": (GOOD + POLITICS + "ladder = []", "categories.정치: ladder is missing"),
    "unknown unit": (
        GOOD + POLITICS + 'ladder = ["1 w"]',
        'categories.정치.ladder.0: \'1 w\' is no length; .* "1 h" or "7 d"',
    ),
    "block of no length": (GOOD + POLITICS + 'ladder = ["0 d"]', "ladder.0: '0 d' is no length"),
    "negative block": (GOOD + POLITICS + 'ladder = ["-1 d"]', "ladder.0: '-1 d' is no length"),
    "step that is a number": (GOOD + POLITICS + "ladder = [1]", "ladder.0: 1 is no length"),
    "step longer than any block": (
        GOOD + POLITICS + 'ladder = ["11 d"]',
        "the ladder of 정치 has a step that is longer",
    ),
    "warning before she answers": (GOOD + POLITICS + 'ladder = ["warning"]', "ladder cannot hold a warning"),
    "unknown key": (
        GOOD + 'longest = "1 d"\n' + LADDER,
        "longest: no such key; allowed are schema, version, longest_block",
    ),
    "unknown key of a category": (
        GOOD + LADDER + 'needs = ["미안"]',
        "categories.정치.needs: no such key; allowed are ladder, reply_needs, threshold, decay, observe_only$",
    ),
    "category that is a text": (GOOD + '[categories]\n"정치" = "1 d"', "categories.정치: .* not '1 d'"),
    "category without a name": (GOOD + '[categories.""]\nladder = ["1 d"]', "categories.: .* at least 1 character"),
    "words that are a text": (GOOD + LADDER + 'reply_needs = "미안"', "categories.정치.reply_needs: .* not '미안'"),
    "words that are numbers": (GOOD + LADDER + "reply_needs = [5]", "categories.정치.reply_needs.0: .* not 5"),
    "word of spaces": (GOOD + LADDER + 'reply_needs = [" "]', "categories.정치.reply_needs.0: "),
    "threshold above 1": (
        GOOD + LADDER + "threshold = 1.5",
        "categories.정치.threshold: .* less than or equal to 1, not 1.5",
    ),
    "threshold that is a text": (GOOD + LADDER + 'threshold = "0.9"', "categories.정치.threshold: "),
    "decay of no length": (GOOD + LADDER + 'decay = "soon"', "categories.정치.decay: 'soon' is no length"),
    "floor below 0": (GOOD + "observe_from = -0.1\n" + LADDER, "observe_from: .* greater than or equal to 0"),
}


@pytest.mark.parametrize(("text", "what"), BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_broken_policy_file_is_refused_by_file_key_and_what_is_allowed(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(PolicyError, match=rf"^sanction policy .*policy\.toml:? .*{what}") as caught:
        load_text(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["unknown", "../default.toml", "no/such.toml"])
def test_policy_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(PolicyError, match="no sanction policy"):
        load_policy(name)


def test_stored_policy_comes_back_equal_whatever_its_file_looked_like(tmp_path: Path) -> None:
    policy = load_text(tmp_path, GOOD + LADDER)
    same = load_text(tmp_path, "# a comment\n" + (GOOD + LADDER).replace('"1 d"', '"24 h"'))
    assert to_record(policy) == to_record(same)
    assert from_record(to_record(policy)) == policy
    changed = replace(policy, longest_block=9 * DAY)
    assert to_record(changed).digest != to_record(policy).digest


def test_stored_policy_of_another_form_is_refused(tmp_path: Path) -> None:
    record = to_record(load_text(tmp_path, GOOD + LADDER))
    with pytest.raises(PolicyError, match="stored policy '1': later: no such key"):
        from_record(replace(record, content=record.content.replace('"schema": 1', '"schema": 1, "later": 2')))


def test_every_shipped_policy_is_in_order() -> None:
    assert [load_policy(path.stem).version for path in POLICIES_DIR.glob("*.toml")]


def test_schema_in_the_documents_is_the_one_that_is_read() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == policy_schema(), "run: main.py policy schema"
