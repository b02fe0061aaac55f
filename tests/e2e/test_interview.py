"""An interview on both platforms: commands, buttons, answers and the card, from the client libraries down to the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.handlers.communities import PersonaDefaults
from bot.handlers.reception import Reception, ReceptionSettings
from bot.rendering import Texts
from engine.care import load_care
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from models.interview_bank import load_bank
from models.profile import load_profile
from storage.database import Database
from tests.e2e import discord_rig, telegram_rig
from tests.e2e.discord_objects import EPHEMERAL, Channel, Json, Person
from tests.e2e.discord_rig import NOW, SEOUL
from tests.e2e.telegram_rig import CHULSOO, MINJI
from tests.fakes import FakeEmbedder, FakeGenerator, make_firewall

BANK = load_bank("operating_systems")
GREETING, FIRST, SECOND = BANK.questions[:3]


@pytest.fixture
def reception(database: Database) -> Reception:
    persona = PersonaDefaults(profile="embedded", temperature=0.6, face_mode="off")
    settings = ReceptionSettings(locale="ko", zone=SEOUL, persona=persona)
    return Reception(database, lambda: NOW, settings, make_firewall())


# --- Telegram ---


@pytest.fixture
async def telegram(database: Database, reception: Reception) -> AsyncIterator[telegram_rig.Rig]:
    async with telegram_rig.open_rig(database, real_desk=reception) as rig:
        yield rig


async def press(rig: telegram_rig.Rig, user: dict[str, object], message: dict[str, object], label: str) -> str:
    """Press a button of a message of hers; return the number of the press."""
    button = next(each for each in rig.world.buttons(message) if each["text"] == label)
    return rig.world.press(user, message, button["callback_data"])


async def test_telegram_interview_from_start_to_card(telegram: telegram_rig.Rig) -> None:
    me = int(str(MINJI["id"]))
    assert (await telegram.ask(MINJI, "/interview start operating_systems"))[-1] in GREETING.ask
    assert (await telegram.ask(MINJI, "시작하자"))[-1].endswith(FIRST.ask)
    await press(telegram, MINJI, telegram.world.sent(me)[-1], "건너뛰기")
    assert (await telegram.server.texts(me, 3))[-1].endswith(SECOND.ask)
    telegram.world.say(MINJI, "/interview end")
    await telegram.server.until(lambda: any("document" in message for message in telegram.world.sent(me)))
    card, chart, page = telegram.world.sent(me)[-3:]
    assert "면접 결과: 운영체제" in card["text"]
    assert "photo" in chart
    assert "document" in page
    assert (await telegram.ask(MINJI, "안녕!"))[-1] == telegram_rig.REPLY


async def test_telegram_group_has_one_interview_and_its_buttons_are_the_persons_own(telegram: telegram_rig.Rig) -> None:
    group = telegram.world.group()
    for user in (MINJI, CHULSOO):
        await telegram.ask(user, "/start")
    telegram.world.say(MINJI, "/interview start operating_systems", chat=group)
    await telegram.server.texts(group["id"], 1)
    (greeting,) = telegram.world.sent(group["id"])
    query = await press(telegram, CHULSOO, greeting, "그만")
    await telegram.server.until(lambda: telegram.world.queries[query])
    telegram.world.say(CHULSOO, "/interview start", chat=group)
    assert "다른 사람" in (await telegram.server.texts(int(str(CHULSOO["id"])), 2))[-1]
    assert (await telegram.server.texts(group["id"], 2))[-1] == Texts("ko", SEOUL).get("telegram.sent_privately")
    telegram.world.say(CHULSOO, "나도 궁금해", chat=group, reply_to_message=greeting)
    assert (await telegram.server.texts(group["id"], 3))[-1] == telegram_rig.REPLY
    telegram.world.say(MINJI, "시작하자", chat=group, reply_to_message=greeting)
    assert (await telegram.server.texts(group["id"], 4))[-1].endswith(FIRST.ask)


# --- Discord ---


@pytest.fixture
async def discord(tmp_path: Path, database: Database, reception: Reception) -> AsyncIterator[discord_rig.Rig]:
    pipeline = ChatPipeline(
        profile=load_profile("ohlora-v4"),
        policy=load_policy("default"),
        care=load_care(),
        generator=FakeGenerator(),
        embedder=FakeEmbedder(),
        database=database,
        clock=lambda: NOW,
        seed=7,
    )
    async with discord_rig.open_rig(
        tmp_path, prepare=lambda server: server.world.channel(), reception=reception, run_turn=pipeline.run
    ) as rig:
        yield rig


def labels(message: Json) -> list[str]:
    return [button["label"] for row in message["components"] for button in row["components"]]


async def test_discord_interview_from_start_to_card(discord: discord_rig.Rig) -> None:
    mina, server = Person(name="mina"), discord.server
    room: Channel = next(channel for channel in server.world.channels.values() if channel.guild)
    asked = server.slash(mina, "interview start", room, bank="operating_systems")
    assert await server.answered(asked) in GREETING.ask
    assert not server.is_private(asked)
    (greeting,) = server.shown(asked)
    assert labels(greeting) == ["힌트", "건너뛰기", "그만"]
    stranger = server.press(Person(name="jun"), greeting, "건너뛰기")
    await server.answered(stranger)
    assert server.is_private(stranger)
    skipped = server.press(mina, greeting, "건너뛰기")
    assert (await server.answered(skipped)).endswith(FIRST.ask)
    assert not server.is_private(skipped)
    ended = server.press(mina, server.shown(skipped)[-1], "그만")
    assert "면접 결과: 운영체제" in await server.answered(ended)
    names = [file["filename"] for file in server.shown(ended)[-1]["attachments"]]
    assert [name.rpartition(".")[2] for name in names] == ["png", "html"]


async def test_discord_refusal_is_seen_by_its_person_alone(discord: discord_rig.Rig) -> None:
    mina, server = Person(name="mina"), discord.server
    room: Channel = next(channel for channel in server.world.channels.values() if channel.guild)
    asked = server.slash(mina, "interview skip", room)
    assert "/interview start" in await server.answered(asked)
    assert server.is_private(asked)
    assert not [message for message in server.world.messages.values() if not message["flags"] & EPHEMERAL]


async def test_discord_answer_has_the_buttons_of_the_next_question(discord: discord_rig.Rig) -> None:
    mina, server = Person(name="mina"), discord.server
    room = server.world.private(mina)
    await server.answered(server.slash(mina, "interview start", room, bank="operating_systems"))
    server.say(mina, "시작하자", room)
    await server.world.until(lambda: server.world.replies(room)[-1]["content"].endswith(FIRST.ask))
    reply = server.world.replies(room)[-1]
    await server.world.until(lambda: reply["components"])
    assert labels(reply) == ["힌트", "건너뛰기", "그만"]
