"""Record turns and replay them in one process, as `bench turns` does: the engine encodes what every user brings, each text once.

(test_servers.py counts the same for the other contestants.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.cli.bench_engine import open_engine_server, record_workload
from models.benchmark.contest import Contest, drive
from models.benchmark.replay import PLAYED, RECORDED, RecordingEmbedder, ReplayingEmbedder, TurnPlay, TurnRecord
from models.benchmark.workload import TurnWork, as_own
from models.device import DeviceThread
from models.embedder import EmbedWorker, EncoderEmbedder
from models.loader import load_encoder
from models.profile import load_profile, with_one_draft
from models.runtime import ModelRuntime
from tests.fakes import FakeEmbedder, FakeGenerator
from tests.models.benchmark.counting import CountingEncoder, brought, encoded
from tests.models.tiny import make_encoder

PROFILE = with_one_draft(load_profile("embedded"))
MESSAGES = ("나 오늘 시험 봤어", "떡볶이 먹고 싶다", "내일 뭐 하지", "안녕 로라야")
CONTEST = Contest(users=5, turns=3)
NOTE = "[상태: 좋음]"


@pytest.fixture
def encoders(tmp_path: Path) -> dict[str, Any]:
    folders = {name: make_encoder(tmp_path / name, seed=seed) for seed, name in enumerate(("memory", "ethics"))}
    return {name: CountingEncoder(load_encoder(str(each), torch.device("cpu"))) for name, each in folders.items()}


@asynccontextmanager
async def _runtime(encoders: dict[str, Any]) -> AsyncIterator[ModelRuntime]:
    """Run the encoders as the engine does; what is generated is scripted: something is remembered of every turn."""
    generator, worker = FakeGenerator(), EmbedWorker(encoders)
    generator.enqueue("memory", *[NOTE] * 100)
    async with DeviceThread([worker]) as device:
        yield ModelRuntime(profile=PROFILE, generator=generator, embedder=EncoderEmbedder(device, worker))


@pytest.mark.parametrize("is_equal_work", [True, False], ids=["engine", "engine-shipped"])
async def test_texts_that_were_encoded_while_they_were_recorded_are_encoded_again_for_each_user(
    encoders: dict[str, Any], is_equal_work: bool
) -> None:
    async with _runtime(encoders) as runtime:
        workload = await record_workload(runtime, PROFILE, MESSAGES, (2, 2), 7, lambda _: None)
        for encoder in encoders.values():
            encoder.encoded.clear()
        async with open_engine_server(runtime, PROFILE, 8, is_equal_work=is_equal_work) as server:
            await drive(server, workload, CONTEST)
    assert encoded(encoders) == brought(workload, CONTEST)
    counts = brought(workload, CONTEST)
    assert max(counts["ethics"].values()) == 1  # five users of two conversations: none of their texts is another's
    assert sum(counts["memory"].values()) == 5 * 2  # a second turn brings a message and the note of the first


async def test_replayed_texts_are_encoded_as_their_users_and_answered_with_the_recorded_rows() -> None:
    record = TurnRecord(message="안녕")
    recording = RecordingEmbedder(FakeEmbedder({"안녕": {"일반": 0.6}}))
    RECORDED.set(record)
    rows = await recording.embed("ethics", ["안녕", "안녕"])
    await recording.embed("ethics", ["안녕"])  # a second check of the same text
    assert [(each.encoder, each.texts) for each in record.encodings] == [("ethics", ("안녕",))]
    real = FakeEmbedder()
    replaying = ReplayingEmbedder(real)
    PLAYED.set(TurnPlay(user="17", work=TurnWork(message="안녕", encodings=tuple(record.encodings), generations=())))
    replayed = await replaying.embed("ethics", ["일반", "안녕"])
    assert real.texts == ["일반", as_own("안녕", "17")]
    assert np.array_equal(replayed[1], rows[0])
    assert as_own("안녕", "17") != as_own("안녕", "18")
