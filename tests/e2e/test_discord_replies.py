"""How a reply comes on Discord: streamed, with her face, after a wait, again, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.spoken import FaceMode
from engine.expression import make_expression
from engine.settings import EngineSettings
from engine.types import ChatReply, Mouth, Notice, Rejection, RejectionReason, TurnDetails
from storage.records import SanctionKind
from tests.e2e.discord_objects import Channel, Person
from tests.e2e.discord_rig import Rig, open_rig, replied, settled

SMILE = make_expression(mouth=Mouth.WIDE)


async def test_reply_is_streamed_by_edits_of_one_message(discord: Rig, mina: Person) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    discord.mind.pieces["얘기해 줘"] = ["옛날", " 옛적에", " 오로라가"]
    discord.mind.says["얘기해 줘"].append("옛날 옛적에 오로라가 살았어.")
    gate = discord.mind.hold("얘기해 줘")
    discord.server.say(mina, "얘기해 줘")
    await replied(discord, channel, "옛날 옛적에 오로라가")
    gate.set()
    (reply,) = await replied(discord, channel, "옛날 옛적에 오로라가 살았어.")
    assert world.posted == [reply["id"]]


async def test_refusal_takes_back_what_was_shown(discord: Rig, mina: Person) -> None:
    channel = discord.server.world.private(mina)
    discord.mind.pieces["말"] = ["이건 곧"]
    discord.mind.says["말"].append(Rejection(reason=RejectionReason.ERROR))
    gate = discord.mind.hold("말")
    discord.server.say(mina, "말")
    await replied(discord, channel, "이건 곧")
    gate.set()
    world = discord.server.world
    await world.until(lambda: "문의 번호" in world.texts(channel)[0])
    assert len(world.texts(channel)) == 1


async def test_picture_of_her_face_goes_with_the_reply(discord: Rig, mina: Person) -> None:
    discord.desk.faces = FaceMode.PICTURE
    discord.server.say(mina, "안녕")
    (reply,) = await settled(discord, discord.server.world.private(mina))
    ((name, data),) = discord.server.world.files[reply["id"]]
    assert name == "aurora.png"
    assert data.startswith(b"\x89PNG")


async def test_face_in_text_where_pictures_are_not_wanted(discord: Rig, mina: Person) -> None:
    discord.desk.faces = FaceMode.EMOJI
    discord.server.say(mina, "안녕")
    (reply,) = await settled(discord, discord.server.world.private(mina))
    assert reply["content"] == "들었어: 안녕\n\n( • ▽ • )"
    assert reply["attachments"] == []


async def test_long_wait_is_told_and_can_be_cancelled(tmp_path: Path, mina: Person, juno: Person) -> None:
    async with open_rig(tmp_path, limits=EngineSettings(max_concurrent_turns=1, drain_timeout_s=1.0)) as discord:
        world = discord.server.world
        gate = discord.mind.hold("오래 걸려")
        discord.server.say(juno, "오래 걸려")
        await world.until(lambda: discord.mind.heard)
        discord.server.say(mina, "나도")
        channel = world.private(mina)
        await world.until(lambda: world.replies(channel))
        (notice,) = world.replies(channel)
        assert notice["components"]
        stranger = discord.server.press(juno, notice, "")
        assert await discord.server.answered(stranger)
        assert discord.server.is_private(stranger)
        discord.server.press(mina, notice, "")
        await world.until(lambda: world.texts(channel) == ["알았어, 그 말은 없던 걸로 할게."])
        gate.set()
        await replied(discord, world.private(juno), "들었어: 오래 걸려")
        assert [request.text for request in discord.mind.heard] == ["오래 걸려"]
        assert world.replies(channel)[0]["components"] == []


async def test_notice_of_the_wait_goes_when_the_reply_comes(tmp_path: Path, mina: Person, juno: Person) -> None:
    async with open_rig(tmp_path, limits=EngineSettings(max_concurrent_turns=1, drain_timeout_s=1.0)) as discord:
        world, channel = discord.server.world, discord.server.world.private(mina)
        gate = discord.mind.hold("오래 걸려")
        discord.server.say(juno, "오래 걸려")
        await world.until(lambda: discord.mind.heard)
        discord.server.say(mina, "나도")
        await world.until(lambda: world.replies(channel))
        gate.set()
        await replied(discord, channel, "들었어: 나도")


async def test_deleted_message_gives_its_waiting_turn_up(discord: Rig, mina: Person) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    gate = discord.mind.hold("먼저")
    discord.server.say(mina, "먼저")
    await world.until(lambda: discord.mind.heard)
    second = discord.server.say(mina, "지울 말")
    await world.until(lambda: world.replies(channel))  # the notice that it waits
    discord.server.delete(second)
    await world.until(lambda: not world.replies(channel))
    gate.set()
    await replied(discord, channel, "들었어: 먼저")
    assert [request.text for request in discord.mind.heard] == ["먼저"]


async def test_message_deleted_while_she_writes_is_answered_without_a_reference(
    discord: Rig, general: Channel, mina: Person
) -> None:
    server, world = discord.server, discord.server.world
    gate = discord.mind.hold("지울 말")
    number = server.say(mina, f"<@{world.bot.id}> 지울 말", general, mentions=[world.bot])
    await world.until(lambda: discord.mind.heard)
    server.delete(number)
    gate.set()
    (reply,) = await replied(discord, general, "들었어: 지울 말")
    assert "referenced_message" not in reply


async def test_messages_deleted_together_give_their_waiting_turns_up(discord: Rig, mina: Person) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    gate = discord.mind.hold("먼저")
    discord.server.say(mina, "먼저")
    await world.until(lambda: discord.mind.heard)
    spam = [discord.server.say(mina, f"도배 {number}") for number in range(3)]
    await world.until(lambda: len(world.replies(channel)) == len(spam))  # a notice for each that it waits
    discord.server.delete(*spam)
    await world.until(lambda: not world.replies(channel))
    gate.set()
    await replied(discord, channel, "들었어: 먼저")
    assert [request.text for request in discord.mind.heard] == ["먼저"]


async def test_regenerate_answers_again_in_place(discord: Rig, general: Channel, mina: Person, juno: Person) -> None:
    server, world = discord.server, discord.server.world
    discord.mind.says["다시"] += ["첫 대답", "둘째 대답"]
    server.say(mina, f"<@{world.bot.id}> 다시", general, mentions=[world.bot])
    (reply,) = await settled(discord, general)
    stranger = server.press(juno, reply, "")
    assert await server.answered(stranger)
    assert server.is_private(stranger)
    assert world.texts(general) == ["첫 대답"]
    server.press(mina, reply, "")
    await replied(discord, general, "둘째 대답")
    assert discord.mind.heard[1].again is not None
    assert len(world.posted) == 2  # her reply, and the private line to the stranger


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_reply_in_parts_is_replaced_whole(discord: Rig, mina: Person, count: int) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    long = [f"{number}: " + "가나다라 " * 390 for number in range(3)]
    discord.mind.says["다시"] += ["\n\n".join(long[:2]), "\n\n".join(f"새 {part}" for part in long[:count])]
    discord.mind.pieces["다시"] = ["새 0"]
    discord.server.say(mina, "다시")
    await settled(discord, channel, 2)
    discord.server.press(mina, world.replies(channel)[-1], "")
    await world.until(lambda: [text[:4] for text in world.texts(channel)] == [f"새 {n}:" for n in range(count)])
    shown = await settled(discord, channel, count)
    assert [bool(message["components"]) for message in shown] == [False] * (count - 1) + [True]


async def test_failed_regenerate_leaves_a_reply_in_parts(discord: Rig, mina: Person) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    said = "\n\n".join("가나다라 " * 390 for _ in range(2))
    discord.mind.says["다시"] += [said, Rejection(reason=RejectionReason.ERROR), "짧은 대답"]
    discord.mind.pieces["다시"] = ["가나"]
    discord.server.say(mina, "다시")
    before = [message["content"] for message in await settled(discord, channel, 2)]
    discord.server.press(mina, world.replies(channel)[1], "")
    await world.until(lambda: len(world.replies(channel)) == 3)
    assert world.texts(channel)[:2] == before
    assert "문의 번호" in world.texts(channel)[2]
    discord.server.press(mina, world.replies(channel)[1], "")
    await world.until(lambda: world.texts(channel)[0] == "짧은 대답" and len(world.texts(channel)) == 2)


async def test_failed_regenerate_leaves_the_old_reply(discord: Rig, mina: Person) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    discord.mind.says["다시"] += ["첫 대답", Rejection(reason=RejectionReason.ERROR)]
    discord.server.say(mina, "다시")
    (reply,) = await settled(discord, channel)
    discord.server.press(mina, reply, "")
    await world.until(lambda: len(world.replies(channel)) == 2)
    assert world.texts(channel)[0] == "첫 대답"
    assert "문의 번호" in world.texts(channel)[1]
    assert world.replies(channel)[0]["components"]


@pytest.mark.parametrize("said", [Rejection(reason=RejectionReason.ERROR), None])
async def test_notice_of_a_regenerate_goes_when_it_is_given_up_or_fails(
    tmp_path: Path, mina: Person, juno: Person, said: Rejection | None
) -> None:
    async with open_rig(tmp_path, limits=EngineSettings(max_concurrent_turns=1, drain_timeout_s=1.0)) as discord:
        server, world, channel = discord.server, discord.server.world, discord.server.world.private(mina)
        discord.mind.says["다시"] += ["첫 대답", *([said] if said else [])]
        server.say(mina, "다시")
        (reply,) = await settled(discord, channel)
        gate = discord.mind.hold("오래 걸려")
        server.say(juno, "오래 걸려")
        await world.until(lambda: len(discord.mind.heard) == 2)
        server.press(mina, reply, "")
        await world.until(lambda: len(world.replies(channel)) == 2)
        notice = world.replies(channel)[1]
        if said is None:
            server.press(mina, notice, "")
        else:
            gate.set()
        await world.until(lambda: notice["id"] in world.deleted)
        assert world.texts(channel)[0] == "첫 대답"
        assert world.replies(channel)[0]["components"]
        assert [bool(message["components"]) for message in world.replies(channel)[1:]] == [False] * (said is not None)


async def test_button_of_an_older_reply_says_that_it_is_too_late(discord: Rig, mina: Person) -> None:
    world, channel = discord.server.world, discord.server.world.private(mina)
    discord.server.say(mina, "하나")
    (old,) = await settled(discord, channel)
    discord.server.say(mina, "둘")
    await settled(discord, channel, 2)
    pressed = discord.server.press(mina, old, "")
    assert await discord.server.answered(pressed)
    assert discord.server.is_private(pressed)
    assert world.texts(channel) == ["들었어: 하나", "들었어: 둘"]


async def test_warning_stands_below_the_reply(discord: Rig, mina: Person) -> None:
    notice = Notice(kind=SanctionKind.WARNING, categories=("정치",), level=1, expires_at=None)
    discord.mind.says["투표"].append(ChatReply(text="부담돼", expression=SMILE, notice=notice, details=TurnDetails()))
    discord.server.say(mina, "투표")
    world, channel = discord.server.world, discord.server.world.private(mina)
    await world.until(lambda: world.texts(channel))
    await world.until(lambda: "경고: 정치" in world.texts(channel)[0])
    assert world.texts(channel)[0].startswith("부담돼\n\n")
    assert world.replies(channel)[0]["components"] == []


async def test_refusal_in_a_server_is_shown_to_one_person_alone(
    discord: Rig, general: Channel, mina: Person, juno: Person
) -> None:
    server, world = discord.server, discord.server.world
    until = datetime(2026, 3, 12, tzinfo=UTC)
    notice = Notice(kind=SanctionKind.BLOCK, categories=("정치",), level=2, expires_at=until)
    discord.mind.says["투표"].append(Rejection(reason=RejectionReason.BLOCKED, notice=notice))
    server.say(mina, f"<@{world.bot.id}> 투표", general, mentions=[world.bot])
    await world.until(lambda: world.replies(general))
    (line,) = world.replies(general)
    assert "정치" not in line["content"]
    for person, sees in ((juno, False), (mina, True)):
        pressed = server.press(person, line, "나만 보기")
        assert ("정치" in await server.answered(pressed)) is sees
        assert server.is_private(pressed)
