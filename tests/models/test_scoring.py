"""Scores of the generator are those that the network gives each pair alone, whatever they are batched with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from models.decode_batch import DecodeBatch
from models.errors import GenerationError
from models.loader import LoadedBase
from models.passes import STEP_TOKENS
from models.profile import ADAPTER_NAMES
from models.receiver import Delivery
from models.scoring import ScoreRequest, ScoreWorker
from models.types import Sampling
from tests.models.tiny import POSITIONS, TinyBase, greedy, make_sequence, running

CPU = torch.device("cpu")

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


class _Watching:
    """A network that keeps, for each pass, its tokens and the memory of keys and values behind it."""

    def __init__(self, network: Any) -> None:
        self.config = network.config
        self.tokens: list[int] = []
        self.most_bytes = 0
        self._network = network

    def __call__(self, **inputs: Any) -> Any:
        self.tokens.append(inputs["input_ids"].shape[1])
        output = self._network(**inputs)
        self.most_bytes = max(self.most_bytes, inputs["plan"].cache.allocated_bytes)
        return output


def _request(base: LoadedBase, pairs: Sequence[tuple[str, str]]) -> ScoreRequest:
    """Make a request of `pairs` for the reply's adapter; call it on an event loop."""
    tokens = [
        (base.tokenizer(prompt)["input_ids"], base.tokenizer(answer, add_special_tokens=False)["input_ids"])
        for prompt, answer in pairs
    ]
    return ScoreRequest(adapter="output_message", pairs=tokens, delivery=Delivery())


MANY = [(f"오늘 뭐 먹지 {number % 7}", f" 떡볶이 먹고 싶다, 같이 먹으러 갈래? {number}") for number in range(60)]


async def test_a_step_reads_no_more_than_a_decode_step_and_a_stream_goes_on_between(broken_llama: LoadedBase) -> None:
    async with running([broken_llama], max_rows=64) as generator:
        alone = await generator.score("output_message", MANY)
    broken_llama.network = watching = _Watching(broken_llama.network)
    worker, batch = ScoreWorker(broken_llama, CPU, 64), DecodeBatch(broken_llama, CPU, 64)
    request = _request(broken_llama, MANY)
    stream = make_sequence(broken_llama, "memory", Sampling(temperature=1, max_new_tokens=99, stop="", seed=1))
    worker.add(request)
    batch.add(stream)
    steps, read = 0, 0
    while worker.has_work():
        watching.tokens.clear()
        worker.step()
        assert sum(watching.tokens) <= STEP_TOKENS
        read += sum(watching.tokens)
        batch.step()
        steps += 1
        assert len(stream.token_ids) == steps  # nobody who streams waits for more than one step of scoring
    every = sum(len(prompt) + len(answer) - 1 for prompt, answer in request.pairs)
    assert steps > every / STEP_TOKENS / 2
    assert read < every  # prompts are read once for the pairs that have them in a step
    assert await request.delivery.future == pytest.approx(alone, rel=1e-3)


async def test_stream_gets_tokens_while_many_pairs_are_scored_on_one_thread(broken_llama: LoadedBase) -> None:
    broken_llama.network = watching = _Watching(broken_llama.network)
    sampling = Sampling(temperature=1, max_new_tokens=150, stop="", seed=3, ignore_end=True)
    async with running([broken_llama], max_rows=8) as generator:
        stream = asyncio.create_task(generator.generate("memory", "안녕", sampling))
        await generator.score("output_message", MANY * 3)
        await stream
    large = [place for place, tokens in enumerate(watching.tokens) if tokens > 20]
    between = watching.tokens[large[0] : large[-1]]
    assert sum(tokens == 1 for tokens in between) >= 10


async def test_long_and_short_pairs_keep_their_places(broken_llama: LoadedBase) -> None:
    long = ("나는 오늘 도서관에서 논문을 읽었어, " * 5, " 응")
    pairs = [PAIRS[0], long, PAIRS[1], long, PAIRS[0]]
    async with running([broken_llama]) as generator:
        alone = [(await generator.score("output_message", [pair]))[0] for pair in pairs]
        assert await generator.score("output_message", pairs) == pytest.approx(alone, rel=1e-3)


async def test_memory_of_scoring_is_bounded_and_kept_for_the_next(broken_llama: LoadedBase) -> None:
    broken_llama.network = watching = _Watching(broken_llama.network)
    worker = ScoreWorker(broken_llama, CPU, 64, cache_tokens=4 * 64)
    config = broken_llama.network.config
    a_token = 2 * 4 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    results, held = [], set()
    for _ in range(2):
        request = _request(broken_llama, MANY)
        worker.add(request)
        while worker.has_work():
            worker.step()
        results.append(await request.delivery.future)
        held.add(worker.cache_bytes)
    assert watching.most_bytes == held.pop() <= 4 * 64 * a_token
    assert not held
    assert results[0] == results[1]


async def test_pair_longer_than_the_memory_is_refused_and_the_next_is_not(loaded_llama: LoadedBase) -> None:
    worker = ScoreWorker(loaded_llama, CPU, 8, cache_tokens=64)
    refused = _request(loaded_llama, [PAIRS[0], ("나는 오늘 도서관에서 논문을 읽었어, " * 12, " 응")])
    scored = _request(loaded_llama, PAIRS)
    for request in (refused, scored):
        worker.add(request)
    while worker.has_work():
        worker.step()
    with pytest.raises(GenerationError, match="does not fit into the 64 that can be scored; raise OHLORA_CACHE_TOKENS"):
        await refused.delivery.future
    assert len(await scored.delivery.future) == len(PAIRS)


async def test_continuation_without_tokens_is_certain(loaded: LoadedBase) -> None:
    async with running([loaded]) as generator:
        alone = await generator.score("output_message", PAIRS)
        scores = await generator.score("output_message", [("안녕", ""), *PAIRS])
        assert scores == pytest.approx([0.0, *alone], rel=1e-3)
        assert await generator.score("output_message", [("안녕", "")]) == [0.0]


async def test_cancelled_request_is_not_computed_further(broken_llama: LoadedBase) -> None:
    broken_llama.network = watching = _Watching(broken_llama.network)
    worker = ScoreWorker(broken_llama, CPU, 64)
    begun, waiting, wanted = _request(broken_llama, MANY), _request(broken_llama, MANY), _request(broken_llama, PAIRS)
    for request in (begun, waiting, wanted):
        worker.add(request)
    worker.step()
    passes = len(watching.tokens)
    begun.cancelled = waiting.cancelled = True
    while worker.has_work():
        worker.step()
    assert len(watching.tokens) == passes + 2  # one step of the request that is wanted: prompts, continuations
    assert len(await wanted.delivery.future) == len(PAIRS)


async def test_call_that_is_cancelled_ends_its_work(broken_llama: LoadedBase) -> None:
    broken_llama.network = watching = _Watching(broken_llama.network)
    async with running([broken_llama]) as generator:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(generator.score("output_message", MANY), 0)
        assert len(await generator.score("memory", PAIRS)) == len(PAIRS)
    assert len(watching.tokens) <= 4  # at most the step that ran, and one of the next request


async def test_weights_that_are_not_numbers_are_an_error_of_the_request(broken_llama: LoadedBase) -> None:
    async with running([broken_llama]) as generator:
        with torch.no_grad():
            broken_llama.network.model.norm.weight[0] = float("nan")
        with pytest.raises(GenerationError, match="not finite"):
            await generator.score("output_message", PAIRS)


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
