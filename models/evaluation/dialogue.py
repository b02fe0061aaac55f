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
from models.profile import ADAPTER_NAMES

Answerer = Callable[[str, str], Awaitable[str]]


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
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read {path}: {error}") from error
    prompts = [_read_line(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not prompts:
        raise ModelError(f"{path} holds no prompts")
    return prompts


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


async def evaluate_dialogue(
    prompts: Sequence[GoldenPrompt], answer: Answerer, progress: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Answer every prompt, all at once, and return how many passed, by task, with the answers that failed."""
    done = 0

    async def judge(prompt: GoldenPrompt) -> tuple[GoldenPrompt, str, bool]:
        nonlocal done
        text = await answer(prompt.task, prompt.input)
        done += 1
        progress(done)
        return prompt, text, prompt.passes(text)

    results = await asyncio.gather(*(judge(prompt) for prompt in prompts))
    by_task = {
        task: {
            "n": sum(prompt.task == task for prompt, _, _ in results),
            "passed": sum(prompt.task == task and passed for prompt, _, passed in results),
        }
        for task in sorted({prompt.task for prompt in prompts})
    }
    failed = [{"task": p.task, "input": p.input, "answer": text} for p, text, passed in results if not passed]
    return {"n": len(results), "passed": sum(passed for _, _, passed in results), "by_task": by_task, "failed": failed}
