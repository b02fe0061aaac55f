"""The real desk on Discord: commands, buttons and forms from the client library down to the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.answers import Rights
from bot.handlers.communities import PersonaDefaults
from bot.handlers.reception import Reception, ReceptionSettings
from engine.types import ChatReply, TurnDetails
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import MemoryAction, UserKey
from tests.e2e.discord_objects import EPHEMERAL, Channel, Json, Person
from tests.e2e.discord_rig import NOW, SEOUL, SMILE, Rig, open_rig, replied, settled
from tests.e2e.discord_server import open_discord_server
from tests.e2e.discord_world import Interaction
from tests.fakes import make_firewall

MODERATE, MANAGE = 1 << 40, 1 << 5


@pytest.fixture
def reception(database: Database) -> Reception:
    persona = PersonaDefaults(profile="embedded", temperature=0.6, face_mode="off")
    url = "http://127.0.0.1:8710"
    settings = ReceptionSettings(locale="ko", zone=SEOUL, persona=persona, dashboard_url=url, look_s=0.05)
    return Reception(database, lambda: NOW, settings, make_firewall())


@pytest.fixture
async def rig(tmp_path: Path, reception: Reception) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, prepare=lambda server: server.world.channel(), reception=reception) as rig:
        rounds = asyncio.create_task(reception.rounds.run())
        yield rig
        rounds.cancel()
        await asyncio.wait([rounds])


@pytest.fixture
def general(rig: Rig) -> Channel:
    return next(channel for channel in rig.server.world.channels.values() if channel.guild)


async def remember(database: Database, person: Person, count: int) -> None:
    user = UserKey(platform="discord", id=person.id)
    async with database.begin() as session:
        for number in range(count):
            moment = NOW + timedelta(minutes=number)
            await MemoryStore(session).remember(user, f"기억{number:02}", f"값{number:02}", moment, None)


async def memories(database: Database, person: Person) -> list[str]:
    async with database.read() as session:
        return [m.value for m in await MemoryStore(session).of_user(UserKey(platform="discord", id=person.id))]


def shown(rig: Rig, asked: Interaction) -> Json:
    return rig.server.shown(asked)[-1]


def labels(message: Json) -> list[str]:
    return [button["label"] for row in message["components"] for button in row["components"]]


async def test_memories_are_turned_over_and_forgotten(rig: Rig, database: Database, mina: Person) -> None:
    await remember(database, mina, 12)
    asked = rig.server.slash(mina, "memory list")
    assert "값00" in await rig.server.answered(asked)
    page = shown(rig, asked)
    rig.server.press(mina, page, labels(page)[-1])
    await rig.server.world.until(lambda: "값11" in page["content"])
    await rig.server.answered(rig.server.slash(mina, "memory forget", number=1))
    assert len(await memories(database, mina)) == 11


async def test_memory_is_seen_edited_and_taken_back_from_the_reply(
    rig: Rig, database: Database, general: Channel, mina: Person
) -> None:
    server, juno = rig.server, Person(name="juno")
    details = TurnDetails(memories_saved=("[취미: 수영]",), memory_action=MemoryAction.CREATED)
    rig.mind.says["나 수영해"].append(ChatReply(text="좋겠다!", expression=SMILE, notice=None, details=details))
    server.say(mina, "나 수영해", general, mentions=[server.world.bot])
    (reply,) = await settled(rig, general)
    async with database.begin() as session:
        heard = rig.mind.heard[-1]
        await MemoryStore(session).remember(heard.user, "취미", "수영", NOW, heard.request_id)
    stranger = server.press(juno, reply, "기억했어")
    assert "네 기억이 아니거나" in await server.answered(stranger)
    opened = server.press(mina, reply, "기억했어")
    assert "취미: 수영" in await server.answered(opened)
    assert server.is_private(opened)
    card = shown(rig, opened)
    assert labels(card) == ["고치기", "지우기", "고정", "되돌리기"]
    asked = server.press(mina, card, "고치기")
    await server.world.until(lambda: asked.ack)
    server.fill(mina, asked, value="등산")
    await server.world.until(lambda: "등산" in card["content"])
    assert await memories(database, mina) == ["등산"]
    server.press(mina, card, "되돌리기")
    await server.world.until(lambda: "되돌렸어" in card["content"])
    assert await memories(database, mina) == ["수영"]


async def test_suggestions_name_ones_own_memories(rig: Rig, database: Database, mina: Person) -> None:
    await remember(database, mina, 3)
    typed = rig.server.complete(mina, "memory forget", "number", "")
    await rig.server.world.until(lambda: typed.ack)
    assert typed.ack is not None
    assert [choice["value"] for choice in typed.ack["data"]["choices"]] == [1, 2, 3]


async def test_forgetting_everything_is_confirmed_first(rig: Rig, database: Database, mina: Person) -> None:
    await remember(database, mina, 2)
    asked = rig.server.slash(mina, "forgetme")
    await rig.server.answered(asked)
    question = shown(rig, asked)
    assert await memories(database, mina) == ["값00", "값01"]
    before = question["content"]
    rig.server.press(mina, question, labels(question)[0])
    await rig.server.world.until(lambda: question["content"] != before)
    assert await memories(database, mina) == []


async def test_own_data_come_as_a_file(rig: Rig, mina: Person) -> None:
    asked = rig.server.slash(mina, "mydata")
    await rig.server.answered(asked)
    ((name, data),) = rig.server.world.files[shown(rig, asked)["id"]]
    assert name.endswith(".zip")
    with ZipFile(BytesIO(data)) as archive:
        assert "README.txt" in archive.namelist()


async def test_only_admins_set_her_channels(rig: Rig, general: Channel, mina: Person) -> None:
    refused = await rig.server.answered(rig.server.slash(mina, "setup channel", general, channel=general))
    admin = Person(name="admin", permissions=MANAGE)
    done = await rig.server.answered(rig.server.slash(admin, "setup channel", general, channel=general))
    assert refused != done
    overview = await rig.server.answered(rig.server.slash(admin, "setup show", general))
    assert general.id in overview


async def card_of(rig: Rig, general: Channel, *words: str) -> Json:
    """Wait until the only card in the modlog says all of `words`, and return it."""
    world = rig.server.world
    await world.until(lambda: len(world.replies(general)) == 1 and all(w in world.texts(general)[0] for w in words))
    return world.replies(general)[0]


async def fill_in(rig: Rig, person: Person, card: Json, label: str, **values: str) -> str:
    """Press a button of a card, answer its form, and return what only that person is told."""
    asked = rig.server.press(person, card, label)
    await rig.server.world.until(lambda: asked.ack)
    return await rig.server.answered(rig.server.fill(person, asked, **values))


async def test_appeal_goes_from_its_form_over_the_card_to_the_user(rig: Rig, general: Channel, mina: Person) -> None:
    server, moderator = rig.server, Person(name="mod", permissions=MODERATE)
    admin, stranger = Person(name="admin", permissions=MANAGE), Person(name="stranger", permissions=0)
    await server.answered(server.slash(admin, "setup modlog", general, channel=general))
    await server.answered(server.slash(moderator, "block", general, user=mina, length="3d", reason="도배 @everyone"))
    card = await card_of(rig, general, "＠everyone", "상태: 유효")
    assert labels(card) == ["자세히", "줄이거나 풀기", "취소(잘못된 제재)"]
    asked = server.slash(mina, "appeal", general)
    await server.world.until(lambda: asked.ack)
    await server.answered(server.fill(mina, asked, why="한 번만 봐줘"))
    card = await card_of(rig, general, "이의신청이 결정을 기다리고")
    assert "한 번만" not in card["content"]
    for person in (stranger, mina):
        assert "누를 권한이 없" in await server.answered(server.press(person, card, "유지"))
    opened = server.press(moderator, card, "자세히")
    assert "한 번만 봐줘" in await server.answered(opened)
    assert server.is_private(opened)
    first, second = (server.press(each, card, "줄이거나 풀기") for each in (moderator, admin))
    await server.world.until(lambda: first.ack and second.ack)
    assert "끝나요" in await server.answered(server.fill(moderator, first, reason="처음이라서", remaining="1d"))
    assert "이미 결정" in await server.answered(server.fill(admin, second, reason="아님", remaining=""))
    await card_of(rig, general, "상태: 줄어듦", "처음이라서")
    private = server.world.private(mina)
    await server.world.until(lambda: server.world.texts(private))
    assert "까지로 줄였어요.\n이유: 처음이라서" in server.world.texts(private)[0]


async def test_card_outlives_a_restart_and_a_made_up_button_does_nothing(
    tmp_path: Path, reception: Reception, mina: Person, database: Database
) -> None:
    moderator, admin = Person(name="mod", permissions=MODERATE), Person(name="admin", permissions=MANAGE)
    async with open_discord_server() as server:
        general = server.world.channel()
        async with open_rig(tmp_path, server=server, reception=reception) as rig:
            await server.answered(server.slash(admin, "setup modlog", general, channel=general))
            await server.answered(server.slash(moderator, "warn", general, user=mina, reason="도배"))
            await reception.rounds.look()
            card = await card_of(rig, general, "도배")
            await reception.rounds.settled()
        server.gateway.identified = 0
        again = Reception(database, lambda: NOW, reception._settings, make_firewall())
        async with open_rig(tmp_path, server=server, reception=again) as rig:
            made_up = {"components": [{"components": [{"custom_id": "f:~overturn:99", "id": 1, "label": "x"}]}]}
            forged = server.press(moderator, {**card, **made_up}, "x")
            assert "누를 권한이 없" in await server.answered(forged)
            assert "취소" in await fill_in(rig, moderator, card, "취소", reason="오해")
            await again.rounds.look()
            await card_of(rig, general, "상태: 취소됨")
            await again.rounds.settled()


async def test_card_of_a_user_who_forgets_names_them_no_more(rig: Rig, general: Channel, mina: Person) -> None:
    server, moderator = rig.server, Person(name="mod", permissions=MODERATE)
    await server.answered(
        server.slash(Person(name="admin", permissions=MANAGE), "setup modlog", general, channel=general)
    )
    await server.answered(server.slash(moderator, "block", general, user=mina, length="3d", reason="도배"))
    assert mina.id in (await card_of(rig, general, "도배"))["content"]
    asked = server.slash(mina, "forgetme", general)
    await server.answered(asked)
    server.press(mina, shown(rig, asked), "모두 지우기")
    card = await card_of(rig, general, "(삭제됨)", "상태: 유효")
    assert mina.id not in card["content"]
    assert "도배" not in card["content"]


async def test_report_reaches_the_modlog(rig: Rig, general: Channel, mina: Person) -> None:
    server, admin = rig.server, Person(name="admin", permissions=MANAGE)
    await server.answered(server.slash(admin, "setup modlog", general, channel=general))
    number = server.say(Person(name="bad"), "나쁜 말", general)
    await server.answered(server.use_menu(mina, server.world.messages[number]))
    await server.world.until(lambda: server.world.replies(general))
    link = f"https://discord.com/channels/{server.world.guild_id}/{general.id}/{number}"
    assert f" {link} " in server.world.replies(general)[-1]["content"]  # it can be opened


async def test_language_is_chosen_by_command(rig: Rig, mina: Person) -> None:
    await rig.server.answered(rig.server.slash(mina, "language", language="en"))
    about = await rig.server.answered(rig.server.slash(mina, "privacy"))
    assert about.isascii() or "memory" in about.lower()


async def test_owner_registers_the_commands_anew(rig: Rig, mina: Person) -> None:
    await rig.server.answered(rig.server.slash(mina, "sync"))
    assert rig.server.world.syncs == 0
    await rig.server.answered(rig.server.slash(rig.server.world.owner, "sync"))
    assert rig.server.world.syncs == 1


async def test_message_that_comes_again_after_a_restart_is_known(
    tmp_path: Path, reception: Reception, mina: Person
) -> None:
    async with open_discord_server() as server:
        async with open_rig(tmp_path, server=server, reception=reception) as rig:
            number = server.say(mina, "안녕")
            await replied(rig, server.world.private(mina), "들었어: 안녕")
        again = dict(server.world.messages[number])
        server.gateway.identified = 0
        async with open_rig(tmp_path, server=server, reception=reception) as rig:
            server.gateway.emit("MESSAGE_CREATE", again)
            server.say(mina, "또 안녕")
            await replied(rig, server.world.private(mina), "들었어: 안녕", "들었어: 또 안녕")
            assert [request.text for request in rig.mind.heard] == ["또 안녕"]


async def test_link_to_the_dashboard_can_be_opened_and_is_seen_by_the_moderator_only(
    rig: Rig, general: Channel
) -> None:
    asked = rig.server.slash(Person(name="mod", permissions=MODERATE), "dashboard", general)
    await rig.server.answered(asked)
    await rig.server.world.until(lambda: len(rig.server.shown(asked)) == 2)
    link = shown(rig, asked)
    assert link["content"].startswith("<http://127.0.0.1:8710/enter/")
    assert link["flags"] & EPHEMERAL
    stranger = await rig.server.answered(rig.server.slash(Person(name="stranger"), "dashboard", general))
    assert "/enter/" not in stranger


async def test_dashboard_asks_discord_what_somebody_may_do_now(rig: Rig, reception: Reception) -> None:
    world, mina = rig.server.world, Person(name="mina")
    world.members[mina.id] = mina
    owner, member, stranger = [
        await reception.rights_of(UserKey(platform="discord", id=number), world.guild_id)
        for number in (world.owner.id, mina.id, "4444")
    ]
    assert owner == Rights(is_moderator=True, is_admin=True, is_owner=True)
    assert member == stranger == Rights()
