"""Run each contestant over real tiny models: everybody does the same number of tokens, encodes every user's texts, and answers all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.benchmark.contest import Arrivals, Contest, Served, drive
from models.benchmark.peft_mixed import PeftMixedServer
from models.benchmark.peft_models import PeftModels, load_peft_models
from models.benchmark.sequential import SequentialServer
from models.benchmark.transformers_cb import open_transformers_server
from models.benchmark.workload import EncodingWork, GenerationWork, TurnWork, Workload
from models.errors import ModelError
from models.profile import ADAPTER_NAMES, Profile
from models.settings import Device, ModelSettings, Precision
from tests.models.benchmark.counting import CountingEncoder, brought, encoded
from tests.models.tiny import PROMPTS

TOKENS = {"output_message": 5, "memory": 3, "summary": 4, "eyes_mouth_pose": 2}


def _turn(message: str) -> TurnWork:
    return TurnWork(
        message=message,
        encodings=(
            EncodingWork(encoder="ethics", texts=(message,), rows=np.zeros((1, 4), dtype=np.float32)),
            EncodingWork(encoder="memory", texts=(message, "[가: 나]"), rows=np.zeros((2, 4), dtype=np.float32)),
        ),
        generations=tuple(
            GenerationWork(
                adapter=name, prompt=PROMPTS[name], new_tokens=TOKENS[name], answer="", temperature=0.6, top_p=0.9
            )
            for name in ADAPTER_NAMES
        ),
    )


WORKLOAD = Workload(conversations=((_turn("안녕"), _turn("뭐 해?")), (_turn("나 왔어"), _turn("좋아"))))


@pytest.fixture
def models(two_base_profile: Profile) -> PeftModels:
    loaded = load_peft_models(two_base_profile, ModelSettings(device=Device.CPU, precision=Precision.FLOAT32))
    counting: dict[str, Any] = {name: CountingEncoder(encoder) for name, encoder in loaded.encoders.items()}
    return replace(loaded, encoders=counting)


async def _check(server: Any, models: PeftModels, contest: Contest) -> None:
    begun = time.perf_counter()
    times = await asyncio.wait_for(drive(server, WORKLOAD, contest), 60)
    passed = time.perf_counter() - begun
    assert len(times) == contest.users * contest.turns
    assert {each.new_tokens for each in times} == {sum(TOKENS.values())}
    assert encoded(models.encoders) == brought(WORKLOAD, contest)
    assert all(0 < each.first_token_s <= each.reply_s <= each.turn_s <= passed for each in times)


def test_optional_adapter_that_is_not_there_keeps_nobody_out(two_base_profile: Profile) -> None:
    missing = replace(two_base_profile.adapters["memory"], source="nowhere/adapter", optional=True)
    larger = replace(two_base_profile, adapters=two_base_profile.adapters | {"interview": missing})
    models = load_peft_models(larger, ModelSettings(device=Device.CPU, precision=Precision.FLOAT32))
    assert set(models.bases) == set(ADAPTER_NAMES)


async def test_sequential_serves_one_turn_at_a_time(models: PeftModels) -> None:
    await _check(SequentialServer(models), models, Contest(users=2, turns=2))


async def test_peft_mixed_serves_in_batches_of_mixed_adapters(models: PeftModels) -> None:
    server = PeftMixedServer(models, max_turns=2)
    worker = asyncio.create_task(server.work())
    try:
        await _check(server, models, Contest(users=3, turns=2, arrivals=Arrivals.POISSON, rate=200))
    finally:
        worker.cancel()


async def test_transformers_serves_by_its_own_continuous_batching_with_merged_adapters_until_it_is_stopped(
    models: PeftModels,
) -> None:
    with open_transformers_server(models) as server:
        await _check(server, models, Contest(users=3, turns=2))
    with pytest.raises(ModelError, match="takes no requests"):  # an error, and no endless wait
        await asyncio.wait_for(server.serve("user", _turn("안녕")), 60)


class _Instant:
    """Answers at once and counts who came."""

    def __init__(self) -> None:
        self.users: Counter[str] = Counter()
        self.senders: Counter[str] = Counter()

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> Served:
        self.users[user] += 1
        self.senders[sender] += 1
        return Served(first_token_at=time.perf_counter(), reply_at=time.perf_counter())


async def test_users_talk_through_their_conversation_and_begin_again_as_somebody_new() -> None:
    server = _Instant()
    await drive(server, WORKLOAD, Contest(users=3, turns=5))
    assert server.users == Counter(
        {f"0-{user}-{again}": 2 for user in range(3) for again in (0, 1)} | {f"0-{user}-2": 1 for user in range(3)}
    )


async def test_flood_is_one_sender_in_many_conversations_whose_turns_are_not_the_users() -> None:
    server = _Instant()
    times = await drive(server, WORKLOAD, Contest(users=2, turns=2, flood=5))
    assert len(times) == 4
    assert server.senders == {"0-flood": 5, "": 4}
    assert sum(count for user, count in server.users.items() if "flood" in user) == 5
    assert max(server.users.values()) == 2  # a flood's conversations have one message each


async def test_after_the_time_nobody_begins_another_turn_but_everybody_has_had_one() -> None:
    server = _Instant()
    times = await drive(server, WORKLOAD, Contest(users=3, turns=50, seconds=0))
    assert len(times) == 3
    assert server.users == {"0-0-0": 1, "0-1-0": 1, "0-2-0": 1}
