"""Record turns of the real pipeline and play them again: prompts and tokens are the recorded ones, but for what a busy engine leaves out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.cli.bench_engine import open_engine_server, record_workload
from models.benchmark.contest import Contest, drive
from models.errors import ModelError
from models.profile import load_profile, with_one_draft
from models.runtime import ModelRuntime
from models.types import FinishReason
from tests.fakes import FakeEmbedder, FakeGenerator

PROFILE = load_profile("embedded")
CHOICE = PROFILE.adapters["output_message"].choice
DRAFTS = CHOICE.drafts if CHOICE else 1
MESSAGES = ("안녕 로라야", "나 오늘 시험 봤어", "떡볶이 먹고 싶다")


def _runtime(generator: FakeGenerator) -> ModelRuntime:
    return ModelRuntime(profile=PROFILE, generator=generator, embedder=FakeEmbedder())


async def test_replayed_turns_ask_what_the_recorded_ones_asked() -> None:
    recorded = FakeGenerator()
    profile = with_one_draft(PROFILE)
    told: list[int] = []
    workload = await record_workload(_runtime(recorded), profile, MESSAGES, (2, 2), 7, told.append)
    assert told == [1, 2]
    assert [len(conversation) for conversation in workload.conversations] == [2, 2]
    played = FakeGenerator()
    async with open_engine_server(_runtime(played), profile, 4) as server:
        times = await drive(server, workload, Contest(users=4, turns=2))
        again = await drive(
            server, workload, Contest(users=1, turns=2, round=1)
        )  # other people: nothing is known of them
    assert (len(times), len(again)) == (8, 2)
    for name in ("output_message", "memory", "summary", "eyes_mouth_pose"):
        once = [turn.generation(name).prompt for conversation in workload.conversations for turn in conversation]
        assert sorted(played.prompts(name)) == sorted(once * 2 + once[:2])
    assert all(sampling.ignore_end and sampling.stop == "" for _, _, sampling in played.calls)
    assert all(0 <= each.first_token_s <= each.reply_s <= each.turn_s for each in times)


async def test_each_draft_is_a_generation_and_all_lead_to_the_recorded_reply() -> None:
    profile = with_one_draft(PROFILE)
    workload = await record_workload(_runtime(FakeGenerator()), profile, MESSAGES, (1, 2), 7, lambda _: None)
    played = FakeGenerator()
    async with open_engine_server(_runtime(played), PROFILE, 4) as server:
        await drive(server, workload, Contest(users=1, turns=2))
    assert len(played.prompts("output_message")) == 2 * DRAFTS
    assert len(played.prompts("summary")) == 2


async def test_shipped_engine_draws_drafts_alone_and_leaves_things_out_when_many_come() -> None:
    workload = await record_workload(
        _runtime(FakeGenerator()), with_one_draft(PROFILE), MESSAGES, (2, 2), 7, lambda _: None
    )
    async with open_engine_server(_runtime(FakeGenerator()), PROFILE, 4, is_equal_work=False) as server:
        alone = await drive(server, workload, Contest(users=1, turns=2))
        crowd = await drive(server, workload, Contest(users=13, turns=2, round=1))
    everything = {"output_message": DRAFTS, "memory": 1, "summary": 1, "eyes_mouth_pose": 1}
    assert [each.generations for each in alone] == [everything] * 2
    assert len(crowd) == 26
    assert {each.generations["output_message"] for each in crowd} >= {1}
    assert any("summary" not in each.generations for each in crowd)
    assert all(
        each.new_tokens < alone[0].new_tokens for each in crowd if "summary" not in each.generations
    )  # what is left out is not counted as done


async def test_turn_of_equal_work_with_another_prompt_is_an_error() -> None:
    workload = await record_workload(
        _runtime(FakeGenerator()), with_one_draft(PROFILE), MESSAGES, (1, 1), 7, lambda _: None
    )
    work = workload.conversations[0][0]
    other = replace(work, generations=tuple(replace(each, prompt="뭐?") for each in work.generations))
    async with open_engine_server(_runtime(FakeGenerator()), with_one_draft(PROFILE), 1) as server:
        with pytest.raises(ModelError, match="got no reply: error"):
            await server.serve("user", other)


async def test_flood_of_one_sender_keeps_another_waiting_for_one_turn_at_most() -> None:
    profile = with_one_draft(PROFILE)
    workload = await record_workload(_runtime(FakeGenerator()), profile, MESSAGES, (1, 1), 7, lambda _: None)
    work, ended = workload.conversations[0][0], []
    async with open_engine_server(_runtime(FakeGenerator()), profile, 1) as server, asyncio.TaskGroup() as group:

        async def serve(user: str, sender: str = "") -> None:
            await server.serve(user, work, sender)
            ended.append(user)

        for number in range(10):
            group.create_task(serve(f"flood {number}", "flood"))
        group.create_task(serve("other"))
    assert sorted(ended) == sorted(["other", *(f"flood {number}" for number in range(10))])
    assert ended.index("other") <= 1


async def test_models_that_answer_nothing_cannot_be_measured() -> None:
    generator = FakeGenerator()
    generator.enqueue("summary", *[""] * 1000, finish_reason=FinishReason.LENGTH)
    with pytest.raises(ModelError, match="too few messages"):
        await record_workload(_runtime(generator), with_one_draft(PROFILE), MESSAGES, (1, 1), 7, lambda _: None)
