"""Check what a turn leaves in the log: rungs, link and words of declining; observations; one rung for each of many at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.types import Again
from storage.observations import ObservationStore
from storage.records import Observation, UserSettings
from storage.sanctions import SanctionStore
from tests.engine.rig import NOW, MakeRig, Rig, user_key
from tests.fakes import HATE, LOVE, NORMAL, POLITICS, FakeGenerator

LINK = "https://discord.com/channels/9/7/1"
DECLINE = "미안, 그건 좀 부담스러워 😅"
SCORES = {
    "사랑해": {LOVE: 0.99},
    "어느 당이 좋아?": {POLITICS: 0.7},
    "산책 갈래?": {POLITICS: 0.4},
    "혐오": {HATE: 0.95},
}
AT_ONCE = 64


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig(SCORES)


async def observations(rig: Rig) -> list[Observation]:
    async with rig.database.read() as session:
        return await ObservationStore(session).of_user(user_key("1001"))


async def test_sanction_keeps_rungs_margin_link_and_the_words_that_declined(rig: Rig) -> None:
    rig.generator.enqueue("output_message", DECLINE, DECLINE)
    await rig.pipeline.run(replace(rig.make_request("사랑해"), link=LINK))
    await rig.say("사랑해")
    first, second = await rig.sanctions()
    assert [(each.rung_before, each.level, each.margin) for each in (first, second)] == [(0, 1, 0.01), (1, 2, 0.01)]
    assert (first.evidence.link, second.evidence.link) == (LINK, None)
    assert first.evidence.declined == ("미안", "부담")
    assert first.evidence.policy_version == "2026-11-2"


async def test_block_before_she_answers_has_no_words_that_declined(rig: Rig) -> None:
    await rig.say("혐오")
    (sanction,) = await rig.sanctions()
    assert (sanction.evidence.reply, sanction.evidence.declined) == (None, None)


async def test_overturned_rung_is_climbed_again(rig: Rig) -> None:
    rig.generator.enqueue("output_message", DECLINE, DECLINE)
    await rig.say("사랑해")
    async with rig.database.begin() as session:
        await SanctionStore(session).overturn(1, user_key("moderator"), "농담이었음", rig.clock())
    await rig.say("사랑해")
    assert [(each.rung_before, each.level) for each in await rig.sanctions()] == [(0, 1), (0, 1)]


async def test_scores_near_a_threshold_are_kept_without_the_text(rig: Rig) -> None:
    rig.generator.enqueue("output_message", "미안, 잘 몰라 😅")
    await rig.say("어느 당이 좋아?")
    await rig.say("산책 갈래?")
    (kept,) = await observations(rig)
    assert (kept.scores[POLITICS], kept.thresholds[POLITICS], kept.thresholds[NORMAL]) == (0.7, 0.95, 0.5)
    assert (kept.declined, kept.observed_at, kept.policy_version) == (("미안",), NOW, "2026-11-2")


async def test_sanctioned_message_is_not_observed_as_well(rig: Rig) -> None:
    rig.generator.enqueue("output_message", DECLINE)
    await rig.say("사랑해")
    await rig.say("혐오")
    assert await observations(rig) == []


async def test_nothing_is_observed_while_recording_is_paused(rig: Rig) -> None:
    await rig.choose(UserSettings(is_paused=True))
    await rig.say("어느 당이 좋아?")
    assert await observations(rig) == []


async def test_message_that_is_answered_again_is_observed_once(rig: Rig) -> None:
    await rig.say("어느 당이 좋아?")
    again = Again(memory_used=None, last_summary=None)
    await rig.pipeline.run(replace(rig.make_request("어느 당이 좋아?"), again=again))
    assert len(await observations(rig)) == 1


async def test_many_offences_at_once_climb_one_rung_each(make_rig: MakeRig) -> None:
    gate = asyncio.Event()
    generator = FakeGenerator(gate=gate)
    generator.enqueue("output_message", *[DECLINE] * AT_ONCE)
    rig = make_rig(SCORES, generator=generator)
    turns = [asyncio.create_task(rig.say("사랑해", conversation=f"room-{number}")) for number in range(AT_ONCE)]
    while len(rig.generator.calls) < AT_ONCE:  # every turn is past the gate before any is judged
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*turns)
    rungs = [(each.rung_before, each.level) for each in await rig.sanctions()]
    assert rungs == [(level - 1, level) for level in range(1, AT_ONCE + 1)]
