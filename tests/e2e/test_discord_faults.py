"""Discord at its worst: dropped gateways, rate limits, server errors, outages, wrong tokens and missing intents."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from bot.discord_commands import command_payload
from bot.errors import FrontEndError
from tests.e2e.discord_objects import Channel, Person
from tests.e2e.discord_rig import Rig, hurried_delivery, open_rig
from tests.e2e.discord_server import DiscordServer, open_discord_server
from tests.e2e.discord_spec import NO_SPEC, SPEC_FILE
from tests.e2e.discord_world import Fault


async def replied(rig: Rig, channel: Channel, *texts: str) -> None:
    """Wait until exactly these replies stand in a channel."""
    world = rig.server.world
    await world.until(lambda: world.texts(channel) == list(texts), limit_s=120)


async def settled(rig: Rig) -> None:
    """Wait until every turn has written its last."""
    await rig.front._turns.idle(60)


async def registered(rig: Rig) -> None:
    """Wait until nothing is left to do about the commands."""
    assert rig.front._registering is not None
    await asyncio.wait([rig.front._registering])


@pytest.mark.skipif(SPEC_FILE is None, reason=NO_SPEC)
def test_requests_are_held_to_the_official_description() -> None:
    from tests.e2e.discord_spec import DiscordSpec

    assert SPEC_FILE is not None
    spec = DiscordSpec(SPEC_FILE)
    assert spec.request_problem("POST", "/channels/1/messages", {"content": "안녕"}) is None
    assert spec.request_problem("POST", "/channels/1/messages", {"content": 5}) is not None
    assert spec.request_problem("POST", "/channels/1/nothing", {}) == "POST /channels/1/nothing is no route"


async def test_dropped_gateway_is_resumed_and_nothing_is_lost(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path) as rig:
        channel = rig.server.world.private(mina)
        rig.server.say(mina, "하나")
        await replied(rig, channel, "들었어: 하나")
        await rig.server.gateway.drop()
        rig.server.say(mina, "둘")
        await replied(rig, channel, "들었어: 하나", "들었어: 둘")
        assert (rig.server.gateway.identified, rig.server.gateway.resumed) == (1, 1)


async def test_session_that_cannot_be_resumed_is_replaced(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path, resume_within_s=1.0) as rig:
        rig.server.gateway.is_down = True
        await rig.server.gateway.drop()
        await asyncio.sleep(1.5)  # longer than a session is waited for
        rig.server.gateway.is_down = False
        await rig.server.world.until(lambda: rig.server.gateway.identified == 2)
        rig.server.say(mina, "다시 왔네")
        await replied(rig, rig.server.world.private(mina), "들었어: 다시 왔네")


async def test_session_that_drops_before_it_is_told_to_be_ready_is_replaced(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path, resume_within_s=1.0, guild_ready_timeout_s=0.5) as rig:
        rig.server.gateway.is_down = True
        await rig.server.gateway.drop()
        await asyncio.sleep(1.5)  # meanwhile the library tells that it is ready
        rig.server.gateway.is_down = False
        await rig.server.world.until(lambda: rig.server.gateway.identified == 2, limit_s=20)


async def test_reply_that_is_there_survives_a_new_session(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path, resume_within_s=0.5) as rig:
        gate = rig.mind.hold("오래")
        rig.server.say(mina, "오래")
        await rig.server.world.until(lambda: rig.mind.heard)
        rig.server.gateway.is_down = True
        await rig.server.gateway.drop()
        await asyncio.sleep(0.8)
        gate.set()
        rig.server.gateway.is_down = False
        await replied(rig, rig.server.world.private(mina), "들었어: 오래")


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_fault_of_one_request_loses_and_doubles_nothing(tmp_path: Path, mina: Person, status: int) -> None:
    async with open_rig(tmp_path) as rig:
        world = rig.server.world
        faults = [Fault(status=status)]

        def fault(method: str, path: str) -> Fault | None:
            return faults.pop() if path.endswith("/messages") and faults else None

        world.faults = fault
        rig.server.say(mina, "안녕")
        await replied(rig, world.private(mina), "들었어: 안녕")
        await settled(rig)
        assert world.texts(world.private(mina)) == ["들었어: 안녕"]


@pytest.mark.parametrize("is_cut", [False, True])
async def test_message_whose_answer_was_lost_is_not_sent_twice(tmp_path: Path, mina: Person, is_cut: bool) -> None:
    async with open_rig(tmp_path) as rig:
        world = rig.server.world
        faults = [Fault(status=500, after_effect=True, is_cut=is_cut)]

        def fault(method: str, path: str) -> Fault | None:
            return faults.pop() if (method, path.rsplit("/", 1)[1]) == ("POST", "messages") and faults else None

        world.faults = fault
        rig.mind.pieces["안녕"] = ["반가"]
        rig.mind.says["안녕"].append("반가워!")
        rig.server.say(mina, "안녕")
        await replied(rig, world.private(mina), "반가워!")
        await settled(rig)
        assert len(world.standing()) == 1


async def test_rate_limit_of_one_chat_holds_no_other_back(tmp_path: Path, mina: Person) -> None:
    juno = Person(name="juno")
    async with open_rig(tmp_path) as rig:
        world = rig.server.world
        slow = world.private(mina)
        faults = [Fault(status=429, retry_after=4.0)]

        def fault(method: str, path: str) -> Fault | None:
            return faults.pop() if path == f"/channels/{slow.id}/messages" and faults else None

        world.faults = fault
        rig.server.say(mina, "나는 천천히")
        rig.server.say(juno, "나는 바로")
        await replied(rig, world.private(juno), "들었어: 나는 바로")
        assert world.texts(slow) == []
        await replied(rig, slow, "들었어: 나는 천천히")


async def test_deferral_whose_answer_was_lost_is_still_answered(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path) as rig:
        faults = [Fault(status=500, after_effect=True)]

        def fault(method: str, path: str) -> Fault | None:
            return faults.pop() if path.endswith("/callback") and faults else None

        rig.server.world.faults = fault
        asked = rig.server.slash(mina, "about")
        assert await rig.server.answered(asked) == "/about"
        assert rig.server.is_private(asked)


async def test_long_outage_loses_no_reply(tmp_path: Path, mina: Person) -> None:
    """Twenty minutes of the delivery's time: nothing gets through, connections are cut, and the gateway is away."""
    haste = 300.0
    people = [Person(name=f"user{number}") for number in range(5)]
    async with open_rig(tmp_path, resume_within_s=2.0, delivery=hurried_delivery(haste)) as rig:
        world = rig.server.world
        gates = [rig.mind.hold(f"{person.name} 말") for person in people]
        for person in people:
            rig.server.say(person, f"{person.name} 말")
        await world.until(lambda: len(rig.mind.heard) == len(people))
        world.faults = lambda method, path: Fault(status=503, is_cut=True)
        rig.server.gateway.is_down = True
        await rig.server.gateway.drop()
        for gate in gates:
            gate.set()
        await asyncio.sleep(20 * 60 / haste)
        assert all(world.texts(world.private(person)) == [] for person in people)
        world.faults = lambda method, path: None
        rig.server.gateway.is_down = False
        for person in people:
            await replied(rig, world.private(person), f"들었어: {person.name} 말")
        await settled(rig)
        assert len(world.standing()) == len(people)


@pytest.mark.parametrize("pieces", [[], ["반가"]])
async def test_reply_whose_answer_was_lost_before_a_long_outage_is_not_doubled(
    tmp_path: Path, mina: Person, pieces: list[str]
) -> None:
    """Discord forgets the nonce meanwhile; a line of before that reads the same is not taken for the lost one."""
    async with open_rig(tmp_path, delivery=hurried_delivery(300.0)) as rig:
        world, channel = rig.server.world, rig.server.world.private(mina)
        rig.mind.says["안녕"] += ["반가워!", "반가워!"]
        rig.server.say(mina, "안녕")
        await replied(rig, channel, "반가워!")
        await settled(rig)
        failed: list[str] = []

        def fault(method: str, path: str) -> Fault | None:
            if not path.endswith("/messages"):
                return None
            failed.append(method)
            return Fault(status=503, is_cut=True, after_effect=len(failed) == 1)

        world.faults = fault
        rig.mind.pieces["안녕"] = pieces
        rig.server.say(mina, "안녕")
        await world.until(lambda: len(world.posted) == 2)  # it stands, and she does not know
        await world.until(lambda: len(failed) >= 16)  # the last of them thirty seconds apart
        world.skipped_s = 20 * 60
        world.faults = lambda method, path: None
        await settled(rig)
        assert world.texts(channel) == ["반가워!", "반가워!"]
        assert len(world.standing()) == 2
        assert world.replies(channel)[-1]["components"]


async def test_many_people_while_discord_fails_at_random(tmp_path: Path) -> None:
    chance = random.Random(7)
    people = [Person(name=f"user{number}") for number in range(10)]
    async with open_rig(tmp_path) as rig:
        world = rig.server.world

        def fault(method: str, path: str) -> Fault | None:
            if chance.random() > 0.2 or "messages" not in path:
                return None
            kind = chance.choice([429, 429, 500])
            return Fault(status=kind, after_effect=kind == 500 and chance.random() < 0.5)

        world.faults = fault
        for round_number in range(3):
            for person in people:
                rig.server.say(person, f"{round_number}번째")
        for person in people:
            await replied(rig, world.private(person), *(f"들었어: {number}번째" for number in range(3)))
        await settled(rig)
        assert len(world.standing()) == 30


async def test_wrong_token_is_a_clear_error(tmp_path: Path) -> None:
    async with open_discord_server() as server:
        server.world.tokens = {"another"}
        async with open_rig(tmp_path, server=server, wait=False) as rig:
            with pytest.raises(FrontEndError, match="OHLORA_DISCORD_TOKEN"):
                await rig.running


async def test_token_that_is_withdrawn_is_a_clear_error(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        rig.server.gateway.forgets_sessions = True
        rig.server.gateway.close_code = 4004
        rig.server.world.bot.name = "로라"
        await rig.server.gateway.drop(code=4004)
        with pytest.raises(FrontEndError, match="token"):
            await rig.running


async def test_missing_intent_says_how_to_grant_it(tmp_path: Path) -> None:
    async with open_rig(tmp_path, wait=False, message_content=True) as rig:
        with pytest.raises(FrontEndError, match="Privileged Gateway Intents"):
            await rig.running


async def test_no_intent_is_asked_for_that_is_not_needed(tmp_path: Path) -> None:
    servers, messages_there, private_messages = 1 << 0, 1 << 9, 1 << 12
    async with open_rig(tmp_path) as rig:
        assert rig.server.gateway.intents == servers | messages_there | private_messages


async def test_dead_network_is_tried_again(tmp_path: Path, mina: Person) -> None:
    async with open_discord_server() as server:
        failures = iter(range(3))
        server.world.faults = lambda method, path: (
            Fault(status=503) if path == "/users/@me" and next(failures, None) is not None else None
        )
        async with open_rig(tmp_path, server=server) as rig:
            rig.server.say(mina, "왔네")
            await replied(rig, server.world.private(mina), "들었어: 왔네")


async def test_event_that_cannot_be_read_does_not_end_the_service(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path) as rig:
        rig.server.gateway.emit("MESSAGE_CREATE", {"id": "1", "channel_id": "2"})
        await rig.server.world.until(lambda: rig.server.gateway.identified == 2)
        rig.server.say(mina, "괜찮아?")
        await replied(rig, rig.server.world.private(mina), "들었어: 괜찮아?")


async def test_sessions_that_soon_end_are_begun_more_and_more_seldom(tmp_path: Path, mina: Person) -> None:
    """Discord resets the token of a bot that begins more than 1,000 sessions a day."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with open_rig(
        tmp_path, sleep=sleep, first_wait_s=1.0, longest_wait_s=60.0, longest_wait_after_session_s=120.0
    ) as rig:
        world, gateway = rig.server.world, rig.server.gateway

        async def begun(sessions: int) -> None:
            await world.until(lambda: gateway.identified == sessions)

        for number in range(1, 12):
            await begun(number)
            gateway.emit("MESSAGE_CREATE", {"id": "1", "channel_id": "2"})  # nothing that can be read
        await begun(12)
        rig.server.say(mina, "괜찮아?")
        await replied(rig, world.private(mina), "들었어: 괜찮아?")
    bounds = [min(2.0**number, 120.0) for number in range(11)]
    assert all(0.75 * bound <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert 24 * 3600 / (0.875 * bounds[-1]) < 1000


async def test_bot_in_too_many_servers_is_a_clear_error(tmp_path: Path) -> None:
    def prepare(server: DiscordServer) -> None:
        server.gateway.close_code = 4011

    async with open_rig(tmp_path, wait=False, prepare=prepare) as rig:
        with pytest.raises(FrontEndError, match="2,500 servers"):
            await rig.running


async def test_commands_are_registered_only_after_a_change(tmp_path: Path) -> None:
    async with open_discord_server() as server:
        for _ in range(2):
            server.gateway.identified = 0
            async with open_rig(tmp_path, server=server, is_first=True) as rig:
                await registered(rig)
        assert server.world.syncs == 1
        (tmp_path / "discord_commands.txt").write_text("another\n", encoding="utf-8")
        server.gateway.identified = 0
        async with open_rig(tmp_path, server=server, is_first=True) as rig:
            await registered(rig)
            assert server.world.syncs == 2
            assert await rig.desk.syncs["discord"]() == len(command_payload())
            assert server.world.syncs == 3
        names = {command["name"] for command in server.world.commands}
        assert {"help", "memory", "setup", "Report to moderators"} <= names


async def test_commands_that_are_refused_do_not_keep_her_away(tmp_path: Path, mina: Person) -> None:
    def prepare(server: DiscordServer) -> None:
        server.world.faults = lambda method, path: Fault(status=403) if path.endswith("/commands") else None

    async with open_rig(tmp_path, prepare=prepare, is_first=True) as rig:
        rig.server.say(mina, "안녕")
        await replied(rig, rig.server.world.private(mina), "들었어: 안녕")


async def test_commands_that_discord_puts_off_are_registered_later_and_keep_nobody_waiting(
    tmp_path: Path, mina: Person
) -> None:
    waits: list[float] = []
    may_register = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await may_register.wait()

    def prepare(server: DiscordServer) -> None:
        faults = [Fault(status=429, retry_after=3600.0)]
        server.world.faults = lambda method, path: faults.pop() if path.endswith("/commands") and faults else None

    async with open_rig(tmp_path, prepare=prepare, is_first=True, sleep=sleep) as rig:
        world = rig.server.world
        rig.server.say(mina, "안녕")
        await replied(rig, world.private(mina), "들었어: 안녕")
        assert world.syncs == 0
        assert waits == [3600.0]
        world.skipped_s = 3600.0
        may_register.set()
        await registered(rig)
        assert world.syncs == 1
        assert (tmp_path / "discord_commands.txt").exists()
