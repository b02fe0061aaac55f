"""Check the answers to validation prompts and the file that collects them."""

from __future__ import annotations

from pathlib import Path

import torch

from models.loader import load_base
from models.profile import Profile
from models.training.answers import MOST_PROMPTS, AdapterValidation, Answer, answer_prompts, append_answers, exact_share
from tests.models.tiny import LINES, TinyBase, greedy, running


def _answer(expected: str, answer: str) -> Answer:
    return Answer(prompt="p", expected=expected, answer=answer)


async def test_answers_are_those_of_the_engine(tiny: TinyBase, profile: Profile) -> None:
    adapter = profile.adapters["memory"]
    examples = [(f"{line[:14]}{adapter.start_mark}", f" 답 {adapter.stop_mark}") for line in LINES] * 25
    source = {"memory": tiny.sources()["memory"]}
    base = load_base("main", str(tiny.folder), source, torch.device("cpu"), torch.float32)
    answers = answer_prompts(base, AdapterValidation(adapter=adapter, examples=examples))
    assert len(answers) == MOST_PROMPTS
    given = {(each.prompt, each.expected, each.answer) for each in answers}
    assert [(prompt, expected) for prompt, expected, _ in sorted(given)] == sorted((line[:14], "답") for line in LINES)
    async with running([base]) as generator:
        for prompt, _, answer in given:
            sampling = greedy(24, stop=adapter.stop_mark)
            generation = await generator.generate("memory", f"{prompt}{adapter.start_mark}", sampling)
            assert generation.text.strip() == answer


def test_prompt_that_does_not_fit_is_said_in_its_answer(llama: TinyBase, profile: Profile) -> None:
    source = {"memory": llama.sources()["memory"]}
    base = load_base("main", str(llama.folder), source, torch.device("cpu"), torch.float32)
    (answer,) = answer_prompts(base, AdapterValidation(adapter=profile.adapters["memory"], examples=[("뷁" * 200, "")]))
    assert "more than the base has positions" in answer.answer


def test_share_counts_answers_that_are_equal_to_the_letter() -> None:
    assert exact_share([]) == 0
    assert exact_share([_answer("응", "응"), _answer("응", "응!"), _answer("", ""), _answer("아니", "")]) == 0.5


def test_sections_are_added_and_those_of_an_interrupted_run_replaced(tmp_path: Path) -> None:
    file = tmp_path / "answers.md"
    append_answers(file, 1, 10, [_answer("a|b", "줄\n바꿈")])
    append_answers(file, 2, 20, [_answer("stale", "stale")])
    append_answers(file, 2, 20, [_answer("## Epoch 1, step 10", "fresh")])
    append_answers(file, 3, 30, [])
    text = file.read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Validation answers", "## Epoch 1, step 10", "## Epoch 2, step 20", "## Epoch 3, step 30",
    ]  # fmt: skip
    assert "| p | a\\|b | 줄 바꿈 |" in text
    assert "stale" not in text
    assert "fresh" in text
