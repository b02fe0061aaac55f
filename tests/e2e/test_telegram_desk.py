"""The real desk on Telegram: commands that read and write the database, end to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.answers import Rights
from bot.handlers.communities import PersonaDefaults
from bot.handlers.reception import Reception, ReceptionSettings
from storage.database import Database
from storage.records import UserKey
from tests.e2e.telegram_rig import CHULSOO, MINJI, NOW, OWNER, REPLY, SEOUL, Rig, open_rig
from tests.e2e.telegram_world import BOT, administrator
from tests.fakes import make_firewall

AT = f"@{BOT['username']}"


@pytest.fixture
def desk(database: Database) -> Reception:
    persona = PersonaDefaults(profile="ohlora-v4", temperature=0.6, face_mode="off")
    url = "http://127.0.0.1:8710"
    settings = ReceptionSettings(locale="ko", zone=SEOUL, persona=persona, dashboard_url=url, look_s=0.05)
    return Reception(database, lambda: NOW, settings, make_firewall())


@pytest.fixture
async def rig(database: Database, desk: Reception) -> AsyncIterator[Rig]:
    async with open_rig(database, real_desk=desk) as rig:
        rounds = asyncio.create_task(desk.rounds.run())
        yield rig
        rounds.cancel()
        await asyncio.wait([rounds])


async def press(rig: Rig, user: dict[str, object], number: int) -> None:
    """Press a button of her last message in private."""
    message = rig.world.sent(int(str(user["id"])))[-1]
    query = rig.world.press(user, message, rig.world.buttons(message)[number]["callback_data"])
    await rig.server.until(lambda: rig.world.queries[query])


async def refused(rig: Rig, user: dict[str, object], message: dict[str, Any], data: str) -> str:
    """Press a button, also a made-up one, and return what the person alone is told."""
    query = rig.world.press(user, message, data)
    await rig.server.until(lambda: rig.world.queries[query])
    return str(rig.world.queries[query])


async def test_first_steps_of_a_person(rig: Rig) -> None:
    rig.generator.enqueue("memory", "[좋아하는 음식: 떡볶이]")
    assert "나 오로라야" in (await rig.ask(MINJI, "/start hello"))[-1]
    assert (await rig.ask(MINJI, "나 떡볶이 좋아해"))[-1] == REPLY
    assert "떡볶이" in (await rig.ask(MINJI, "/memory"))[-1]
    assert "떡볶이" in (await rig.ask(MINJI, "/memory forget 1"))[-1]
    assert "떡볶이" not in (await rig.ask(MINJI, "/memory"))[-1]
    await rig.ask(MINJI, "/language en")
    assert "remember" in (await rig.ask(MINJI, "/memory"))[-1].lower()


async def test_memory_is_seen_and_taken_back_from_the_reply(rig: Rig) -> None:
    rig.generator.enqueue("memory", "[좋아하는 음식: 떡볶이]")
    await rig.ask(MINJI, "나 떡볶이 좋아해")
    await press(rig, MINJI, 1)
    assert "[좋아하는 음식: 떡볶이]\n어디서: " in (await rig.server.texts(MINJI["id"], 2))[-1]
    await press(rig, MINJI, 3)
    await rig.server.until(lambda: "잊었어" in rig.world.texts(MINJI["id"])[-1])
    assert "떡볶이" not in (await rig.ask(MINJI, "/memory"))[-1]


async def test_memory_of_a_group_opens_for_its_person_and_in_private(rig: Rig) -> None:
    group = rig.world.group()
    for user in (MINJI, CHULSOO):
        await rig.ask(user, "/start")
    rig.generator.enqueue("memory", "[좋아하는 음식: 떡볶이]")
    rig.world.say(MINJI, f"{AT} 나 떡볶이 좋아해", chat=group)
    await rig.server.until(lambda: rig.world.sent(group["id"]))
    reply = rig.world.sent(group["id"])[-1]
    mark = rig.world.buttons(reply)[1]["callback_data"]
    query = rig.world.press(CHULSOO, reply, mark)
    await rig.server.until(lambda: rig.world.queries[query])
    assert "네 기억이 아니거나" in str(rig.world.queries[query])
    rig.world.press(MINJI, reply, mark)
    assert "[좋아하는 음식: 떡볶이]" in (await rig.server.texts(MINJI["id"], 2))[-1]
    assert not any("떡볶이" in text for text in rig.world.texts(CHULSOO["id"]))


async def test_everything_is_erased_after_a_confirmation(rig: Rig) -> None:
    rig.generator.enqueue("memory", "[좋아하는 음식: 떡볶이]")
    await rig.ask(MINJI, "나 떡볶이 좋아해")
    await rig.ask(MINJI, "/forgetme")
    await press(rig, MINJI, 0)
    await rig.server.until(lambda: rig.world.texts(MINJI["id"])[-1] == "모두 지웠어요.")
    assert "떡볶이" not in (await rig.ask(MINJI, "/memory"))[-1]


async def test_block_can_be_appealed(rig: Rig) -> None:
    assert "이야기할 수 없어" in (await rig.ask(MINJI, "범죄 얘기"))[-1]
    assert "혐오·범죄" in (await rig.ask(MINJI, "/status"))[-1]
    question = (await rig.ask(MINJI, "/appeal"))[-1]
    assert "왜 잘못되었다고 생각하나요?" in question
    rig.world.say(MINJI, "영화 얘기였어요", reply_to_message=rig.world.sent(MINJI["id"])[-1])
    await rig.server.until(lambda: "이의신청을 받았어요" in rig.world.texts(MINJI["id"])[-1])


async def test_appeal_goes_over_the_card_of_another_group_to_the_user(rig: Rig) -> None:
    group, council = rig.world.group(-1001), rig.world.group(-1002)
    boss = [administrator(OWNER, status="creator")]
    rig.world.admins |= {group["id"]: boss, council["id"]: [*boss, administrator(CHULSOO)]}
    for user in (MINJI, CHULSOO, OWNER):
        await rig.ask(user, "/start")
    rig.world.say(OWNER, f"/setup modlog {council['id']}", chat=group)
    await rig.server.texts(OWNER["id"], 2)
    rig.world.say(OWNER, f"/block {MINJI['id']} 3d 도배", chat=group)
    await rig.server.until(lambda: rig.world.texts(council["id"]))
    await rig.ask(MINJI, "/appeal")
    rig.world.say(MINJI, "영화 얘기였어요", reply_to_message=rig.world.sent(MINJI["id"])[-1])
    await rig.server.until(lambda: "결정을 기다리고" in rig.world.texts(council["id"])[0])
    card = rig.world.sent(council["id"])[0]
    assert "영화" not in card["text"]
    uphold = next(button for button in rig.world.buttons(card) if button["text"] == "유지")["callback_data"]
    for user, data in ((CHULSOO, uphold), (MINJI, uphold), (OWNER, "d:~uphold:99"), (OWNER, "d:~uphold:1 OR 1")):
        assert "누를 권한이 없" in await refused(rig, user, card, data)
    asked = len(rig.world.texts(OWNER["id"]))
    rig.world.press(OWNER, card, uphold)
    assert "이유" in (await rig.server.texts(OWNER["id"], asked + 1))[-1]
    rig.world.say(OWNER, "분명한 도배", reply_to_message=rig.world.sent(OWNER["id"])[-1])
    await rig.server.until(lambda: "이의신청을 받아들이지 않았어요: 분명한 도배" in rig.world.texts(council["id"])[0])
    await rig.server.until(lambda: "제재를 유지하기로 했어요.\n이유: 분명한 도배" in rig.world.texts(MINJI["id"])[-1])
    assert len([text for text in rig.world.texts(council["id"]) if text.startswith("#1")]) == 1


async def test_card_of_a_user_who_forgets_names_them_no_more(rig: Rig) -> None:
    group, council = rig.world.group(-1001), rig.world.group(-1002)
    boss = [administrator(OWNER, status="creator")]
    rig.world.admins |= {group["id"]: boss, council["id"]: boss}
    for user in (MINJI, OWNER):
        await rig.ask(user, "/start")
    rig.world.say(OWNER, f"/setup modlog {council['id']}", chat=group)
    await rig.server.texts(OWNER["id"], 2)
    rig.world.say(OWNER, f"/block {MINJI['id']} 3d 도배", chat=group)
    await rig.server.until(lambda: f"사용자 {MINJI['id']}" in "".join(rig.world.texts(council["id"])))
    await rig.ask(MINJI, "/forgetme")
    question = rig.world.sent(MINJI["id"])[-1]
    erase = next(button for button in rig.world.buttons(question) if button["text"] == "모두 지우기")
    rig.world.press(MINJI, question, erase["callback_data"])
    await rig.server.until(lambda: "(삭제됨)" in rig.world.texts(council["id"])[0])
    (card,) = rig.world.texts(council["id"])
    assert f"사용자 {MINJI['id']}" not in card
    assert "도배" not in card


async def test_admin_sets_a_group_up_and_a_stranger_may_not(rig: Rig) -> None:
    group = rig.world.group()
    rig.world.admins[group["id"]] = [administrator(MINJI, status="creator")]
    await rig.ask(MINJI, "/start")
    await rig.ask(CHULSOO, "/start")
    rig.world.say(CHULSOO, "/setup channel", chat=group)
    await rig.server.texts(CHULSOO["id"], 2)
    assert "대답해요" not in rig.world.texts(CHULSOO["id"])[-1]
    rig.world.say(MINJI, "/setup channel", chat=group)
    assert "부르지 않아도 대답해요" in (await rig.server.texts(MINJI["id"], 2))[-1]
    rig.world.say(CHULSOO, "아무 말", chat=group)
    await rig.server.until(lambda: REPLY in rig.world.texts(group["id"]))


async def test_report_comes_to_the_moderators_only_where_the_admin_may_send_it(rig: Rig) -> None:
    group, council, other = rig.world.group(-1001), rig.world.group(-1002), rig.world.group(-1003)
    boss = [administrator(MINJI, status="creator")]
    rig.world.admins |= {group["id"]: boss, council["id"]: boss}
    for user in (MINJI, CHULSOO):
        await rig.ask(user, "/start")
    rig.world.say(MINJI, f"/setup modlog {other['id']}", chat=group)
    assert "거기서도 관리자" in (await rig.server.texts(MINJI["id"], 2))[-1]
    rig.world.say(MINJI, f"/setup modlog {council['id']}", chat=group)
    assert "남길게요" in (await rig.server.texts(MINJI["id"], 3))[-1]
    rude = rig.world.say(MINJI, "나쁜 말", chat=group)
    rig.world.say(CHULSOO, "/report", chat=group, reply_to_message=rude)
    await rig.server.until(lambda: any("신고" in text for text in rig.world.texts(council["id"])))
    assert "고마워요" in (await rig.server.texts(CHULSOO["id"], 2))[-1]
    assert rig.world.texts(other["id"]) == []


async def test_update_that_comes_again_after_a_restart_is_known(rig: Rig) -> None:
    rig.world.say(MINJI, "안녕!")
    (update,) = rig.world.updates
    await rig.server.texts(MINJI["id"], 1)
    await rig.stop()
    rig.world.push(dict(update))
    await rig.start(rig.make_front())
    await rig.ask(MINJI, "또 안녕")
    assert len(rig.generator.prompts("output_message")) == 2


async def test_link_to_the_dashboard_comes_in_private_and_can_be_opened(rig: Rig, desk: Reception) -> None:
    group = rig.world.group()
    rig.world.admins[group["id"]] = [administrator(MINJI, "can_restrict_members")]
    for user in (MINJI, CHULSOO):
        await rig.ask(user, "/start")
        rig.world.say(user, f"/dashboard{AT}", chat=group)
    assert "\n\nhttp://127.0.0.1:8710/enter/" in (await rig.server.texts(MINJI["id"], 2))[-1]
    assert "/enter/" not in (await rig.server.texts(CHULSOO["id"], 2))[-1]
    assert not any("/enter/" in text for text in rig.world.texts(group["id"]))
    asked = [UserKey(platform="telegram", id=str(user["id"])) for user in (MINJI, CHULSOO)]
    moderator, stranger = [await desk.rights_of(user, str(group["id"])) for user in asked]
    assert (moderator, stranger) == (Rights(is_moderator=True), Rights())
    assert await desk.rights_of(asked[0], "no group") is None
