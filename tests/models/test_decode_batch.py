"""Step a batch by hand, so that sequences join and leave at chosen steps, and compare with generation alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.decode_batch import DecodeBatch
from models.errors import GenerationError, WeightsError
from models.loader import LoadedBase, load_base
from models.profile import ADAPTER_NAMES
from models.sequence import DecodeSequence
from models.types import FinishReason, Sampling
from tests.models.tiny import PROMPTS, TinyBase, generate_with_transformers, greedy, make_sequence

CPU = torch.device("cpu")


def _run(batch: DecodeBatch, *, most: int = 500) -> int:
    """Step until nothing is left; return the number of steps."""
    for step in range(most):
        if not batch.has_work():
            return step
        batch.step()
    raise AssertionError("the batch never ends")


def _alone(base: LoadedBase, adapter: str, sampling: Sampling, prompt: str | None = None) -> list[int]:
    sequence = make_sequence(base, adapter, sampling, prompt)
    batch = DecodeBatch(base, CPU, 1)
    batch.add(sequence)
    _run(batch)
    return sequence.token_ids


@pytest.fixture(scope="module")
def expected(tiny: TinyBase, reference: Any) -> dict[str, list[int]]:
    """What transformers' own loop generates with PEFT's single active adapter."""
    result = {}
    for name in ADAPTER_NAMES:
        reference.set_adapter(name)
        result[name] = generate_with_transformers(reference, tiny.tokenizer, PROMPTS[name], 30)
    return result


async def test_alone_equals_transformers_with_that_adapter(loaded: LoadedBase, expected: dict[str, list[int]]) -> None:
    for name in ADAPTER_NAMES:
        assert _alone(loaded, name, greedy(30)) == expected[name]
    assert len({tuple(ids) for ids in expected.values()}) == 4


async def test_all_adapters_together_equal_each_alone(loaded: LoadedBase, expected: dict[str, list[int]]) -> None:
    batch = DecodeBatch(loaded, CPU, 8)
    sequences = [make_sequence(loaded, name, greedy(30)) for name in ADAPTER_NAMES]
    for sequence in sequences:
        batch.add(sequence)
    _run(batch)
    assert {s.adapter: s.token_ids for s in sequences} == expected


@pytest.mark.parametrize("max_rows", [1, 3, 16])
async def test_joining_and_leaving_at_any_step_changes_nothing(
    loaded: LoadedBase, expected: dict[str, list[int]], max_rows: int
) -> None:
    batch = DecodeBatch(loaded, CPU, max_rows)
    arrivals: list[tuple[int, str, int]] = [
        (0, "output_message", 30), (0, "memory", 3), (2, "summary", 30), (2, "eyes_mouth_pose", 1),
        (5, "memory", 30), (6, "output_message", 7), (11, "eyes_mouth_pose", 30), (40, "summary", 30),
        (41, "memory", 12), (41, "memory", 30),
    ]  # fmt: skip
    sequences: list[DecodeSequence] = []
    for step in range(300):
        for at, name, limit in arrivals:
            if at == step:
                sequences.append(make_sequence(loaded, name, greedy(limit)))
                batch.add(sequences[-1])
        batch.step()
    assert not batch.has_work()
    assert len(sequences) == len(arrivals)
    for sequence in sequences:
        assert sequence.token_ids == expected[sequence.adapter][: sequence.sampling.max_new_tokens]
        assert sequence.finish_reason is not None


async def test_long_and_short_prompts_share_a_batch(loaded: LoadedBase, reference: Any, tiny: TinyBase) -> None:
    prompts = ["아", "나는 오늘 도서관에서 논문을 읽었어, " * 5, "응, 좋아!", "떡볶이 먹고 싶다 " * 2]
    batch = DecodeBatch(loaded, CPU, 8)
    sequences = [
        make_sequence(loaded, name, greedy(20), text) for name, text in zip(ADAPTER_NAMES, prompts, strict=True)
    ]
    for sequence in sequences:
        batch.add(sequence)
        batch.step()
    _run(batch)
    for sequence, prompt in zip(sequences, prompts, strict=True):
        reference.set_adapter(sequence.adapter)
        assert sequence.token_ids == generate_with_transformers(reference, tiny.tokenizer, prompt, 20)


async def test_limit_and_end_token_end_a_sequence(loaded: LoadedBase, expected: dict[str, list[int]]) -> None:
    limited = make_sequence(loaded, "memory", greedy(4))
    batch = DecodeBatch(loaded, CPU, 2)
    batch.add(limited)
    _run(batch)
    generation = await limited.receiver.future
    assert (generation.finish_reason, generation.new_tokens) == (FinishReason.LENGTH, 4)
    assert limited.token_ids == expected["memory"][:4]


async def test_end_token_stops_and_is_not_text(loaded: LoadedBase) -> None:
    class EndsAtThird:
        """The third pass prefers the end token."""

        def __init__(self, network: Any) -> None:
            self.config, self._network, self._calls = network.config, network, 0

        def __call__(self, **inputs: Any) -> Any:
            output = self._network(**inputs)
            self._calls += 1
            if self._calls == 3:
                output.logits[..., 1] = 1e4
            return output

    base = LoadedBase(
        name="ends",
        network=EndsAtThird(loaded.network),
        tokenizer=loaded.tokenizer,
        rows=loaded.rows,
        adapters=loaded.adapters,
    )
    sequence = make_sequence(base, "memory", greedy(30))
    batch = DecodeBatch(base, CPU, 2)
    batch.add(sequence)
    _run(batch)
    generation = await sequence.receiver.future
    assert generation.finish_reason is FinishReason.STOP
    assert generation.new_tokens == 2
    assert "</s>" not in generation.text


async def test_cancelled_sequences_leave_and_the_others_stay_right(
    loaded: LoadedBase, expected: dict[str, list[int]]
) -> None:
    batch = DecodeBatch(loaded, CPU, 3)
    sequences = {name: make_sequence(loaded, name, greedy(30)) for name in ADAPTER_NAMES}
    for sequence in sequences.values():
        batch.add(sequence)
    batch.step()
    batch.step()
    assert sequences["eyes_mouth_pose"].token_ids == []  # three rows are taken
    sequences["memory"].cancelled = True
    batch.step()
    stopped_at = len(sequences["memory"].token_ids)
    assert len(sequences["eyes_mouth_pose"].token_ids) == 1  # the freed row is used at once
    _run(batch)
    assert len(sequences["memory"].token_ids) == stopped_at
    assert not sequences["memory"].receiver.future.done()
    for name in ("output_message", "summary", "eyes_mouth_pose"):
        assert sequences[name].token_ids == expected[name]


async def test_cancelled_while_waiting_is_never_computed(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 1)
    first, second = (make_sequence(loaded_llama, "memory", greedy(3)) for _ in range(2))
    batch.add(first)
    batch.add(second)
    second.cancelled = True
    _run(batch)
    assert len(first.token_ids) == 3
    assert second.token_ids == []
    assert not batch.has_work()


async def test_everything_cancelled_leaves_no_work(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 2)
    sequences = [make_sequence(loaded_llama, "memory", greedy(30)) for _ in range(4)]
    for sequence in sequences:
        batch.add(sequence)
    batch.step()
    for sequence in sequences:
        sequence.cancelled = True
    batch.step()
    assert not batch.has_work()


async def test_max_rows_one_takes_turns_in_order(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 1)
    sequences = [make_sequence(loaded_llama, name, greedy(3)) for name in ADAPTER_NAMES]
    for sequence in sequences:
        batch.add(sequence)
    done: list[str] = []
    while batch.has_work():
        batch.step()
        assert sum(len(s.token_ids) > 0 and s.finish_reason is None for s in sequences) <= 1
        done += [s.adapter for s in sequences if s.finish_reason is not None and s.adapter not in done]
    assert done == list(ADAPTER_NAMES)


@pytest.mark.parametrize("temperature", [0.6, 1.0])
async def test_seeded_text_does_not_depend_on_its_neighbours(loaded: LoadedBase, temperature: float) -> None:
    sampling = Sampling(temperature=temperature, max_new_tokens=25, stop="", seed=42, top_p=0.9)
    alone = _alone(loaded, "summary", sampling)
    batch = DecodeBatch(loaded, CPU, 8)
    for seed, name in enumerate(ADAPTER_NAMES):
        batch.add(make_sequence(loaded, name, Sampling(temperature=1.5, max_new_tokens=9 + seed, stop="", seed=seed)))
    batch.step()
    busy = make_sequence(loaded, "summary", sampling)
    batch.add(busy)
    batch.step()
    batch.add(make_sequence(loaded, "memory", greedy(6)))
    _run(batch)
    assert busy.token_ids == alone


async def test_other_seeds_give_other_text(loaded_llama: LoadedBase) -> None:
    texts = {
        tuple(_alone(loaded_llama, "summary", Sampling(temperature=1, max_new_tokens=20, stop="", seed=seed)))
        for seed in range(5)
    }
    assert len(texts) == 5


class _Counting:
    """A network that keeps the number of tokens of each pass."""

    def __init__(self, network: Any) -> None:
        self.config = network.config
        self.passes: list[int] = []
        self._network = network

    def __call__(self, **inputs: Any) -> Any:
        self.passes.append(inputs["input_ids"].shape[1])
        return self._network(**inputs)


async def test_drafts_of_one_prompt_read_it_once_and_equal_each_alone(broken_llama: LoadedBase) -> None:
    drafts = [Sampling(temperature=1, max_new_tokens=12, stop="", seed=seed, top_p=0.9) for seed in range(5)]
    alone = [_alone(broken_llama, "output_message", draft) for draft in drafts]
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8)
    sequences = [make_sequence(broken_llama, "output_message", draft) for draft in drafts]
    for sequence in sequences:
        batch.add(sequence)
    batch.step()
    assert counting.passes == [len(sequences[0].prompt_ids)]
    assert all(len(sequence.token_ids) == 1 for sequence in sequences)
    _run(batch)
    assert [sequence.token_ids for sequence in sequences] == alone
    assert len({tuple(ids) for ids in alone}) == 5


async def test_drafts_beyond_the_rows_wait_and_equal_each_alone(loaded_llama: LoadedBase) -> None:
    drafts = [Sampling(temperature=1, max_new_tokens=9, stop="", seed=seed) for seed in range(5)]
    batch = DecodeBatch(loaded_llama, CPU, 2)
    sequences = [make_sequence(loaded_llama, "output_message", draft) for draft in drafts]
    for sequence in sequences:
        batch.add(sequence)
    batch.step()
    assert sum(bool(sequence.token_ids) for sequence in sequences) == 2
    _run(batch)
    assert [each.token_ids for each in sequences] == [_alone(loaded_llama, "output_message", each) for each in drafts]


async def test_draft_that_is_cancelled_while_the_prompt_is_read_leaves_the_others(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 8, prompt_tokens=3)
    sequences = [make_sequence(loaded_llama, "memory", greedy(6)) for _ in range(3)]
    for sequence in sequences:
        batch.add(sequence)
    batch.step()
    sequences[0].cancelled = True
    _run(batch)
    assert sequences[0].token_ids == []
    assert [each.token_ids for each in sequences[1:]] == [_alone(loaded_llama, "memory", greedy(6))] * 2


async def test_prompt_that_comes_again_while_a_row_has_it_is_not_read_again(broken_llama: LoadedBase) -> None:
    samplings = [Sampling(temperature=1, max_new_tokens=20, stop="", seed=seed, ignore_end=True) for seed in range(3)]
    alone = [_alone(broken_llama, "memory", sampling) for sampling in samplings]
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8)
    sequences = [make_sequence(broken_llama, "memory", sampling) for sampling in samplings]
    for sequence in sequences:
        batch.add(sequence)
        batch.step()
        batch.step()
    assert counting.passes == [len(sequences[0].prompt_ids), 1, 2, 2, 3, 3]
    _run(batch)
    assert [sequence.token_ids for sequence in sequences] == alone


async def test_draft_that_is_tried_again_beside_the_others_is_not_read_again(broken_llama: LoadedBase) -> None:
    samplings = [Sampling(temperature=1, max_new_tokens=9, stop="", seed=seed, ignore_end=True) for seed in range(4)]
    alone = [_alone(broken_llama, "output_message", sampling) for sampling in samplings]
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8)
    *drafts, again = (make_sequence(broken_llama, "output_message", sampling) for sampling in samplings)
    for draft in drafts:
        batch.add(draft)
    batch.step()
    drafts[1].cancelled = True
    batch.add(again)
    batch.step()
    assert counting.passes == [len(again.prompt_ids), 3]
    _run(batch)
    assert [each.token_ids for each in (drafts[0], drafts[2], again)] == [alone[0], alone[2], alone[3]]


async def test_prompts_that_begin_alike_are_read_from_where_they_part(broken_llama: LoadedBase) -> None:
    opening = "나는 오늘 도서관에서 논문을 읽었어, "
    prompts = [f"{opening}{rest}" for rest in ("응, 좋아!", "떡볶이 먹고 싶다", "내일 시험이라서")]
    sampling = Sampling(temperature=1, max_new_tokens=20, stop="", seed=5, ignore_end=True)
    alone = [_alone(broken_llama, "summary", sampling, prompt) for prompt in prompts]
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8)
    sequences = [make_sequence(broken_llama, "summary", sampling, prompt) for prompt in prompts]
    for sequence in sequences:
        batch.add(sequence)
        batch.step()
    common = [
        max(_alike(later.prompt_ids, earlier.prompt_ids) for earlier in sequences[:place])
        for place, later in enumerate(sequences[1:], 1)
    ]
    assert min(common) >= 8
    assert counting.passes == [
        len(sequences[0].prompt_ids),
        1 + len(sequences[1].prompt_ids) - common[0],
        2 + len(sequences[2].prompt_ids) - common[1],
    ]
    _run(batch)
    assert [sequence.token_ids for sequence in sequences] == alone


def _alike(one: list[int], other: list[int]) -> int:
    return next(place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])


async def test_another_adapter_reads_the_same_prompt_itself(broken_llama: LoadedBase) -> None:
    alone = [_alone(broken_llama, name, greedy(10), PROMPTS["memory"]) for name in ("memory", "summary")]
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8)
    sequences = [make_sequence(broken_llama, name, greedy(10), PROMPTS["memory"]) for name in ("memory", "summary")]
    for sequence in sequences:
        batch.add(sequence)
        batch.step()
    length = len(sequences[0].prompt_ids)
    assert counting.passes == [length, 1 + length]
    _run(batch)
    assert [sequence.token_ids for sequence in sequences] == alone


async def test_prompt_that_is_wanted_again_while_it_is_read_in_pieces_is_read_once(broken_llama: LoadedBase) -> None:
    samplings = [Sampling(temperature=1, max_new_tokens=9, stop="", seed=seed, ignore_end=True) for seed in range(2)]
    alone = [_alone(broken_llama, "memory", sampling) for sampling in samplings]
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8, prompt_tokens=5)
    sequences = [make_sequence(broken_llama, "memory", sampling) for sampling in samplings]
    for sequence in sequences:
        batch.add(sequence)
        batch.step()
    while not sequences[1].token_ids:
        batch.step()
    assert sum(counting.passes) == len(sequences[0].prompt_ids)
    _run(batch)
    assert [sequence.token_ids for sequence in sequences] == alone


async def test_long_prompt_is_read_in_pieces_while_others_go_on(broken_llama: LoadedBase) -> None:
    alone = _alone(broken_llama, "summary", greedy(30))
    broken_llama.network = counting = _Counting(broken_llama.network)
    batch = DecodeBatch(broken_llama, CPU, 8, prompt_tokens=8)
    first = make_sequence(broken_llama, "memory", greedy(30), "아")
    batch.add(first)
    batch.step()
    long = make_sequence(broken_llama, "summary", greedy(30))
    batch.add(long)
    pieces = -(-len(long.prompt_ids) // 8)
    for step in range(pieces):
        assert long.token_ids == []
        batch.step()
        assert len(first.token_ids) == step + 2  # a token a step, whatever is read beside it
    assert pieces > 2
    assert max(counting.passes) <= 9
    _run(batch)
    assert long.token_ids == alone


async def test_without_memory_the_youngest_gives_way_and_ends_as_if_alone(loaded_llama: LoadedBase) -> None:
    samplings = [Sampling(temperature=1, max_new_tokens=70, stop="", seed=seed, ignore_end=True) for seed in range(3)]
    alone = [_alone(loaded_llama, "memory", sampling) for sampling in samplings]
    batch = DecodeBatch(loaded_llama, CPU, 8, cache_tokens=3 * 64)  # room for three until one is longer than 64
    sequences = [make_sequence(loaded_llama, "memory", sampling) for sampling in samplings]
    for sequence in sequences:
        batch.add(sequence)
    begun, gave_way, most = [0, 0, 0], False, 0
    for _ in range(500):
        batch.step()
        most = max(most, batch.cache_bytes)
        grown = [len(sequence.token_ids) for sequence in sequences]
        gave_way = gave_way or (grown[0] > begun[0] and grown[2] == begun[2] < len(alone[2]))
        begun = grown
        if not batch.has_work():
            break
    assert gave_way
    assert [sequence.token_ids for sequence in sequences] == alone
    config = loaded_llama.network.config
    a_token = 2 * 4 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    assert most <= 3 * 64 * a_token


async def test_what_could_outgrow_the_memory_alone_is_refused_and_the_next_is_not(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 8, cache_tokens=70)  # one row of 64
    room = 64 - len(make_sequence(loaded_llama, "memory", greedy(1)).prompt_ids)
    refused, fits = (make_sequence(loaded_llama, "memory", greedy(room + more)) for more in (1, 0))
    batch.add(refused)
    batch.add(fits)
    _run(batch)
    with pytest.raises(GenerationError, match=f"{room + 1} new ones do not fit into memory for 64; raise OHLORA_CACHE"):
        await refused.receiver.future
    assert (await fits.receiver.future).new_tokens <= room


async def test_memory_is_kept_for_the_next_and_does_not_grow(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 4)
    held = set()
    for _ in range(5):
        for name in ADAPTER_NAMES:
            batch.add(make_sequence(loaded_llama, name, greedy(10)))
        _run(batch)
        held.add(batch.cache_bytes)
    assert len(held) == 1


class _Failing:
    """A network that raises at chosen calls."""

    def __init__(self, network: Any, error: Exception, *at: int) -> None:
        self.config = network.config
        self.calls = 0
        self._network, self._error, self._at = network, error, at

    def __call__(self, **inputs: Any) -> Any:
        self.calls += 1
        if self.calls in self._at:
            raise self._error
        return self._network(**inputs)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("a kernel failed\nmore lines"), "a kernel failed"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory"),
        (MemoryError(), "out of memory"),
    ],
)
async def test_failed_decode_pass_fails_its_rows_and_the_next_work(
    broken_llama: LoadedBase, error: Exception, message: str
) -> None:
    expected = _alone(broken_llama, "memory", greedy(8))
    broken_llama.network = _Failing(broken_llama.network, error, 3)
    batch = DecodeBatch(broken_llama, CPU, 2)
    failing = [make_sequence(broken_llama, name, greedy(8)) for name in ("memory", "summary")]
    waiting = make_sequence(broken_llama, "memory", greedy(8))
    for sequence in [*failing, waiting]:
        batch.add(sequence)
    _run(batch)
    for sequence in failing:
        with pytest.raises(GenerationError, match=message) as caught:
            await sequence.receiver.future
        assert "\n" not in str(caught.value)
    assert waiting.token_ids == expected
    assert (await waiting.receiver.future).new_tokens == len(expected)


async def test_failed_prefill_fails_only_what_was_admitted(broken_llama: LoadedBase) -> None:
    expected = _alone(broken_llama, "memory", greedy(8))
    broken_llama.network = _Failing(broken_llama.network, torch.OutOfMemoryError("CUDA out of memory"), 2)
    batch = DecodeBatch(broken_llama, CPU, 4)
    first, second = make_sequence(broken_llama, "memory", greedy(8)), make_sequence(broken_llama, "summary", greedy(8))
    batch.add(first)
    batch.step()  # call 1: the prompt of the first
    batch.add(second)
    batch.step()  # call 2: the next token of the first beside the prompt of the second
    _run(batch)
    assert first.token_ids == expected
    with pytest.raises(GenerationError, match="out of memory"):
        await second.receiver.future


async def test_weights_that_are_not_numbers_fail_the_generation(broken_llama: LoadedBase) -> None:
    with torch.no_grad():
        broken_llama.network.model.norm.weight[0] = float("nan")
    batch = DecodeBatch(broken_llama, CPU, 4)
    sequences = [make_sequence(broken_llama, name, greedy(8)) for name in ADAPTER_NAMES]
    for sequence in sequences:
        batch.add(sequence)
    _run(batch)
    for sequence in sequences:
        with pytest.raises(GenerationError, match="not finite"):
            await sequence.receiver.future


async def test_numbers_that_are_not_finite_do_not_stay_for_the_next_row_in_that_memory(
    broken_llama: LoadedBase,
) -> None:
    prompts = ["아", "나는 오늘 도서관에서 논문을 읽었어, " * 3]
    alone = [_alone(broken_llama, "memory", greedy(5), prompt) for prompt in prompts]
    poison = make_sequence(broken_llama, "memory", greedy(5), "떡볶이 먹고 싶다, 떡볶이")
    kept = {
        token
        for prompt, new in zip(prompts, alone, strict=True)
        for token in [*broken_llama.tokenizer(prompt)["input_ids"], *new]
    }
    with torch.no_grad():
        broken_llama.network.model.embed_tokens.weight[next(t for t in poison.prompt_ids if t not in kept)] = float(
            "nan"
        )
    batch = DecodeBatch(broken_llama, CPU, 4)
    batch.add(poison)
    _run(batch)
    with pytest.raises(GenerationError, match="not finite"):
        await poison.receiver.future
    sequences = [make_sequence(broken_llama, "memory", greedy(5), prompt) for prompt in prompts]
    for sequence in sequences:
        batch.add(sequence)
    _run(batch)
    assert [sequence.token_ids for sequence in sequences] == alone


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_adapter_of_broken_numbers_is_refused_or_fails_alone(
    llama: TinyBase, loaded_llama: LoadedBase, tmp_path: Path, value: float
) -> None:
    names = ("output_message", "memory")
    folder = tmp_path / "broken"
    shutil.copytree(llama.adapters["summary"], folder)
    weights = load_file(folder / "adapter_model.safetensors")
    weights[next(name for name in weights if "lora_B" in name)].fill_(value)
    save_file(weights, folder / "adapter_model.safetensors")
    sources = llama.sources() | {"summary": str(folder)}
    try:
        base = load_base("main", str(llama.folder), sources, CPU, torch.float32)
    except WeightsError:
        return
    sequences = [make_sequence(base, name, greedy(8)) for name in ("summary", *names)]
    batch = DecodeBatch(base, CPU, 4)
    for sequence in sequences:
        batch.add(sequence)
    _run(batch)
    with pytest.raises(GenerationError, match="not finite"):
        await sequences[0].receiver.future
    assert [s.token_ids for s in sequences[1:]] == [_alone(loaded_llama, name, greedy(8)) for name in names]


async def test_failing_everything_reaches_live_and_waiting(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, CPU, 1)
    live, waiting = (make_sequence(loaded_llama, "memory", greedy(8)) for _ in range(2))
    batch.add(live)
    batch.add(waiting)
    batch.step()
    batch.fail(RuntimeError("the device is gone"))
    batch.fail_waiting(RuntimeError("the device is gone"))
    assert not batch.has_work()
    for sequence in (live, waiting):
        with pytest.raises(GenerationError, match="the device is gone"):
            await sequence.receiver.future
