"""Evaluate the four adapters on golden prompts: what an answer must hold and must not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.evaluation.json_lines import read_json_lines
from models.profile import ADAPTER_NAMES
from models.types import StepAnswer

Answerer = Callable[[str, str], Awaitable[StepAnswer]]
"""Answers an input with an adapter, both by name and as text: (task, input)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenPrompt:
    """An input of one adapter; an answer passes when it matches any of `expect_any` (if given) and none of `forbid`."""

    task: str
    input: str
    expect_any: tuple[re.Pattern[str], ...]
    forbid: tuple[re.Pattern[str], ...]

    def passes(self, answer: str) -> bool:
        """Judge one answer."""
        expected = not self.expect_any or any(pattern.search(answer) for pattern in self.expect_any)
        return expected and not any(pattern.search(answer) for pattern in self.forbid)


def read_golden(path: Path) -> list[GoldenPrompt]:
    """Read golden prompts from JSON lines.

    Raises:
        ModelError: the file cannot be read, or a line breaks the format.
    """
    return read_json_lines(path, _read_line, "prompts")


def _read_line(line: str, where: str) -> GoldenPrompt:
    try:
        raw = json.loads(line)
        if raw["task"] not in ADAPTER_NAMES:
            raise ModelError(f"{where}: task {raw['task']!r} is none of {', '.join(ADAPTER_NAMES)}")
        patterns = [raw.get("expect_any", []), raw.get("forbid", [])]
        if not all(isinstance(pattern, list) for pattern in patterns):
            raise ModelError(f"{where}: expect_any and forbid are lists of regular expressions")
        return GoldenPrompt(
            task=raw["task"],
            input=str(raw["input"]),
            expect_any=tuple(re.compile(pattern) for pattern in raw.get("expect_any", [])),
            forbid=tuple(re.compile(pattern) for pattern in raw.get("forbid", [])),
        )
    except (ValueError, KeyError, TypeError, re.error) as error:
        raise ModelError(f"{where}: a line is a JSON object with task, input, expect_any, forbid ({error})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedAnswer:
    """The answer to a golden prompt and whether it passed."""

    prompt: GoldenPrompt
    answer: StepAnswer
    passed: bool


async def answer_all(
    inputs: Sequence[tuple[str, str]], answer: Answerer, progress: Callable[[int], None] = lambda _: None
) -> list[StepAnswer]:
    """Answer every (task, input), all at once, in their order; `progress` gets the number of answers so far."""
    done = 0

    async def ask(task: str, text: str) -> StepAnswer:
        nonlocal done
        result = await answer(task, text)
        done += 1
        progress(done)
        return result

    return await asyncio.gather(*(ask(task, text) for task, text in inputs))


async def grade_dialogue(
    prompts: Sequence[GoldenPrompt], answer: Answerer, progress: Callable[[int], None] = lambda _: None
) -> list[GradedAnswer]:
    """Answer every prompt and judge the answers."""
    answers = await answer_all([(each.task, each.input) for each in prompts], answer, progress)
    return [
        GradedAnswer(prompt=prompt, answer=given, passed=prompt.passes(given.text))
        for prompt, given in zip(prompts, answers, strict=True)
    ]


def dialogue_figures(graded: Sequence[GradedAnswer]) -> dict[str, Any]:
    """Return how many answers passed and how many are well-formed, by task, with the answers that failed."""
    by_task = {
        task: count_passed([each for each in graded if each.prompt.task == task])
        for task in sorted({each.prompt.task for each in graded})
    }
    failed = [
        {"task": each.prompt.task, "input": each.prompt.input, "answer": each.answer.text}
        for each in graded
        if not each.passed
    ]
    return {"n": len(graded), "passed": len(graded) - len(failed), "by_task": by_task, "failed": failed}


def count_passed(graded: Sequence[GradedAnswer]) -> dict[str, Any]:
    """Return `n` and `passed`, and under `well_formed` the same of the answers' form."""
    n = len(graded)
    well_formed = {"n": n, "passed": sum(each.answer.is_well_formed for each in graded)}
    return {"n": n, "passed": sum(each.passed for each in graded), "well_formed": well_formed}
