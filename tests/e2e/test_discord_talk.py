"""Who is answered on Discord and with what, through the real client library against a Discord on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.discord_turns import TurnTimes
from bot.spoken import FaceMode
from engine.types import ChatReply, Rejection, RejectionReason, TurnDetails
from storage.errors import StorageError
from tests.e2e.discord_objects import Channel, Person
from tests.e2e.discord_rig import SMILE, Rig, open_rig, put, replied, settled
from tests.e2e.discord_server import DiscordServer


async def test_private_message_gets_a_reply(discord: Rig, mina: Person) -> None:
    world = discord.server.world
    discord.server.say(mina, "안녕")
    channel = world.private(mina)
    (reply,) = await replied(discord, channel, "들었어: 안녕")
    request = discord.mind.heard[0]
    assert (request.user.platform, request.user.id) == ("discord", mina.id)
    assert request.conversation.id == channel.id
    assert "referenced_message" not in reply
    assert any(where == channel.id for _, where in world.typing)


async def test_in_a_server_only_mentions_and_replies_are_answered(discord: Rig, general: Channel, mina: Person) -> None:
    server, world = discord.server, discord.server.world
    server.say(mina, "우리끼리 얘기", general)
    asked = server.say(mina, f"<@{world.bot.id}> 뭐 해?", general, mentions=[world.bot])
    (reply,) = await replied(discord, general, "들었어: 뭐 해?")
    assert reply["referenced_message"]["id"] == asked
    server.say(mina, "그렇구나", general, mentions=[world.bot], answers=reply)
    await replied(discord, general, "들었어: 뭐 해?", "들었어: 그렇구나")
    assert [request.text for request in discord.mind.heard] == ["뭐 해?", "그렇구나"]


async def test_she_types_for_as_long_as_the_turn_takes(tmp_path: Path, mina: Person) -> None:
    times = TurnTimes(patience_s=60.0, typing_s=0.1)
    async with open_rig(tmp_path, times=times) as discord:
        world, channel = discord.server.world, discord.server.world.private(mina)
        gate = discord.mind.hold("오래")
        discord.server.say(mina, "오래")
        await world.until(lambda: len(world.typing) == 5)
        gate.set()
        await replied(discord, channel, "들었어: 오래")
        await discord.front._turns.idle(60)
        shown = len(world.typing)
        discord.server.say(Person(name="juno"), "안녕")
        await world.until(lambda: len(world.typing) > shown)
        assert all(where != channel.id for _, where in world.typing[shown:])


async def test_turns_of_a_channel_share_her_typing(discord: Rig, general: Channel, mina: Person, juno: Person) -> None:
    server, world = discord.server, discord.server.world
    gates = [discord.mind.hold(text) for text in ("하나", "둘")]
    for person, text in ((mina, "하나"), (juno, "둘")):
        server.say(person, f"<@{world.bot.id}> {text}", general, mentions=[world.bot])
    await world.until(lambda: world.typing)
    server.say(mina, "따로")
    await replied(discord, world.private(mina), "들었어: 따로")
    assert len([where for _, where in world.typing if where == general.id]) == 1
    gates[0].set()
    await replied(discord, general, "들었어: 하나")  # which ends the typing that is shown
    await world.until(lambda: len([where for _, where in world.typing if where == general.id]) == 2)
    gates[1].set()
    await replied(discord, general, "들었어: 하나", "들었어: 둘")


async def test_who_only_calls_her_is_asked_what_it_is(discord: Rig, general: Channel, mina: Person) -> None:
    world = discord.server.world
    discord.mind.says[""].append(Rejection(reason=RejectionReason.EMPTY))
    discord.server.say(mina, f"<@{world.bot.id}>", general, mentions=[world.bot])
    await replied(discord, general, "응? 아무 말도 안 들렸어. 한마디만 해 줘!")


async def test_reply_to_an_older_message_of_hers_goes_on_from_there(
    discord: Rig, general: Channel, mina: Person, juno: Person
) -> None:
    server, world = discord.server, discord.server.world
    for person, text, summary in ((mina, "여행 가", "여행을 부러워함"), (juno, "시험 봐", "시험을 응원함")):
        details = TurnDetails(summary=summary)
        discord.mind.says[text].append(ChatReply(text=f"{text}?", expression=SMILE, notice=None, details=details))
        server.say(person, f"<@{world.bot.id}> {text}", general, mentions=[world.bot])
    first, _ = await settled(discord, general, 2)
    server.say(mina, "어디로 갈까", general, mentions=[world.bot], answers=first)
    await world.until(lambda: len(discord.mind.heard) == 3)
    assert discord.mind.heard[-1].thread_summary == "여행을 부러워함"
    assert [request.thread_summary for request in discord.mind.heard[:2]] == [None, None]


async def test_message_of_a_server_that_she_does_not_know_is_not_taken_for_a_private_one(
    discord: Rig, mina: Person
) -> None:
    elsewhere = Channel(name="elsewhere", guild="4242")
    discord.server.world.channels[elsewhere.id] = elsewhere
    bot = discord.server.world.bot
    discord.server.say(mina, f"<@{bot.id}> 우리끼리 얘기", elsewhere, mentions=[bot])
    discord.server.say(mina, "안녕")
    await replied(discord, discord.server.world.private(mina), "들었어: 안녕")
    assert [request.text for request in discord.mind.heard] == ["안녕"]


async def test_she_answers_where_she_may_not_read_what_was_written(
    discord: Rig, general: Channel, mina: Person
) -> None:
    world = discord.server.world
    world.without_history.add(general.id)
    discord.desk.faces = FaceMode.PICTURE
    discord.server.say(mina, f"<@{world.bot.id}> 뭐 해?", general, mentions=[world.bot])
    (reply,) = await settled(discord, general)
    assert reply["content"] == "들었어: 뭐 해?"
    assert "referenced_message" not in reply
    assert reply["attachments"]


async def test_other_mentions_become_names(discord: Rig, general: Channel, mina: Person, juno: Person) -> None:
    bot = discord.server.world.bot
    text = f"<@{bot.id}> <@{juno.id}>랑 <#{general.id}>에서 봐 <:wave:123>"
    discord.server.say(mina, text, general, mentions=[bot, juno])
    await replied(discord, general, "들었어: Juno랑 general에서 봐 :wave:")


async def test_bots_webhooks_and_system_messages_are_ignored(discord: Rig, mina: Person) -> None:
    server, world = discord.server, discord.server.world
    channel = world.private(mina)
    server.say(Person(name="other", is_bot=True), "나도 봇", channel)
    server.say(mina, "웹훅", channel, webhook_id="77")
    server.say(mina, "", channel, type=7)
    server.say(mina, "사람", channel)
    await replied(discord, channel, "들었어: 사람")
    assert len(discord.mind.heard) == 1


async def test_edited_message_is_not_answered_again(discord: Rig, mina: Person) -> None:
    number = discord.server.say(mina, "첫 말")
    channel = discord.server.world.private(mina)
    await replied(discord, channel, "들었어: 첫 말")
    discord.server.edit(number, "고친 말")
    discord.server.say(mina, "다음 말")
    await replied(discord, channel, "들었어: 첫 말", "들었어: 다음 말")


async def test_message_that_arrives_twice_is_answered_once(discord: Rig, mina: Person) -> None:
    discord.server.say(mina, "한 번만")
    channel = discord.server.world.private(mina)
    await replied(discord, channel, "들었어: 한 번만")
    discord.server.gateway.again()
    discord.server.say(mina, "다음")
    await replied(discord, channel, "들었어: 한 번만", "들었어: 다음")


async def test_message_that_cannot_be_noted_is_answered(discord: Rig, mina: Person) -> None:
    discord.desk.seen = StorageError("database is locked")
    discord.server.say(mina, "들려?")
    await replied(discord, discord.server.world.private(mina), "들었어: 들려?")


async def test_thread_is_a_conversation_of_its_own(tmp_path: Path, mina: Person) -> None:
    parent = Channel(name="general", guild="")
    thread = Channel(name="thread", guild="", parent=parent.id)
    async with open_rig(tmp_path, prepare=lambda server: put(server, parent, thread)) as discord:
        bot = discord.server.world.bot
        discord.server.say(mina, f"<@{bot.id}> 여기도?", thread, mentions=[bot])
        await replied(discord, thread, "들었어: 여기도?")
        assert discord.mind.heard[0].conversation.id == thread.id


async def test_channel_set_for_her_is_answered_without_mention(tmp_path: Path, mina: Person) -> None:
    home, other = Channel(name="home", guild=""), Channel(name="other", guild="")
    thread = Channel(name="thread", guild="", parent=home.id)

    def prepare(server: DiscordServer) -> None:
        server.world.has_message_content = True
        put(server, home, other, thread)

    async with open_rig(tmp_path, prepare=prepare, message_content=True) as discord:
        discord.desk.free.add(home.id)
        discord.server.say(mina, "조용한 곳", other)
        discord.server.say(mina, "하나", home)
        discord.server.say(mina, "둘", home)
        discord.server.say(mina, "스레드", thread)
        await replied(discord, home, "들었어: 하나", "들었어: 둘")
        await replied(discord, thread, "들었어: 스레드")
        assert discord.server.world.texts(other) == []


async def test_2001_characters_come_in_two_messages(discord: Rig, mina: Person) -> None:
    said = ("가나다라 " * 400)[:2000] + "끝"
    discord.mind.says["길게"].append(said)
    discord.server.say(mina, "길게")
    first, second = await settled(discord, discord.server.world.private(mina), 2)
    assert all(len(part["content"]) <= 2000 for part in (first, second))
    assert f"{first['content']} {second['content']}".split() == said.split()
    assert first["components"] == []


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("@everyone 모여!", lambda text: "@everyone" not in text),
        ("<@&123> <@456>", lambda text: "<@" not in text),
        ("[눌러](javascript:alert(1))", lambda text: "](" not in text.replace("\\](", "")),
        ("# 큰 글씨", lambda text: text.startswith("\\#")),
        ("**굵게** `코드`", lambda text: text == "\\*\\*굵게\\*\\* \\`코드\\`"),
        ("왼\u202e쪽\u200b끝\u2066", lambda text: text == "왼쪽끝"),
        ("```\n끝없는 울타리", lambda text: "\\`\\`\\`" in text),
    ],
)
async def test_what_she_says_does_nothing_on_discord(
    discord: Rig, mina: Person, said: str, seen: Callable[[str], bool]
) -> None:
    discord.mind.says["해 봐"].append(said)
    discord.server.say(mina, "해 봐")
    (reply,) = await settled(discord, discord.server.world.private(mina))
    assert seen(reply["content"]), reply["content"]


@pytest.mark.parametrize(
    "said", ["가" * 2001, "\u202eشكرا\u202c", "안\u200b녕\ufeff", "**굵게** `코드` [눌러](javascript:alert(1))"]
)
async def test_what_a_person_writes_is_heard_as_typed(discord: Rig, mina: Person, said: str) -> None:
    discord.mind.says[said].append("응!")
    discord.server.say(mina, said)
    await replied(discord, discord.server.world.private(mina), "응!")
    assert [request.text for request in discord.mind.heard] == [said]


async def test_twenty_people_are_answered_in_their_order(discord: Rig) -> None:
    world = discord.server.world
    people = [Person(name=f"user{number}") for number in range(20)]
    for round_number in range(3):
        for person in people:
            discord.server.say(person, f"{round_number}번째")
    for person in people:
        await replied(discord, world.private(person), *(f"들었어: {number}번째" for number in range(3)))
    await discord.front._turns.idle(60)
    assert len(world.standing()) == 60


async def test_reply_stops_quietly_where_she_may_not_write(discord: Rig, mina: Person) -> None:
    world = discord.server.world
    lost = Person(name="lost")
    discord.server.say(lost, "들려?")
    del world.channels[world.private(lost).id]
    discord.server.say(mina, "안녕")
    await replied(discord, world.private(mina), "들었어: 안녕")
    assert not discord.running.done()


async def test_close_lets_a_finished_reply_arrive(tmp_path: Path, mina: Person) -> None:
    async with open_rig(tmp_path) as discord:
        world = discord.server.world
        discord.server.say(mina, "잘 가")
        await world.until(lambda: discord.mind.ended)
        await discord.front.close()
        assert world.texts(world.private(mina)) == ["들었어: 잘 가"]
        async with asyncio.timeout(30):
            await discord.running
