"""Talking on Telegram, with the real client library against a Bot API server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.spoken import FaceMode
from storage.database import Database
from storage.records import UserKey
from storage.sanctions import SanctionStore
from tests.e2e.telegram_rig import CHULSOO, MINJI, REPLY, Rig, open_rig
from tests.e2e.telegram_server import Fault
from tests.e2e.telegram_world import BOT, person

AT = f"@{BOT['username']}"


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[Rig]:
    async with open_rig(database) as rig:
        yield rig


async def test_private_message_is_answered_with_typing_and_drafts_before(rig: Rig) -> None:
    assert await rig.ask(MINJI, "안녕!") == [REPLY]
    chat = MINJI["id"]
    typing = rig.server.made("sendChatAction")
    assert typing[0].params == {"chat_id": chat, "action": "typing"}
    drafts = [draft["text"] for draft in rig.world.drafts]
    assert drafts
    assert all(REPLY.startswith(draft) for draft in drafts)
    assert len({draft["draft_id"] for draft in rig.world.drafts}) == 1
    (sent,) = rig.server.made("sendMessage")
    assert rig.server.calls.index(typing[0]) < rig.server.calls.index(sent)
    assert "reply_parameters" not in sent.params
    assert sent.params["link_preview_options"] == {"is_disabled": True}


async def test_messages_of_a_person_are_answered_in_order(rig: Rig) -> None:
    replies = [f"{number}번째 답이야 😊" for number in range(6)]
    rig.generator.enqueue("output_message", *replies)
    for number in range(6):
        rig.world.say(MINJI, f"{number}번째")
    assert await rig.server.texts(MINJI["id"], 6) == replies


async def test_group_is_answered_when_she_is_named_replied_to_or_set_to_talk(rig: Rig) -> None:
    group = rig.world.group()
    silent = rig.world.say(MINJI, "우리끼리 하는 말", chat=group)
    named = rig.world.say(MINJI, f"{AT} 안녕!", chat=group)
    assert await rig.server.texts(group["id"], 1) == [REPLY]
    (hers,) = rig.world.sent(group["id"])
    replied = rig.world.say(CHULSOO, "나도 안녕", chat=group, reply_to_message=hers)
    await rig.server.texts(group["id"], 2)
    rig.desk.free_channels.add(str(group["id"]))
    free = rig.world.say(CHULSOO, "아무 말", chat=group)
    await rig.server.texts(group["id"], 3)
    answered = [call.params["reply_parameters"]["message_id"] for call in rig.server.made("sendMessage")]
    assert answered == [named["message_id"], replied["message_id"], free["message_id"]]
    assert silent["message_id"] not in answered
    assert rig.generator.prompts("output_message")[0].startswith("안녕!")
    assert not rig.world.drafts  # drafts are for private chats


async def test_topic_is_answered_in_the_topic_and_has_a_conversation_of_its_own(rig: Rig) -> None:
    forum = rig.world.group(-1002, is_forum=True)
    topic = {"message_thread_id": 42, "is_topic_message": True}
    opening = {
        "message_id": 42, "date": 0, "chat": forum, "from": MINJI, **topic,
        "forum_topic_created": {"name": "수다", "icon_color": 7322096},
    }  # fmt: skip
    rig.world.say(MINJI, "듣기만 해", chat=forum, reply_to_message=opening, **topic)
    rig.world.say(MINJI, f"{AT} 안녕!", chat=forum, reply_to_message=opening, **topic)
    await rig.server.texts(forum["id"], 1)
    (sent,) = rig.server.made("sendMessage")
    assert sent.params["message_thread_id"] == 42
    assert all(call.params.get("message_thread_id") == 42 for call in rig.server.made("sendChatAction"))


async def test_reply_to_her_continues_the_thread(rig: Rig) -> None:
    rig.generator.enqueue("summary", "첫 알바를 응원함")
    await rig.ask(MINJI, "나 알바 첫날이야")
    await rig.ask(MINJI, "고마워")
    assert rig.generator.prompts("output_message")[1].startswith("(오로라 답변 요약) 첫 알바를 응원함")


async def test_reply_to_an_older_message_of_hers_goes_on_from_there(rig: Rig) -> None:
    group = rig.world.group()
    rig.generator.enqueue("summary", "여행을 부러워함", "시험을 응원함")
    for number, (user, text) in enumerate(((MINJI, "나 여행 가"), (CHULSOO, "나 시험 봐")), 1):
        rig.world.say(user, f"{AT} {text}", chat=group)
        await rig.server.texts(group["id"], number)
    rig.world.say(MINJI, "어디로 갈까?", chat=group, reply_to_message=rig.world.sent(group["id"])[0])
    await rig.server.texts(group["id"], 3)
    assert rig.generator.prompts("output_message")[-1].startswith("(오로라 답변 요약) 여행을 부러워함")


async def test_edited_messages_bots_and_service_messages_get_no_answer(rig: Rig) -> None:
    first = rig.world.say(MINJI, "안녕!")
    await rig.server.texts(MINJI["id"], 1)
    rig.world.edit(first, "안녕하세요!")
    chat = rig.world.chats[MINJI["id"]]
    rig.world.say({**person(13, "다른 봇"), "is_bot": True}, "나는 봇", chat=chat)
    rig.world.push({"message": {"message_id": 90, "date": 0, "chat": chat, "from": MINJI, "new_chat_title": "새 이름"}})
    await rig.ask(MINJI, "또 안녕")
    assert len(rig.generator.prompts("output_message")) == 2


async def test_update_that_comes_twice_is_answered_once_also_after_a_restart(rig: Rig) -> None:
    rig.world.say(MINJI, "안녕!")
    (update,) = rig.world.updates
    await rig.server.texts(MINJI["id"], 1)
    rig.world.push(dict(update))
    await rig.ask(MINJI, "또")
    await rig.stop()
    rig.world.push(dict(update))
    await rig.start(rig.make_front())
    await rig.ask(MINJI, "그리고 또")
    assert len(rig.generator.prompts("output_message")) == 3


async def test_sticker_says_its_emoji_and_a_voice_is_not_understood(rig: Rig) -> None:
    sticker = {
        "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 1, "height": 1, "is_animated": False,
        "is_video": False, "emoji": "😊",
    }  # fmt: skip
    rig.world.say(MINJI, None, sticker=sticker)
    await rig.server.texts(MINJI["id"], 1)
    assert rig.generator.prompts("output_message")[0].startswith("😊")
    rig.world.say(MINJI, None, voice={"file_id": "v", "file_unique_id": "v", "duration": 1})
    assert (await rig.server.texts(MINJI["id"], 2))[1] == "응? 아무 말도 안 들렸어. 한마디만 해 줘!"


async def test_picture_of_her_face_goes_with_the_reply_and_is_uploaded_once(rig: Rig) -> None:
    rig.desk.faces = FaceMode.PICTURE
    await rig.ask(MINJI, "안녕!")
    await rig.ask(CHULSOO, "안녕!")
    first, second = rig.server.made("sendPhoto")
    assert first.files["photo"].startswith(b"\x89PNG")
    assert first.params["caption"] == REPLY
    assert second.files == {}
    assert second.params["photo"] == rig.world.sent(MINJI["id"])[0]["photo"][0]["file_id"]
    assert len(rig.faces.drawn) == 1


async def test_file_that_telegram_forgot_is_uploaded_again(rig: Rig) -> None:
    rig.desk.faces = FaceMode.PICTURE
    await rig.ask(MINJI, "안녕!")
    rig.world.files.clear()
    assert await rig.ask(MINJI, "또 안녕") == [REPLY, REPLY]
    assert len(rig.faces.drawn) == 2


async def test_reply_comes_without_the_picture_where_pictures_are_not_allowed(rig: Rig) -> None:
    rig.desk.faces = FaceMode.PICTURE
    rig.server.fault_for = lambda method, _: Fault(status=400) if method == "sendPhoto" else None
    assert await rig.ask(MINJI, "안녕!") == [REPLY]


async def test_face_as_text(rig: Rig) -> None:
    rig.desk.faces = FaceMode.EMOJI
    assert await rig.ask(MINJI, "안녕!") == [f"( • ▽ • ) {REPLY}"]


async def test_reply_over_4096_characters_comes_in_parts_and_loses_nothing(rig: Rig) -> None:
    long = " ".join(f"{number}번째 문장이야 😊." for number in range(700))
    rig.generator.enqueue("output_message", long)
    rig.world.say(MINJI, "길게 말해 줘")
    await rig.server.until(lambda: "".join(rig.world.texts(MINJI["id"])).count("문장") == 700)
    assert len(rig.world.texts(MINJI["id"])) > 1


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("@everyone 봐", "＠everyone 봐"),
        ("[눌러](javascript:alert(1))", "[눌러](javascript：alert(1))"),
        ("*굵게* `코드` <b>태그</b>", "*굵게* `코드` <b>태그</b>"),
        ("거꾸로\u202e로구\u202c", "거꾸로로구"),
        ("안\u200b녕\u2066!\u2069", "안녕!"),
    ],
)
async def test_what_she_says_is_no_markup_mention_or_link(rig: Rig, said: str, sent: str) -> None:
    rig.generator.enqueue("output_message", *[said] * 3)
    assert await rig.ask(MINJI, "말해 봐") == [sent]
    assert all("parse_mode" not in call.params and "entities" not in call.params for call in rig.server.calls)


async def test_2001_characters_and_right_to_left_messages_are_taken(rig: Rig) -> None:
    rig.world.say(MINJI, "가" * 2001)
    rig.world.say(MINJI, "\u202eشكرا\u202c")
    rig.world.say(MINJI, "\u200b\u200d\ufeff")
    texts = await rig.server.texts(MINJI["id"], 3)
    assert texts[2] == "응? 아무 말도 안 들렸어. 한마디만 해 줘!"


async def test_sanctions_in_a_group_are_told_in_private_and_keep_the_messages_link(
    rig: Rig, database: Database
) -> None:
    group = rig.world.group()
    rig.world.chats[MINJI["id"]] = {"id": MINJI["id"], "type": "private", "first_name": "민지"}
    message = rig.world.say(MINJI, f"{AT} 범죄 얘기", chat=group)
    (private,) = await rig.server.texts(MINJI["id"], 1)
    assert "혐오·범죄" in private
    assert await rig.server.texts(group["id"], 1) == ["개인 채팅으로 답했어. 거기서 봐!"]
    async with database.read() as session:
        (sanction,) = await SanctionStore(session).of_user(UserKey(platform="telegram", id=str(MINJI["id"])))
    assert sanction.evidence.link == f"https://t.me/c/1/{message['message_id']}"


async def test_who_never_wrote_to_her_is_asked_to_do_so_once(rig: Rig) -> None:
    group = rig.world.group()
    for _ in range(3):
        rig.world.say(MINJI, f"{AT} 범죄 얘기", chat=group)
    (text,) = await rig.server.texts(group["id"], 1)
    assert "먼저 개인 채팅" in text
    (button,) = rig.world.buttons(rig.world.sent(group["id"])[0])
    assert button["url"] == f"https://t.me/{BOT['username']}?start=hello"
    rig.world.say(CHULSOO, f"{AT} 안녕!", chat=group)
    await rig.server.texts(group["id"], 2)
    assert "범죄" not in "".join(rig.world.texts(group["id"]))


async def test_person_who_blocked_her_stops_nothing(rig: Rig) -> None:
    rig.world.closed_chats.add(MINJI["id"])
    rig.world.say(MINJI, "안녕!")
    assert await rig.ask(CHULSOO, "안녕!") == [REPLY]


async def test_slow_chat_delays_no_other(database: Database) -> None:
    gate = asyncio.Event()
    async with open_rig(database, gate=gate, most_at_once=2) as rig:
        rig.world.say(MINJI, "안녕!")
        await rig.server.until(lambda: rig.generator.calls)
        rig.world.say(CHULSOO, "/help")
        assert await rig.server.texts(CHULSOO["id"], 1) == ["[help]"]
        assert rig.world.texts(MINJI["id"]) == []
