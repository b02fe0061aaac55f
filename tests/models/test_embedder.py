"""Check that embedding requests are gathered, answered row by row, and fail apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.device import DeviceThread
from models.embedder import REMEMBERED, STEP_TEXTS, EmbedWorker, EncoderEmbedder, encode
from models.errors import DeviceClosed, EmbeddingError
from models.loader import load_encoder
from models.types import Embeddings
from tests.models.tiny import make_encoder


class _Recording:
    """An encoder that keeps what it was asked, and can be told to fail."""

    def __init__(self, encoder: Any) -> None:
        self.batches: list[list[str]] = []
        self.error: Exception | None = None
        self._encoder = encoder

    def encode(self, texts: Sequence[str], **options: Any) -> Any:
        self.batches.append(list(texts))
        if self.error is not None:
            raise self.error
        return self._encoder.encode(texts, **options)


@pytest.fixture
def memory(encoder_folder: Path) -> Any:
    return _Recording(load_encoder(str(encoder_folder), torch.device("cpu")))


@pytest.fixture
def ethics(tmp_path: Path) -> Any:
    return _Recording(load_encoder(str(make_encoder(tmp_path / "ethics", seed=9)), torch.device("cpu")))


@pytest.fixture
async def embedder(memory: Any, ethics: Any) -> AsyncIterator[EncoderEmbedder]:
    worker = EmbedWorker({"memory": memory, "ethics": ethics})
    async with DeviceThread([worker]) as device:
        yield EncoderEmbedder(device, worker)


def _alone(encoder: Any, text: str) -> Embeddings:
    row: Embeddings = encode(encoder._encoder, [text])[0]
    return row


async def test_rows_are_unit_float32_in_the_order_of_the_texts(embedder: EncoderEmbedder, memory: Any) -> None:
    texts = ["안녕", "사랑해", "안녕", "", "떡볶이 먹고 싶다"]
    rows = await embedder.embed("memory", texts)
    assert rows.dtype == np.float32
    assert rows.shape == (5, 16)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    for row, text in zip(rows, texts, strict=True):
        np.testing.assert_allclose(row, _alone(memory, text), atol=1e-6)


async def test_each_distinct_text_is_encoded_once(embedder: EncoderEmbedder, memory: Any) -> None:
    await embedder.embed("memory", ["가", "나", "가", "가"])
    assert memory.batches == [["가", "나"]]


async def test_waiting_requests_share_a_batch(memory: Any, ethics: Any) -> None:
    worker = EmbedWorker({"memory": memory, "ethics": ethics})
    device = DeviceThread([worker])
    embedder = EncoderEmbedder(device, worker)
    calls = [asyncio.create_task(embedder.embed("memory", [text, "같이"])) for text in ("가", "나", "다")]
    calls.append(asyncio.create_task(embedder.embed("ethics", ["라"])))
    await asyncio.sleep(0)  # all are handed in before the thread starts
    async with device:
        results = await asyncio.wait_for(asyncio.gather(*calls), 20)
    assert memory.batches == [["가", "같이", "나", "다"]]
    assert ethics.batches == [["라"]]
    for rows, text in zip(results, ("가", "나", "다"), strict=False):
        np.testing.assert_allclose(rows[0], _alone(memory, text), atol=1e-6)
    np.testing.assert_allclose(results[3][0], _alone(ethics, "라"), atol=1e-6)


async def test_failure_of_one_encoder_leaves_the_other_and_itself_usable(
    embedder: EncoderEmbedder, ethics: Any
) -> None:
    ethics.error = RuntimeError("broken numbers")
    results = await asyncio.gather(
        embedder.embed("ethics", ["가"]),
        embedder.embed("memory", ["가"]),
        embedder.embed("ethics", ["나"]),
        return_exceptions=True,
    )
    for failed in (results[0], results[2]):
        assert isinstance(failed, EmbeddingError)
        assert "ethics encoder failed" in str(failed)
    assert isinstance(results[1], np.ndarray)
    ethics.error = None
    assert (await embedder.embed("ethics", ["가"])).shape == (1, 16)


async def test_unknown_encoder_is_named_with_those_there_are(embedder: EncoderEmbedder) -> None:
    with pytest.raises(EmbeddingError, match="'interview'.*memory, ethics"):
        await embedder.embed("interview", ["가"])


async def test_no_texts_give_no_rows(embedder: EncoderEmbedder, memory: Any) -> None:
    assert len(await embedder.embed("memory", [])) == 0
    assert memory.batches == []


async def test_cancelled_request_does_not_disturb_the_next(embedder: EncoderEmbedder) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(embedder.embed("memory", ["가"]), 0)
    assert (await embedder.embed("memory", ["나"])).shape == (1, 16)


async def test_step_encodes_a_bounded_number_and_those_who_want_few_do_not_wait_for_many(memory: Any) -> None:
    worker = EmbedWorker({"memory": memory})
    device = DeviceThread([worker])
    embedder = EncoderEmbedder(device, worker)
    texts = [str(number) for number in range(3 * STEP_TEXTS + 5)]
    done: list[str] = []

    async def embed(name: str, wanted: list[str]) -> Embeddings:
        rows = await embedder.embed("memory", wanted)
        done.append(name)
        return rows

    calls = [asyncio.create_task(embed(name, wanted)) for name, wanted in (("many", texts), ("few", ["가", "7"]))]
    await asyncio.sleep(0)  # both are handed in before the thread starts
    async with device:
        many, few = await asyncio.wait_for(asyncio.gather(*calls), 20)
    assert done == ["few", "many"]
    assert [len(batch) for batch in memory.batches] == [STEP_TEXTS, STEP_TEXTS, STEP_TEXTS, 6]
    assert "가" in memory.batches[1]
    np.testing.assert_allclose(many, encode(memory._encoder, texts), atol=1e-6)
    np.testing.assert_array_equal(few[1], many[7])


async def test_cancelled_requests_are_not_encoded_further(memory: Any) -> None:
    worker = EmbedWorker({"memory": memory})
    device = DeviceThread([worker])
    embedder = EncoderEmbedder(device, worker)
    many = asyncio.create_task(embedder.embed("memory", [str(number) for number in range(1000)]))
    few = asyncio.create_task(embedder.embed("memory", ["가"]))
    await asyncio.sleep(0)
    many.cancel()
    await asyncio.sleep(0)
    async with device:
        assert (await asyncio.wait_for(few, 20)).shape == (1, 16)
    assert memory.batches == [["가"]]


async def test_failure_leaves_those_whose_texts_were_not_tried(memory: Any, ethics: Any) -> None:
    worker = EmbedWorker({"memory": memory, "ethics": ethics})
    device = DeviceThread([worker])
    embedder = EncoderEmbedder(device, worker)
    ethics.error = RuntimeError("broken numbers")
    texts = [str(number) for number in range(STEP_TEXTS)]
    calls = [asyncio.create_task(embedder.embed("ethics", wanted)) for wanted in (texts, ["가"])]
    calls.append(asyncio.create_task(embedder.embed("memory", ["가"])))
    await asyncio.sleep(0)
    async with device:
        results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)
    assert isinstance(results[0], EmbeddingError)
    assert [batch for batch in ethics.batches if "가" in batch] == [["가"]]
    assert isinstance(results[2], np.ndarray)


async def test_after_the_stop_requests_are_refused(memory: Any) -> None:
    worker = EmbedWorker({"memory": memory})
    async with DeviceThread([worker]) as device:
        embedder = EncoderEmbedder(device, worker)
    with pytest.raises(DeviceClosed):
        await embedder.embed("memory", ["가"])


async def test_stop_fails_what_waits(memory: Any) -> None:
    worker = EmbedWorker({"memory": memory})
    device = DeviceThread([worker])
    embedder = EncoderEmbedder(device, worker)
    call = asyncio.create_task(embedder.embed("memory", ["가"]))
    await asyncio.sleep(0)
    worker.close(DeviceClosed("nothing waits yet"))
    async with device:
        pass
    result = (await asyncio.gather(call, return_exceptions=True))[0]
    assert isinstance(result, (DeviceClosed, np.ndarray))


async def test_text_that_was_encoded_is_not_encoded_again(embedder: EncoderEmbedder, memory: Any, ethics: Any) -> None:
    first = await embedder.embed("memory", ["가", "나"])
    again = await embedder.embed("memory", ["나", "다", "가", "나"])
    assert memory.batches == [["가", "나"], ["다"]]
    np.testing.assert_array_equal(again[[2, 0]], first)
    np.testing.assert_allclose(again[1], _alone(memory, "다"), atol=1e-6)
    await embedder.embed("ethics", ["가"])  # another encoder, another vector
    assert ethics.batches == [["가"]]


async def test_text_is_encoded_once_where_two_names_have_one_encoder(memory: Any) -> None:
    worker = EmbedWorker({"memory": memory, "ethics": memory})
    async with DeviceThread([worker]) as device:
        embedder = EncoderEmbedder(device, worker)
        rows = [await embedder.embed(name, ["안녕"]) for name in ("ethics", "memory")]
    assert memory.batches == [["안녕"]]
    np.testing.assert_array_equal(rows[0], rows[1])


async def test_what_is_remembered_is_bounded(embedder: EncoderEmbedder, memory: Any) -> None:
    await embedder.embed("memory", ["첫째"])
    await embedder.embed("memory", [str(number) for number in range(REMEMBERED)])
    await embedder.embed("memory", [str(REMEMBERED - 1), "첫째"])
    assert memory.batches[-1] == ["첫째"]
