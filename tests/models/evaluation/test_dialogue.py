"""Check golden prompts: reading, judging, counting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import ModelError
from models.evaluation.dialogue import dialogue_figures, grade_dialogue, read_golden
from models.profile import ADAPTER_NAMES, MODELS_DIR
from models.types import StepAnswer


def _line(**fields: object) -> str:
    return json.dumps({"task": "output_message", "input": "안녕"} | fields, ensure_ascii=False)


@pytest.mark.parametrize("name", ["dialogue", "dialogue_dev", "dialogue_unseen"])
def test_shipped_prompts_are_read_and_cover_every_adapter(name: str) -> None:
    prompts = read_golden(MODELS_DIR / "evaluation" / "golden" / f"{name}.jsonl")
    assert {prompt.task for prompt in prompts} == set(ADAPTER_NAMES)
    assert len({(prompt.task, prompt.input) for prompt in prompts}) == len(prompts)


@pytest.mark.parametrize(
    ("expect_any", "forbid", "answer", "passes"),
    [
        (["안녕", "반가"], [], "반가워!", True),
        (["안녕"], [], "잘 가", False),
        (["안녕"], ["요$"], "안녕하세요", False),
        ([], [], "", True),
        ([], ["https?://"], "http://x", False),
        (["^$"], [], "", True),
    ],
)
def test_answer_needs_one_expected_and_no_forbidden_pattern(
    write: Callable[..., Path], expect_any: list[str], forbid: list[str], answer: str, passes: bool
) -> None:
    (prompt,) = read_golden(write("g.jsonl", _line(expect_any=expect_any, forbid=forbid)))
    assert prompt.passes(answer) == passes


def test_prompts_are_read_with_a_byte_order_mark_and_empty_lines(write: Callable[..., Path]) -> None:
    assert len(read_golden(write("g.jsonl", f"{_line()}\n\n{_line()}\n", "utf-8-sig"))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no prompts"),
        (f"{_line()}\n{{", "g.jsonl:2"),
        (_line(task="interview"), "g.jsonl:1: task 'interview'"),
        ('{"task": "memory"}', "g.jsonl:1.*input"),
        ("[1]", "g.jsonl:1"),
        ('"text"', "g.jsonl:1"),
        (_line(forbid=["("]), "g.jsonl:1"),
        (_line(expect_any=3), "g.jsonl:1"),
        (_line(expect_any="안녕"), "g.jsonl:1"),
    ],
)
def test_broken_line_is_named(write: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_golden(write("g.jsonl", text))


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        read_golden(tmp_path / "nothing.jsonl")


async def test_prompts_are_answered_at_once_and_counted_by_task(write: Callable[..., Path]) -> None:
    lines = [
        _line(input="안녕", expect_any=["응"]),
        _line(input="잘 가", expect_any=["응"]),
        _line(task="memory", input="나 졸려", forbid=["응"]),
    ]
    together = asyncio.Barrier(3)
    done: list[int] = []

    async def answer(task: str, text: str) -> StepAnswer:
        await asyncio.wait_for(together.wait(), 10)
        reply = "응!" if text == "안녕" else "[상태: 졸림]" if task == "memory" else "아니"
        return StepAnswer(text=reply, is_well_formed=task == "memory")

    prompts = read_golden(write("g.jsonl", "\n".join(lines)))
    figures = dialogue_figures(await grade_dialogue(prompts, answer, done.append))
    assert (figures["n"], figures["passed"]) == (3, 2)
    assert figures["by_task"] == {
        "memory": {"n": 1, "passed": 1, "well_formed": {"n": 1, "passed": 1}},
        "output_message": {"n": 2, "passed": 1, "well_formed": {"n": 2, "passed": 0}},
    }
    assert figures["failed"] == [{"task": "output_message", "input": "잘 가", "answer": "아니"}]
    assert done == [1, 2, 3]
