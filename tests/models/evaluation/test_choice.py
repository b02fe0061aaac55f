"""Check the evaluation of the choice among drafts: its file, its order, its figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.errors import ModelError
from models.evaluation.choice import Choice, JudgedDrafts, Verdict, choice_figures, choose_all, read_judged_drafts

EVALUATION = Path(__file__).resolve().parents[3] / "models" / "evaluation"
GOLDEN = EVALUATION / "golden" / "drafts.jsonl"
JUDGED = sorted([*EVALUATION.glob("judged/*.jsonl"), *EVALUATION.glob("golden/drafts*.jsonl")])


def judged(**verdicts: int) -> JudgedDrafts:
    return JudgedDrafts(input="안녕", verdicts={draft: Verdict(each) for draft, each in verdicts.items()})


async def test_each_message_gets_a_choice_in_its_order_and_is_counted() -> None:
    drafts = [
        JudgedDrafts(input=f"말 {n}", verdicts={f"답 {n}": Verdict.FITS, "다른 답": Verdict.BESIDE}) for n in range(20)
    ]
    seen: list[int] = []

    async def choose(each: JudgedDrafts) -> str:
        assert list(each.verdicts)[1] == "다른 답"
        return each.input.replace("말", "답")

    choices = await choose_all(drafts, choose, seen.append)
    assert [choice.chosen for choice in choices] == [f"답 {n}" for n in range(20)]
    assert seen == list(range(1, 21))


async def test_a_choice_that_fails_is_named() -> None:
    async def choose(each: JudgedDrafts) -> str:
        raise ModelError("out of memory during a scoring")

    with pytest.raises(ModelError, match="out of memory"):
        await choose_all([judged(a=2)], choose)


def test_figures_stand_between_a_blind_choice_and_the_best() -> None:
    choices = [
        Choice(drafts=judged(a=2, b=0), chosen="a"),
        Choice(drafts=judged(a=2, b=1, c=0, d=0), chosen="b"),
        Choice(drafts=judged(a=0), chosen="a"),
        Choice(drafts=judged(a=1, b=0), chosen="b"),
    ]
    assert choice_figures(choices) == {
        "messages": 4,
        "fits": 0.25,
        "best_fits": 0.5,
        "blind_fits": 0.1875,
        "passable": 0.5,
        "best_passable": 0.75,
        "blind_passable": 0.375,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no drafts"),
        ('{"input": "안녕"}', r":1: a line is a JSON object with input and drafts"),
        ('{"input": "안녕", "drafts": {}}', r":1: no drafts; leave the line out"),
        ('{"input": "안녕", "drafts": {"응": 3}}', "each with 0, 1 or 2"),
        ('{"input": "안녕", "drafts": ["응"]}', "each with 0, 1 or 2"),
        ('{"input": "안녕", "drafts": {"응": 1}, "after": {"어": "하이"}}', "'어', which is none of the drafts"),
        ('{"input": "안녕", "drafts": {"응": 1}, "after": ["하이"]}', "a JSON object with input"),
        ('\n{"input"', ":2: a line is a JSON object"),
    ],
)
def test_broken_files_are_refused_with_their_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_judged_drafts(path)


def test_message_that_was_answered_so_is_read(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"input": "안녕", "drafts": {"응": 2, "왜": 0}, "after": {"응": "하이"}}', encoding="utf-8")
    assert [each.after for each in read_judged_drafts(path)] == [{"응": "하이"}]


def test_judged_drafts_that_ship_are_read_whole() -> None:
    drafts = read_judged_drafts(GOLDEN)
    lines = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
    assert [(each.input, each.verdicts) for each in drafts] == [(line["input"], line["drafts"]) for line in lines]
    assert len(drafts) > 2_000
    assert 0.2 < sum(Verdict.FITS in each.verdicts.values() for each in drafts) / len(drafts) < 0.3


@pytest.mark.parametrize("path", JUDGED, ids=lambda path: path.stem)
def test_every_judged_file_that_ships_can_be_chosen_from(path: Path) -> None:
    drafts = read_judged_drafts(path)
    assert len(drafts) > 100
    assert any(Verdict.FITS in each.verdicts.values() for each in drafts)
    assert path.parent.name != "judged" or all(set(each.after) == set(each.verdicts) for each in drafts)
