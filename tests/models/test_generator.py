"""Check the generator as the engine sees it: streaming, stop marks, cancellation, failures, shutdown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import torch

from models.decode_batch import DecodeBatch
from models.device import DeviceThread
from models.errors import DeviceClosed, GenerationError
from models.generator import AdapterGenerator, DecodeWorker
from models.loader import LoadedBase, LoadProgress, load_base
from models.profile import ADAPTER_NAMES, Profile
from models.runtime import open_models
from models.sequence import DecodeSequence
from models.settings import Device, ModelSettings, Precision
from models.types import FinishReason, Generation, Sampling
from tests.models.tiny import (
    POSITIONS,
    PROMPTS,
    TinyBase,
    generate_with_transformers,
    greedy,
    make_sequence,
    running,
)

SETTINGS = ModelSettings(device=Device.CPU, precision=Precision.FLOAT32, max_rows=8)
SECONDS = 20.0


def _never_ends(limit: int = 150) -> Sampling:
    """Sample for so long that a test can act in between."""
    return Sampling(temperature=1.0, max_new_tokens=limit, stop="", seed=3)


class _Gate:
    """A network whose nth pass waits until the test opens it; `reached` is set when it gets there."""

    def __init__(self, network: Any, at: int) -> None:
        import threading

        self.config = network.config
        self.calls = 0
        self.reached, self.open = threading.Event(), threading.Event()
        self._network, self._at = network, at

    def __call__(self, **inputs: Any) -> Any:
        self.calls += 1
        if self.calls == self._at:
            self.reached.set()
            assert self.open.wait(SECONDS)
        return self._network(**inputs)


async def _wait(event: Any) -> None:
    assert await asyncio.to_thread(event.wait, SECONDS)


async def test_busy_generator_gives_what_transformers_gives_alone(
    loaded: LoadedBase, tiny: TinyBase, reference: Any
) -> None:
    async with running([loaded]) as generator:
        busy = asyncio.gather(
            *(generator.generate(name, PROMPTS[name], greedy(limit)) for limit in (25, 6) for name in ADAPTER_NAMES)
        )
        results = await asyncio.wait_for(busy, SECONDS)
    for name, generation in zip(ADAPTER_NAMES, results[:4], strict=True):
        reference.set_adapter(name)
        ids = generate_with_transformers(reference, tiny.tokenizer, PROMPTS[name], 25)
        assert generation.text == tiny.tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")
        assert generation.new_tokens == len(ids)


async def test_adapters_of_two_bases_answer_together(
    two_base_profile: Profile, llama: TinyBase, neox: TinyBase
) -> None:
    progress: list[str] = []
    async with open_models(two_base_profile, SETTINGS, LoadProgress(step=progress.append)) as runtime:
        results = await asyncio.wait_for(
            asyncio.gather(*(runtime.generator.generate(name, PROMPTS[name], greedy(10)) for name in ADAPTER_NAMES)),
            SECONDS,
        )
        rows = await runtime.embedder.embed("memory", ["안녕"])
    assert rows.shape == (1, 16)
    assert any("kanana" in line for line in progress)
    for name, generation in zip(ADAPTER_NAMES, results, strict=True):
        base = llama if name == "output_message" else neox
        async with running([_load_one(base, name)]) as generator:
            alone = await generator.generate(name, PROMPTS[name], greedy(10))
        assert generation.text == alone.text


def _load_one(base: TinyBase, name: str) -> LoadedBase:
    source = {name: str(base.adapters[name])}
    return load_base(base.kind, str(base.folder), source, torch.device("cpu"), torch.float32)


async def test_without_the_generator_only_encoders_are_loaded(profile: Profile) -> None:
    async with open_models(profile, SETTINGS, with_generator=False) as runtime:
        assert (await runtime.embedder.embed("ethics", ["안녕"])).shape == (1, 16)
        with pytest.raises(GenerationError, match="no adapter"):
            await runtime.generator.generate("memory", "안녕", greedy(3))


async def _pieces(
    generator: AdapterGenerator, adapter: str, sampling: Sampling, prompt: str | None = None
) -> tuple[list[str], Generation]:
    pieces: list[str] = []
    call = generator.generate(adapter, PROMPTS[adapter] if prompt is None else prompt, sampling, on_text=pieces.append)
    return pieces, await asyncio.wait_for(call, SECONDS)


async def test_streamed_pieces_join_to_the_text(loaded: LoadedBase) -> None:
    async with running([loaded]) as generator:
        for seed in range(3):
            sampling = Sampling(temperature=1, max_new_tokens=30, stop="", seed=seed)
            pieces, generation = await _pieces(generator, "memory", sampling)
            assert "".join(pieces) == generation.text
            assert all(pieces)
            assert len(pieces) > 1  # how many, is a matter of time


def _marks_in(text: str, sizes: tuple[int, ...] = (2, 3, 5, 8)) -> list[tuple[str, int]]:
    """Return pieces of `text` to use as stop marks, with the place where each occurs first."""
    marks = {text[start : start + size] for size in sizes for start in range(2, len(text) - size, 3)}
    return sorted((mark, text.find(mark)) for mark in marks if "\ufffd" not in mark)


async def test_stop_mark_across_tokens_is_never_shown_in_part(loaded: LoadedBase) -> None:
    async with running([loaded], max_rows=32) as generator:
        whole = (await generator.generate("summary", PROMPTS["summary"], greedy(40))).text
        marks = _marks_in(whole)
        assert len(marks) > 8
        calls = [_pieces(generator, "summary", greedy(40, stop=mark)) for mark, _ in marks]
        for (mark, place), (pieces, generation) in zip(marks, await asyncio.gather(*calls), strict=True):
            assert generation.finish_reason is FinishReason.STOP
            assert generation.text == whole[:place]
            assert "".join(pieces) == generation.text
            assert mark not in generation.text
            shown = ""
            for piece in pieces:
                shown += piece
                assert whole[:place].startswith(shown)  # nothing was shown that the finished text does not hold


async def test_limit_inside_the_stop_mark_shows_no_part_of_it(loaded: LoadedBase) -> None:
    async with running([loaded], max_rows=32) as generator:
        whole = (await generator.generate("summary", PROMPTS["summary"], greedy(40))).text
        limits = [generator.generate("summary", PROMPTS["summary"], greedy(n)) for n in range(1, 41)]
        texts = [generation.text for generation in await asyncio.gather(*limits)]
        # A mark that begins with the last characters before a limit, and goes on behind it.
        cuts = [
            (n, whole[len(text) - 2 : len(text) + 2])
            for n, text in enumerate(texts, 1)
            if 3 < len(text) < len(whole) - 3 and whole.find(whole[len(text) - 2 : len(text) + 2]) == len(text) - 2
        ]
        assert len(cuts) > 4
        ends = [_pieces(generator, "summary", greedy(limit, stop=mark)) for limit, mark in cuts]
        for (limit, mark), (shown, generation) in zip(cuts, await asyncio.gather(*ends), strict=True):
            assert generation.finish_reason is FinishReason.LENGTH
            assert "".join(shown) == generation.text
            begun = max(size for size in range(1, len(mark)) if texts[limit - 1].endswith(mark[:size]))
            assert generation.text == texts[limit - 1][:-begun]


async def test_limit_ends_a_generation(loaded: LoadedBase) -> None:
    async with running([loaded]) as generator:
        generation = await generator.generate("memory", PROMPTS["memory"], greedy(5))
    assert (generation.finish_reason, generation.new_tokens) == (FinishReason.LENGTH, 5)
    assert generation.first_token_s >= 0


async def test_equal_seeds_give_equal_text_in_any_company(loaded: LoadedBase) -> None:
    sampling = Sampling(temperature=1, max_new_tokens=20, stop="", seed=11)
    async with running([loaded]) as generator:
        alone = await generator.generate("memory", PROMPTS["memory"], sampling)
        crowd = [generator.generate(name, PROMPTS[name], _never_ends(30)) for name in ADAPTER_NAMES]
        busy, *_ = await asyncio.gather(generator.generate("memory", PROMPTS["memory"], sampling), *crowd)
        other = await generator.generate(
            "memory", PROMPTS["memory"], Sampling(temperature=1, max_new_tokens=20, stop="", seed=12)
        )
    assert busy.text == alone.text
    assert other.text != alone.text


async def test_one_row_at_a_time_serves_everybody(loaded_llama: LoadedBase) -> None:
    async with running([loaded_llama], max_rows=1) as generator:
        alone = [await generator.generate(name, PROMPTS[name], greedy(8)) for name in ADAPTER_NAMES]
        together = await asyncio.gather(*(generator.generate(n, PROMPTS[n], greedy(8)) for n in ADAPTER_NAMES))
    assert [g.text for g in together] == [g.text for g in alone]


async def test_cancelled_call_frees_its_row_and_the_others_finish(broken_llama: LoadedBase) -> None:
    gate = _Gate(broken_llama.network, at=3)
    broken_llama.network = gate
    pieces: list[str] = []
    async with running([broken_llama], max_rows=1) as generator:
        first = asyncio.create_task(
            generator.generate("memory", PROMPTS["memory"], _never_ends(), on_text=pieces.append)
        )
        second = asyncio.create_task(generator.generate("summary", PROMPTS["summary"], greedy(5)))
        await _wait(gate.reached)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        shown = len(pieces)
        gate.open.set()
        generation = await asyncio.wait_for(second, SECONDS)
        await asyncio.sleep(0)
    assert generation.new_tokens == 5
    assert gate.calls < 15  # the cancelled call took no more than the step that ran
    assert len(pieces) <= shown + 1


async def test_timeout_around_a_call_leaves_the_generator_usable(loaded_llama: LoadedBase) -> None:
    async with running([loaded_llama], max_rows=2) as generator:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(generator.generate("memory", PROMPTS["memory"], _never_ends()), 0.0)
        assert (await generator.generate("memory", PROMPTS["memory"], greedy(3))).new_tokens == 3


class _FailsOnce:
    """A network whose nth pass raises."""

    def __init__(self, network: Any, error: Exception, at: int) -> None:
        self.config = network.config
        self.calls = 0
        self._network, self._error, self._at = network, error, at

    def __call__(self, **inputs: Any) -> Any:
        self.calls += 1
        if self.calls == self._at:
            raise self._error
        return self._network(**inputs)


@pytest.mark.parametrize("at", [1, 4])
@pytest.mark.parametrize("error", [RuntimeError("a kernel failed"), torch.OutOfMemoryError("CUDA out of memory")])
async def test_failed_pass_is_an_error_of_that_generation_only(
    broken_llama: LoadedBase, error: Exception, at: int
) -> None:
    broken_llama.network = _FailsOnce(broken_llama.network, error, at)
    async with running([broken_llama]) as generator:
        with pytest.raises(GenerationError):
            await generator.generate("memory", PROMPTS["memory"], greedy(10))
        again = await generator.generate("memory", PROMPTS["memory"], greedy(10))
    assert again.new_tokens > 0


async def test_weights_that_are_not_numbers_are_an_error(broken_llama: LoadedBase) -> None:
    with torch.no_grad():
        broken_llama.network.lm_head.weight.fill_(float("nan"))
    async with running([broken_llama]) as generator:
        with pytest.raises(GenerationError, match="not finite"):
            await generator.generate("memory", PROMPTS["memory"], greedy(10))


async def test_prompt_that_does_not_fit_is_refused(loaded_llama: LoadedBase) -> None:
    async with running([loaded_llama]) as generator:
        with pytest.raises(GenerationError, match=f"does not fit into {POSITIONS}"):
            await generator.generate("memory", "안녕 " * POSITIONS, greedy(5))
        with pytest.raises(GenerationError, match="does not fit"):
            await generator.generate("memory", "안녕", greedy(POSITIONS))


async def test_generation_that_could_outgrow_the_memory_is_refused(loaded_llama: LoadedBase) -> None:
    batch = DecodeBatch(loaded_llama, torch.device("cpu"), 8, cache_tokens=128)
    async with DeviceThread([DecodeWorker(batch)]) as device:
        generator = AdapterGenerator(device, [batch], [])
        with pytest.raises(GenerationError, match="125 new ones do not fit into memory for 128; raise OHLORA_CACHE"):
            await generator.generate("memory", PROMPTS["memory"], greedy(125))
        assert (await generator.generate("memory", PROMPTS["memory"], greedy(5))).new_tokens == 5


async def test_prompt_that_just_fits_is_answered(loaded: LoadedBase) -> None:
    prompt_tokens = len(loaded.tokenizer("안녕")["input_ids"])
    limit = POSITIONS - prompt_tokens
    async with running([loaded]) as generator:
        generation = await asyncio.wait_for(generator.generate("memory", "안녕", _never_ends(limit)), SECONDS)
    assert 0 < generation.new_tokens <= limit


async def test_unknown_adapter_is_named_with_those_there_are(loaded_llama: LoadedBase) -> None:
    async with running([loaded_llama]) as generator:
        with pytest.raises(GenerationError, match="no adapter 'interview'.*memory"):
            await generator.generate("interview", "안녕", greedy(5))
        with pytest.raises(GenerationError, match="no adapter"):
            generator.count_tokens("interview", "안녕")


async def test_count_leaves_out_tokens_the_tokenizer_adds(loaded_llama: LoadedBase) -> None:
    async with running([loaded_llama]) as generator:
        assert (
            generator.count_tokens("memory", "안녕 로라야")
            == len(loaded_llama.tokenizer("안녕 로라야")["input_ids"]) - 1
        )
        assert generator.count_tokens("memory", "") == 0


async def test_after_the_stop_new_work_is_refused(loaded_llama: LoadedBase) -> None:
    async with running([loaded_llama]) as generator:
        pass
    with pytest.raises(DeviceClosed):
        await generator.generate("memory", PROMPTS["memory"], greedy(5))


async def test_stop_fails_running_and_waiting_work_with_device_closed(broken_llama: LoadedBase) -> None:
    gate = _Gate(broken_llama.network, at=3)
    broken_llama.network = gate
    async with running([broken_llama], max_rows=1) as generator:
        tasks = [asyncio.create_task(generator.generate(n, PROMPTS[n], _never_ends())) for n in ("memory", "summary")]
        await _wait(gate.reached)
        asyncio.get_running_loop().call_later(0.05, gate.open.set)  # lets go after the stop was asked for
    for task in tasks:
        with pytest.raises(DeviceClosed):
            await asyncio.wait_for(task, SECONDS)


async def test_failing_worker_does_not_stop_the_thread(
    loaded_llama: LoadedBase, caplog: pytest.LogCaptureFixture
) -> None:
    class Stumbling(DecodeBatch):
        """Raises where a step never should, once."""

        stumbled = False

        def step(self) -> None:
            if not self.stumbled:
                self.stumbled = True
                raise RuntimeError("not foreseen")
            super().step()

    batch = Stumbling(loaded_llama, torch.device("cpu"), 2)
    async with DeviceThread([DecodeWorker(batch)]) as device:
        generator = AdapterGenerator(device, [batch], [])
        with pytest.raises(GenerationError, match="not foreseen"):
            await asyncio.wait_for(generator.generate("memory", PROMPTS["memory"], greedy(5)), SECONDS)
        assert (await generator.generate("memory", PROMPTS["memory"], greedy(5))).new_tokens == 5
    assert "a device step failed" in caplog.text


def _feed(base: LoadedBase, text: str, sampling: Sampling) -> tuple[list[str], DecodeSequence, list[int]]:
    from models.receiver import Receiver

    pieces: list[str] = []
    sequence = make_sequence(base, "memory", sampling, receiver=Receiver(pieces.append))
    return pieces, sequence, list(base.tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize(
    "text", ["뷁쉛 좋아 😊🎉", "👨‍👩‍👧‍👦 가족 🇰🇷", "ㅋㅋㅋ … “따옴표” ♥️", "한글과 emoji 🤔 섞어서"]
)
async def test_characters_split_over_byte_tokens_come_whole(loaded_llama: LoadedBase, text: str) -> None:
    pieces, sequence, ids = _feed(loaded_llama, text, greedy(200))
    assert len(ids) > len(text.split())
    for token in [*ids, 1]:
        sequence.append(token)
    generation = await sequence.receiver.future
    assert generation.text == text
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("missing", [1, 2, 3])
@pytest.mark.parametrize("end", ["limit", "end token"])
async def test_character_cut_off_in_the_middle_is_left_out(loaded_llama: LoadedBase, missing: int, end: str) -> None:
    text = "좋아 🫠"
    limit = len(loaded_llama.tokenizer(text, add_special_tokens=False)["input_ids"]) - missing
    pieces, sequence, ids = _feed(loaded_llama, text, greedy(limit if end == "limit" else 200))
    for token in ids[:limit]:
        sequence.append(token)
    if end == "end token":
        sequence.append(1)
    generation = await sequence.receiver.future
    assert generation.text == "".join(pieces) == "좋아 "


async def test_stop_mark_of_real_marks_stops_in_any_tokenisation(loaded_llama: LoadedBase) -> None:
    mark = "(답변 종료)"
    whole = loaded_llama.tokenizer(f"응 {mark}", add_special_tokens=False)["input_ids"]
    letters = [i for c in f"응 {mark} 뒤" for i in loaded_llama.tokenizer(c, add_special_tokens=False)["input_ids"]]
    assert len(whole) < len(letters)
    for ids in (whole, letters):
        pieces, sequence, _ = _feed(loaded_llama, "", greedy(200, stop=mark))
        for token in ids:
            if sequence.finish_reason is None:
                sequence.append(token)
        generation = await sequence.receiver.future
        assert generation.text == "".join(pieces) == "응 "
        assert generation.finish_reason is FinishReason.STOP
