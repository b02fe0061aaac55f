"""Commands, buttons, forms and menus on Telegram, with the real client library against a server on loopback."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.answers import Announcement, Answer, Attachment, Button, ButtonStyle, Form, FormField, ReportedMessage
from storage.database import Database
from storage.errors import StorageError
from tests.e2e.telegram_rig import CHULSOO, MINJI, OWNER, Rig, open_rig
from tests.e2e.telegram_server import Fault
from tests.e2e.telegram_world import BOT, administrator, person

FORM = Form(
    token="form1",
    title="이의 제기",
    fields=(
        FormField(name="reason", label="왜 잘못되었나요?", placeholder="짧게 써 주세요", max_length=10),
        FormField(name="more", label="더 하고 싶은 말", is_required=False),
    ),
)
PAGES = ((Button(label="이전", token="back"), Button(label="다음", token="next", style=ButtonStyle.PRIMARY)),)


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[Rig]:
    async with open_rig(database) as rig:
        yield rig


async def test_command_is_run_with_its_options(rig: Rig) -> None:
    assert await rig.ask(MINJI, "/memory forget 2") == ["[memory forget]"]
    ((actor, arguments),) = rig.desk.questions("memory forget")
    assert arguments == {"number": 2}
    assert (actor.user.id, actor.place.community, actor.client_locale) == (str(MINJI["id"]), None, "ko")
    assert not actor.rights.is_owner


async def test_start_settings_and_unknown_commands_reach_the_desk(rig: Rig) -> None:
    assert await rig.ask(MINJI, "/start hello") != []
    assert await rig.ask(MINJI, "/settings") != []
    assert (await rig.ask(MINJI, "/whatever"))[-1] == "[whatever]"


async def test_command_that_cannot_be_read_is_explained(rig: Rig) -> None:
    (text,) = await rig.ask(MINJI, "/memory forget")
    assert "/memory forget <" in text
    assert not rig.desk.asked


async def test_private_answer_in_a_group_goes_to_the_private_chat(rig: Rig) -> None:
    await rig.ask(MINJI, "/start")
    group = rig.world.group()
    rig.desk.answers["memory list"] = Answer(text="나만 볼 것", buttons=PAGES)
    rig.world.say(MINJI, "/memory", chat=group)
    assert (await rig.server.texts(MINJI["id"], 2))[1] == "나만 볼 것"
    assert await rig.server.texts(group["id"], 1) == ["개인 채팅으로 답했어. 거기서 봐!"]


async def test_public_answer_in_a_group_is_a_reply(rig: Rig) -> None:
    group = rig.world.group()
    rig.desk.answers["about"] = Answer(text="나는 오로라", is_private=False)
    asked = rig.world.say(MINJI, f"/about@{BOT['username']}", chat=group)
    assert await rig.server.texts(group["id"], 1) == ["나는 오로라"]
    (sent,) = rig.server.made("sendMessage")
    assert sent.params["reply_parameters"]["message_id"] == asked["message_id"]


async def test_commands_of_other_bots_are_left_alone(rig: Rig) -> None:
    group = rig.world.group()
    rig.desk.free_channels.add(str(group["id"]))
    rig.world.say(MINJI, "/help@other_bot", chat=group)
    rig.world.say(MINJI, "/roll 6", chat=group)
    rig.desk.answers["about"] = Answer(text="나는 오로라", is_private=False)
    rig.world.say(MINJI, "/about", chat=group)
    assert await rig.server.texts(group["id"], 1) == ["나는 오로라"]
    assert [name for name, _, _ in rig.desk.asked] == ["about"]


async def test_rights_come_from_the_group_and_the_list_of_owners(rig: Rig) -> None:
    group = rig.world.group()
    rig.world.admins[group["id"]] = [
        administrator(MINJI, "can_restrict_members"),
        administrator(CHULSOO, status="creator"),
    ]
    for user in (MINJI, CHULSOO, OWNER, person(14)):
        rig.world.say(user, "/sanctions", chat=group)
    await rig.server.until(lambda: len(rig.desk.asked) == 4)
    rights = [actor.rights for actor, _ in rig.desk.questions("sanctions open")]
    assert [(right.is_moderator, right.is_admin, right.is_owner) for right in rights] == [
        (True, False, False), (True, True, False), (False, False, True), (False, False, False),
    ]  # fmt: skip
    assert len(rig.server.made("getChatAdministrators")) == 1


async def test_command_as_a_reply_takes_the_author_of_the_message(rig: Rig) -> None:
    group = rig.world.group()
    rude = rig.world.say(CHULSOO, "나쁜 말", chat=group)
    rig.world.say(MINJI, "/warn 욕설", chat=group, reply_to_message=rude)
    await rig.server.until(lambda: rig.desk.asked)
    ((_, arguments),) = rig.desk.questions("warn")
    assert arguments == {"user": str(CHULSOO["id"]), "reason": "욕설"}


async def test_report_brings_the_message_that_it_replies_to(rig: Rig) -> None:
    group = rig.world.group(-1001234567890)
    rig.world.group(-1009)
    rude = rig.world.say(CHULSOO, "나쁜 말", chat=group)
    link = f"https://t.me/c/1234567890/{rude['message_id']}"
    notice = f"신고: {link} 그리고 https://evil.example"
    rig.desk.answers["report"] = Answer(
        text="고마워요", announcements=(Announcement(channel="-1009", text=notice), Announcement(channel="?", text="x"))
    )
    rig.world.say(MINJI, "/report", chat=group, reply_to_message=rude)
    (announced,) = await rig.server.texts(-1009, 1)
    ((_, message),) = rig.desk.questions("report")
    assert isinstance(message, ReportedMessage)
    assert (message.author.id, message.text, message.link) == (str(CHULSOO["id"]), "나쁜 말", link)
    assert link in announced  # moderators can open it
    assert "https://evil.example" not in announced


async def test_anonymous_administrator_is_told_to_show_themselves(rig: Rig) -> None:
    group = rig.world.group()
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    rig.world.say(anonymous, "/sanctions", chat=group, sender_chat=group)
    (text,) = await rig.server.texts(group["id"], 1)
    assert text.startswith("익명 관리자는")
    assert not rig.desk.asked


async def test_buttons_are_pressed_answered_and_replace_their_message(rig: Rig) -> None:
    rig.desk.answers["memory list"] = Answer(text="1쪽", buttons=PAGES)
    rig.desk.answers["press next"] = Answer(text="2쪽", buttons=PAGES, replaces=True)
    await rig.ask(MINJI, "/memory")
    (message,) = rig.world.sent(MINJI["id"])
    back, forward = rig.world.buttons(message)
    assert (back["text"], forward["text"], forward["style"]) == ("이전", "다음", "primary")
    query = rig.world.press(MINJI, message, forward["callback_data"])
    await rig.server.until(lambda: rig.world.texts(MINJI["id"]) == ["2쪽"] and rig.world.queries[query])
    again = rig.world.press(MINJI, message, forward["callback_data"])  # nothing changes: no failure
    await rig.server.until(lambda: rig.world.queries[again])
    assert len(rig.world.buttons(message)) == 2


async def test_short_answer_to_a_stranger_in_a_group_is_a_box(rig: Rig) -> None:
    group = rig.world.group()
    rig.desk.answers["stats"] = Answer(text="표", buttons=PAGES, is_private=False)
    rig.desk.answers["press back"] = Answer(text="누른 사람만 볼 수 있어요.")
    rig.world.say(MINJI, "/stats", chat=group)
    await rig.server.texts(group["id"], 1)
    (message,) = rig.world.sent(group["id"])
    query = rig.world.press(CHULSOO, message, rig.world.buttons(message)[0]["callback_data"])
    answered = await rig.server.until(lambda: rig.world.queries[query])
    assert (answered["text"], answered["show_alert"]) == ("누른 사람만 볼 수 있어요.", True)
    assert len(rig.world.texts(group["id"])) == 1


async def test_button_of_an_answer_that_came_from_a_group_acts_there(rig: Rig) -> None:
    await rig.ask(MINJI, "/start")
    group = rig.world.group()
    rig.world.admins[group["id"]] = [administrator(MINJI)]
    rig.desk.answers["sanctions open"] = Answer(text="목록", buttons=PAGES)
    rig.world.say(MINJI, "/sanctions", chat=group)
    await rig.server.texts(group["id"], 1)
    message = rig.world.sent(MINJI["id"])[-1]
    query = rig.world.press(MINJI, message, rig.world.buttons(message)[0]["callback_data"])
    await rig.server.until(lambda: rig.world.queries[query])
    ((actor, _),) = rig.desk.questions("press back")
    assert actor.place.community == str(group["id"])
    assert actor.rights.is_moderator


async def test_press_on_a_button_of_an_earlier_run_is_answered(rig: Rig) -> None:
    await rig.ask(MINJI, "/start")
    (message,) = rig.world.sent(MINJI["id"])
    for data in ("t:gone", "d:gone", "", "무엇"):
        query = rig.world.press(MINJI, message, data)
        await rig.server.until(functools.partial(rig.world.queries.get, query))


async def test_form_is_asked_question_by_question(rig: Rig) -> None:
    rig.desk.answers["appeal"] = Answer(form=FORM)
    rig.desk.answers["submit form1"] = Answer(text="받았어요")
    (first,) = await rig.ask(MINJI, "/appeal")
    assert "이의 제기" in first
    assert "왜 잘못되었나요?" in first
    assert rig.server.made("sendMessage")[-1].params["reply_markup"]["force_reply"] is True

    async def reply(text: str) -> str:
        question = rig.world.sent(MINJI["id"])[-1]
        before = len(rig.world.texts(MINJI["id"]))
        rig.world.say(MINJI, text, reply_to_message=question)
        return (await rig.server.texts(MINJI["id"], before + 1))[-1]

    assert "10" in await reply("너무 너무 너무 긴 대답")
    assert "더 하고 싶은 말" in await reply("오해예요")
    assert await reply("부탁해요") == "받았어요"
    ((_, values),) = rig.desk.questions("submit form1")
    assert values == {"reason": "오해예요", "more": "부탁해요"}
    assert not rig.generator.calls  # nothing of it was talk


async def test_form_can_be_left_and_questions_skipped(rig: Rig) -> None:
    rig.desk.answers["appeal"] = Answer(form=FORM)
    await rig.ask(MINJI, "/appeal")
    assert "왜 잘못되었나요?" in (await rig.ask(MINJI, "/skip"))[-1]  # that one is required
    question = rig.world.sent(MINJI["id"])[-1]
    rig.world.say(MINJI, "오해예요", reply_to_message=question)
    await rig.server.texts(MINJI["id"], 3)
    assert (await rig.ask(MINJI, "/skip"))[-1] == "[submit form1]"
    assert rig.desk.questions("submit form1")[0][1] == {"reason": "오해예요", "more": ""}
    await rig.ask(MINJI, "/appeal")
    assert (await rig.ask(MINJI, "/cancel"))[-1] == "알겠어요. 적은 것은 남기지 않았어요."
    assert (await rig.ask(MINJI, "안녕!"))[-1] == "응, 좋아! 😊"


async def test_form_of_a_group_is_asked_in_private_and_handed_in_there(rig: Rig) -> None:
    await rig.ask(MINJI, "/start")
    group = rig.world.group()
    rig.desk.answers["appeal"] = Answer(form=Form(token="form2", title="제목", fields=FORM.fields[:1]))
    rig.world.say(MINJI, "/appeal", chat=group)
    await rig.server.texts(MINJI["id"], 2)
    await rig.server.texts(group["id"], 1)
    rig.world.say(MINJI, "오해예요", reply_to_message=rig.world.sent(MINJI["id"])[-1])
    assert (await rig.server.texts(MINJI["id"], 3))[-1] == "[submit form2]"
    ((actor, _),) = rig.desk.questions("submit form2")
    assert actor.place.community == str(group["id"])


async def test_file_goes_with_its_text(rig: Rig) -> None:
    rig.desk.answers["mydata"] = Answer(text="네 데이터야", attachment=Attachment(name="data.json", data=b"{}"))
    assert await rig.ask(MINJI, "/mydata") == ["네 데이터야"]
    (sent,) = rig.server.made("sendDocument")
    assert sent.files == {"document": b"{}"}


async def test_failure_of_the_desk_is_a_short_line_with_a_number(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.desk.answers["stats"] = StorageError("database is locked")
    (text,) = await rig.ask(MINJI, "/stats")
    assert text.startswith("미안, 방금 머리가 살짝 꼬였어.")
    assert "locked" not in text
    number = text.split()[-1].strip(")")
    assert f"request_id={number}" in caplog.text
    assert (await rig.ask(MINJI, "/help"))[-1] == "[help]"


async def test_menus_are_registered_for_both_languages_and_each_audience(rig: Rig) -> None:
    commands = await rig.server.until(lambda: rig.world.commands if len(rig.world.commands) == 9 else None)
    scopes = {"all_private_chats", "all_group_chats", "all_chat_administrators"}
    assert set(commands) == {(scope, language) for scope in scopes for language in ("", "en", "ko")}
    names = {scope: [c["command"] for c in commands[scope, "ko"]] for scope in scopes}
    assert {"start", "help", "memory", "appeal", "privacy", "settings"} <= set(names["all_private_chats"])
    assert "sanctions" not in names["all_group_chats"]
    assert "report" in names["all_group_chats"]
    assert {"sanctions", "setup", "report"} <= set(names["all_chat_administrators"])
    assert any("가" <= letter <= "힣" for letter in commands["all_private_chats", "ko"][0]["description"])
    assert commands["all_private_chats", ""] == commands["all_private_chats", "en"]


async def test_owner_can_register_the_menus_anew(rig: Rig) -> None:
    await rig.server.until(lambda: len(rig.world.commands) == 9)
    rig.world.commands.clear()
    assert rig.desk.sync is not None
    assert await rig.desk.sync() > 10
    assert len(rig.world.commands) == 9


async def test_menus_are_registered_again_only_after_a_change(rig: Rig) -> None:
    await rig.server.until(lambda: len(rig.world.commands) == 9)
    registered = len(rig.server.made("setMyCommands"))
    await rig.stop()
    await rig.start(rig.make_front())
    await rig.ask(MINJI, "/help")
    assert len(rig.server.made("setMyCommands")) == registered
    await rig.stop()
    rig.commands.write("of another version")
    await rig.start(rig.make_front())
    await rig.server.until(lambda: len(rig.server.made("setMyCommands")) == 2 * registered)


async def test_failure_concerns_only_what_was_said_to_her(rig: Rig) -> None:
    group = rig.world.group()
    rig.desk.failures["talks_freely"] = rig.desk.failures["is_new"] = StorageError("database is locked")
    rig.world.say(MINJI, "우리끼리 하는 말", chat=group)
    rig.world.say(MINJI, "/roll 6", chat=group)
    named = rig.world.say(MINJI, f"@{BOT['username']} 안녕!", chat=group)
    (text,) = await rig.server.texts(group["id"], 1)
    assert text.startswith("미안, 방금 머리가 살짝 꼬였어.")
    (sent,) = rig.server.made("sendMessage")
    assert sent.params["reply_parameters"]["message_id"] == named["message_id"]
    query = rig.world.press(MINJI, rig.world.sent(group["id"])[0], "d:next")
    answered = await rig.server.until(lambda: rig.world.queries[query])
    assert answered["text"].startswith("미안, 방금 머리가 살짝 꼬였어.")
    assert len(rig.world.texts(group["id"])) == 1


async def test_nothing_is_noted_of_what_a_group_says_among_itself(rig: Rig) -> None:
    group = rig.world.group()
    for number in range(3):
        rig.world.say(MINJI, f"우리끼리 {number}", chat=group)
    rig.world.say(MINJI, f"/about@{BOT['username']}", chat=group)
    await rig.server.texts(group["id"], 1)
    assert len(rig.desk.seen) == 1


async def test_question_that_cannot_be_asked_now_holds_up_nothing_else_of_its_person(rig: Rig) -> None:
    rig.desk.answers["appeal"] = Answer(form=FORM)
    await rig.ask(MINJI, "/appeal")
    held: list[str] = []

    def hold(method: str, params: dict[str, Any]) -> Fault | None:
        if method == "sendMessage" and not held:
            held.append(str(params["text"]))
            return Fault(status=429, retry_after=2)
        return None

    rig.server.fault_for = hold
    rig.world.say(MINJI, "오해예요", reply_to_message=rig.world.sent(MINJI["id"])[-1])
    rig.world.say(MINJI, "/help")
    await rig.server.until(lambda: held and rig.desk.questions("help"))
    assert len(rig.world.texts(MINJI["id"])) == 1
