"""Scores of the generator are those that the network gives each pair alone, whatever they are batched with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import torch

from models.errors import GenerationError
from models.loader import LoadedBase
from models.profile import ADAPTER_NAMES
from tests.models.tiny import POSITIONS, TinyBase, greedy, running

PAIRS = [
    ("안녕 (답변 시작)", " 응 (답변 종료)"),
    ("안녕", " 나는 오로라야, 반가워 (답변 종료)"),
    ("오늘 뭐 먹지", " 밥"),
]


@torch.no_grad()
def _alone(model: Any, tokenizer: Any, prompt: str, continuation: str) -> float:
    given = tokenizer(prompt)["input_ids"]
    answer = tokenizer(continuation, add_special_tokens=False)["input_ids"]
    logits = model(input_ids=torch.tensor([[*given, *answer]])).logits[0].log_softmax(dim=-1)
    return float(sum(logits[len(given) - 1 + place, token] for place, token in enumerate(answer)))


@pytest.mark.parametrize("max_rows", [1, 2, 8])
async def test_scores_are_those_of_each_pair_alone(
    loaded: LoadedBase, tiny: TinyBase, reference: Any, max_rows: int
) -> None:
    async with running([loaded], max_rows) as generator:
        scores = await asyncio.gather(*(generator.score(name, PAIRS) for name in ADAPTER_NAMES))
    for name, found in zip(ADAPTER_NAMES, scores, strict=True):
        reference.set_adapter(name)
        assert found == pytest.approx([_alone(reference, tiny.tokenizer, *pair) for pair in PAIRS], rel=1e-3)


async def test_scores_come_while_others_are_decoded(loaded: LoadedBase) -> None:
    async with running([loaded]) as generator:
        alone = await generator.score("output_message", PAIRS)
        busy = [generator.generate("memory", "안녕", greedy(20)) for _ in range(3)]
        *_, scores = await asyncio.gather(*busy, generator.score("output_message", PAIRS))
    assert scores == pytest.approx(alone, rel=1e-3)


async def test_nothing_to_score_is_no_work(loaded: LoadedBase) -> None:
    async with running([loaded]) as generator:
        assert await generator.score("output_message", []) == []


async def test_what_cannot_be_scored_is_an_error_and_the_next_is_not(loaded: LoadedBase) -> None:
    async with running([loaded]) as generator:
        with pytest.raises(GenerationError, match="does not fit"):
            await generator.score("output_message", [("안녕", " 응" * POSITIONS)])
        with pytest.raises(GenerationError, match="no adapter"):
            await generator.score("nobody", PAIRS)
        assert len(await generator.score("output_message", PAIRS)) == len(PAIRS)
