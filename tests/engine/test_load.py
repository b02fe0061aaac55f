"""Check what is left out when people wait, and the waiting time that is said."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from engine.expression import make_expression
from engine.load import Extra, Load
from engine.queue import open_queue
from engine.types import ChatReply, Rejection, RejectionReason
from models.profile import load_profile
from tests.engine.rig import MakeRig, user_key
from tests.engine.test_queue import GatedRunner, make_request, make_settings, settle
from tests.fakes import PAEDRIP, FakeGenerator

EMBEDDED = load_profile("embedded").adapters["output_message"]
DRAFTS = EMBEDDED.choice.drafts if EMBEDDED.choice else 1


@pytest.mark.parametrize("left_out", [0, 1, 2, 3, 4])
async def test_busy_turn_does_without_what_is_left_out_and_is_answered(make_rig: MakeRig, left_out: int) -> None:
    load = Load(turns_at_once=1)
    load.waiting_users = left_out
    rig = make_rig(load=load, profile=load_profile("embedded"))
    rig.generator.enqueue("memory", "[오늘 일정: 카페]")
    outcome = await rig.say("나 오늘 카페 가")
    assert isinstance(outcome, ChatReply)
    assert outcome.text == "응, 좋아! 😊"
    assert len(rig.generator.prompts("output_message")) == (1 if left_out >= 1 else DRAFTS)
    assert (outcome.details.summary is None) == (left_out >= 2)
    assert bool(await rig.memories()) == (left_out < 3)
    assert (outcome.expression == make_expression()) == (left_out >= 4)


async def test_busy_as_can_be_she_still_blocks_an_offence(make_rig: MakeRig) -> None:
    load = Load(turns_at_once=1)
    load.waiting_users = 1000
    rig = make_rig({"느금마": {PAEDRIP: 0.99}}, load=load)
    outcome = await rig.say("느금마")
    assert isinstance(outcome, Rejection)
    assert outcome.reason is RejectionReason.BLOCKED
    assert [sanction.category for sanction in await rig.sanctions()] == [PAEDRIP]


async def test_crowd_gets_less_the_longer_it_is_but_every_check_and_the_last_one_hears_how_long(
    make_rig: MakeRig,
) -> None:
    load = Load(turns_at_once=1)
    rig = make_rig({"느금마": {PAEDRIP: 0.99}}, load=load, profile=load_profile("embedded"))
    rig.generator.enqueue("memory", *["[오늘 일정: 카페]"] * 4)
    async with open_queue(rig.pipeline.run, make_settings(queue_capacity=5), load) as queue:
        await queue.submit(make_request("early", text="나 오늘 카페 가")).outcome()
        crowd = [queue.submit(make_request("offender", text="느금마"))]
        crowd += [queue.submit(make_request(f"waits behind {n}", text="나 오늘 카페 가")) for n in (1, 2, 3, 4)]
        too_late = await queue.submit(make_request("late", text="나 오늘 카페 가")).outcome()
        blocked, *served = [await turn.outcome() for turn in crowd]
    assert isinstance(blocked, Rejection)
    assert blocked.reason is RejectionReason.BLOCKED
    assert [sanction.category for sanction in await rig.sanctions("offender")] == [PAEDRIP]
    assert isinstance(too_late, Rejection)
    assert (too_late.reason, (too_late.wait_s or 0) > 0) == (RejectionReason.QUEUE_FULL, True)
    replies = [outcome for outcome in served if isinstance(outcome, ChatReply)]
    assert [reply.details.summary is not None for reply in replies] == [False, False, True, True]
    assert [len(await rig.memories(f"waits behind {n}")) for n in (1, 2, 3, 4)] == [0, 1, 1, 1]
    assert all(reply.expression != make_expression() for reply in replies)
    assert (
        len(rig.generator.prompts("output_message")) == DRAFTS + 1 + 1 + 1 + DRAFTS
    )  # early, three who wait, the last of them


@pytest.mark.parametrize(
    ("taken", "waiting", "left_out"),
    [
        (2, 0, []),
        (3, 0, [Extra.DRAFTS]),
        (4, 3, [Extra.DRAFTS]),
        (4, 4, [Extra.DRAFTS, Extra.SUMMARY]),
        (4, 8, [Extra.DRAFTS, Extra.SUMMARY, Extra.MEMORY]),
        (4, 12, list(Extra)),
        (4, 900, list(Extra)),
        (2, 4, [Extra.DRAFTS]),  # the rest of the places is for conversations that are busy
    ],
)
def test_drafts_go_when_more_people_than_half_the_places_are_served_and_each_round_of_waiting_people_leaves_out_one_thing_more(
    taken: int, waiting: int, left_out: list[Extra]
) -> None:
    load = Load(turns_at_once=4)
    load.places = {user_key(f"user {number}"): 1 for number in range(taken)}
    load.waiting_users = waiting
    assert load.left_out(user_key("user 0")) == frozenset(left_out)


@pytest.mark.parametrize("turns_at_once", [1, 2, 3])
def test_somebody_alone_gets_everything_however_few_places_there_are(turns_at_once: int) -> None:
    load = Load(turns_at_once=turns_at_once)
    load.places = {user_key("alone"): 1}
    assert load.left_out(user_key("alone")) == frozenset()


def test_flood_of_one_user_costs_that_user_drafts_and_nobody_else() -> None:
    load = Load(turns_at_once=32)
    load.places = {user_key("flood"): 16, user_key("other"): 1}
    assert load.left_out(user_key("flood")) == {Extra.DRAFTS}
    assert load.left_out(user_key("other")) == frozenset()


def test_wait_is_its_turn_lengths_times_what_a_turn_takes() -> None:
    load = Load(turns_at_once=2)
    assert load.wait_s(0) is None
    load.note_turn(4.0)
    assert (load.wait_s(0.5), load.wait_s(2)) == (2.0, 8.0)
    load.note_turn(8.0)
    assert load.wait_s(0.5) == pytest.approx(2.2)


async def test_queue_tells_how_many_people_wait_and_a_flood_is_one_of_them() -> None:
    runner, load = GatedRunner(), Load(turns_at_once=1)
    async with open_queue(runner.run, make_settings(), load) as queue:
        queue.submit(make_request("first"))
        await settle()
        assert load.waiting_users == 0
        for _ in range(9):
            queue.submit(make_request("flood"))
        queue.submit(make_request("other"))
        assert load.waiting_users == 2
        await runner.end_all()
        await settle()
        assert load.waiting_users == 0


async def test_queue_tells_who_holds_how_many_places() -> None:
    runner, load = GatedRunner(), Load(turns_at_once=4)
    async with open_queue(runner.run, make_settings(workers=4), load) as queue:
        for user in ("first", "second", "second"):
            queue.submit(make_request(user))
        await settle()
        assert load.places == {user_key("first"): 1, user_key("second"): 2}
        await runner.end_all()
        await settle()
        assert load.places == {}


async def test_flood_costs_its_sender_drafts_and_the_others_none(make_rig: MakeRig) -> None:
    gate, load = asyncio.Event(), Load(turns_at_once=8)
    rig = make_rig(load=load, profile=load_profile("embedded"), generator=FakeGenerator(gate=gate))
    async with open_queue(rig.pipeline.run, make_settings(workers=8), load) as queue:
        turns = [queue.submit(make_request("flood", text=f"도배 {number}")) for number in range(8)]
        turns += [queue.submit(make_request(f"user {number}", text=f"안녕 {number}")) for number in range(3)]
        async with asyncio.timeout(10):
            while len(rig.generator.calls) < 3 * DRAFTS + 2:
                await asyncio.sleep(0)
        asked = Counter(prompt.split(" (")[0] for prompt in rig.generator.prompts("output_message"))
        gate.set()
        assert all([isinstance(await turn.outcome(), ChatReply) for turn in turns])
    assert asked == {f"안녕 {number}": DRAFTS for number in range(3)} | {f"도배 {number}": 1 for number in range(2)}


async def test_full_queue_and_waiting_turns_say_how_long() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(queue_capacity=1), Load()) as queue:
        ended = queue.submit(make_request("a"))
        await settle()
        await runner.end_one()
        assert not isinstance(await ended.outcome(), Rejection)
        running = queue.submit(make_request("a"))
        await settle()
        waiting = queue.submit(make_request("b"))
        assert running.wait_s is None
        assert waiting.wait_s is not None
        refused = await queue.submit(make_request("c")).outcome()
        assert isinstance(refused, Rejection)
        assert refused.wait_s is not None
        assert refused.wait_s >= waiting.wait_s > 0
        await runner.end_all()


async def test_flood_of_one_user_delays_another_by_one_turn() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        flood = [queue.submit(make_request("flood")) for _ in range(50)]
        await settle()
        other = queue.submit(make_request("other"))
        ended = asyncio.ensure_future(other.outcome())
        turns = 0
        while not ended.done():
            await runner.end_one()
            turns += 1
        assert turns <= 3  # the one that ran, one of the flood at most, its own
        assert sum(turn.future.done() for turn in flood) <= 2
        await runner.end_all()
