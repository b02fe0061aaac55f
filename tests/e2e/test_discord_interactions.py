"""Commands, buttons, forms, suggestions and reports on Discord, through the real client library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.answers import Announcement, Answer, Attachment, Button, ButtonStyle, Choice, Form, FormField
from tests.e2e.discord_objects import Channel, Person
from tests.e2e.discord_rig import Rig, open_rig, put

MODERATE, MANAGE = 1 << 40, 1 << 5


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, prepare=lambda server: server.world.channel()) as rig:
        yield rig


@pytest.fixture
def general(rig: Rig) -> Channel:
    return next(iter(rig.server.world.channels.values()))


def button(label: str, token: str, *, opens_form: bool = False) -> Button:
    return Button(label=label, token=token, style=ButtonStyle.PRIMARY, opens_form=opens_form)


async def test_command_is_deferred_at_once_and_answered_privately(rig: Rig, general: Channel, mina: Person) -> None:
    asked = rig.server.slash(mina, "memory forget", general, number=2)
    assert await rig.server.answered(asked) == "/memory forget"
    assert asked.ack == {"type": 5, "data": {"flags": 64}}
    assert rig.server.is_private(asked)
    ((actor, name, options),) = rig.desk.ran
    assert (name, options) == ("memory forget", {"number": 2})
    assert (actor.user.id, actor.place.community, actor.client_locale) == (mina.id, rig.server.world.guild_id, "ko")


async def test_slow_command_is_answered_after_its_deferral(rig: Rig, mina: Person) -> None:
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    rig.desk.slow = slow
    asked = rig.server.slash(mina, "mydata")
    await rig.server.world.until(lambda: asked.ack)
    rig.server.world.skipped_s = 14 * 60  # long past the deadline of a first answer, within that of the others
    gate.set()
    assert await rig.server.answered(asked) == "/mydata"


async def test_answer_that_comes_after_the_interaction_is_over_is_an_ordinary_message(
    rig: Rig, general: Channel, mina: Person
) -> None:
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    rig.desk.slow = slow
    rig.desk.answers["interview start"] = Answer(
        text="첫 질문!", buttons=((button("힌트", "hint"),),), is_private=False
    )
    rig.desk.answers["status"] = Answer(text="제재가 없어요")
    world, private = rig.server.world, rig.server.world.private(mina)
    asked = [
        rig.server.slash(mina, name, where)
        for name, where in (("interview start", general), ("status", general), ("status", private))
    ]
    await world.until(lambda: all(one.ack for one in asked))
    world.skipped_s = 16 * 60
    gate.set()
    await world.until(lambda: "제재가 없어요" in world.texts(private))
    await world.until(lambda: "첫 질문!" in world.texts(general))
    said = next(message for message in world.replies(general) if message["content"] == "첫 질문!")
    assert said["components"][0]["components"][0]["label"] == "힌트"
    assert "제재가 없어요" not in world.texts(general)  # what is for one person alone is not said aloud


async def test_rights_come_from_the_server_and_the_owners(rig: Rig, general: Channel) -> None:
    everyone = Person(name="everyone", roles=["42"])
    people = [everyone, Person(name="mod", permissions=MODERATE), Person(name="admin", permissions=MANAGE)]
    for person in [*people, rig.server.world.owner]:
        await rig.server.answered(rig.server.slash(person, "stats", general))
    rights = [actor.rights for actor, _, _ in rig.desk.ran]
    assert [(one.is_moderator, one.is_admin) for one in rights[:3]] == [(False, False), (True, False), (True, True)]
    assert [one.is_owner for one in rights] == [False, False, False, True]
    assert rights[0].roles == ("42",)


async def test_permissions_of_a_server_count_for_nothing_in_private(rig: Rig) -> None:
    admin = Person(name="admin", permissions=MANAGE)
    await rig.server.answered(rig.server.slash(admin, "stats"))
    assert not rig.desk.ran[0][0].rights.is_admin


async def test_people_and_channels_as_options_are_their_ids(rig: Rig, general: Channel, mina: Person) -> None:
    target = Person(name="target")
    await rig.server.answered(rig.server.slash(mina, "warn", general, user=target, reason="욕설"))
    await rig.server.answered(rig.server.slash(mina, "setup modlog", general, channel=general))
    assert [options for _, _, options in rig.desk.ran] == [
        {"user": target.id, "reason": "욕설"},
        {"channel": general.id},
    ]


async def test_channel_of_a_setting_is_one_of_the_server_that_she_may_write_to(tmp_path: Path) -> None:
    home, closed = Channel(name="home", guild=""), Channel(name="closed", guild="", is_closed=True)
    voice, thread = Channel(name="voice", guild="", kind=2), Channel(name="thread", guild="", parent=closed.id)
    elsewhere = Channel(name="elsewhere", guild="another server")
    admin, member = Person(name="admin", permissions=MANAGE), Person(name="member")
    async with open_rig(tmp_path, prepare=lambda server: put(server, home, closed, voice, thread)) as rig:
        for command in ("setup modlog", "setup channel"):
            for channel, why in ((elsewhere, "이 서버의"), (voice, "이 서버의"), (closed, "쓸 수 없")):
                assert why in await rig.server.answered(rig.server.slash(admin, command, home, channel=channel))
            assert "쓸 수 없" in await rig.server.answered(
                rig.server.slash(admin, command, closed)
            )  # where it is given
        assert rig.desk.ran == []
        for channel in (home, thread):  # who may write to no channel may still write to its threads
            await rig.server.answered(rig.server.slash(admin, "setup modlog", home, channel=channel))
        await rig.server.answered(rig.server.slash(admin, "setup modlog", home, channel=elsewhere, state="off"))
        await rig.server.answered(rig.server.slash(member, "setup modlog", home, channel=elsewhere))
        assert [actor.name for actor, _, _ in rig.desk.ran] == ["Admin"] * 3 + ["Member"]  # the desk refuses the last


async def test_long_answer_comes_in_parts_and_a_file_with_the_last(rig: Rig, mina: Person) -> None:
    text = "\n\n".join(f"{number}. " + "가" * 500 for number in range(9))
    rig.desk.answers["mydata"] = Answer(text=text, attachment=Attachment(name="mydata.json", data=b"{}"))
    asked = rig.server.slash(mina, "mydata")
    await rig.server.world.until(lambda: len(rig.server.shown(asked)) == 3)
    shown = rig.server.shown(asked)
    assert rig.server.is_private(asked)
    assert rig.server.world.files[shown[-1]["id"]] == [("mydata.json", b"{}")]
    assert "".join(message["content"] for message in shown).count("가") == 4500


async def test_pages_turn_in_place_by_buttons(rig: Rig, general: Channel, mina: Person) -> None:
    rig.desk.answers["memory list"] = Answer(text="1쪽", buttons=((button("다음", "next"),),))
    rig.desk.presses["next"] = Answer(text="2쪽", buttons=((button("이전", "back"),),), replaces=True)
    asked = rig.server.slash(mina, "memory list", general)
    await rig.server.answered(asked)
    (page,) = rig.server.shown(asked)
    pressed = rig.server.press(mina, page, "다음")
    await rig.server.world.until(lambda: page["content"] == "2쪽")
    assert page["components"][0]["components"][0]["label"] == "이전"
    assert pressed.ack == {"type": 6}
    assert rig.desk.pressed[0][0].user.id == mina.id


async def test_press_may_be_answered_by_a_private_line(rig: Rig, general: Channel, mina: Person) -> None:
    rig.desk.answers["about"] = Answer(text="소개", buttons=((button("더", "more"),),), is_private=False)
    rig.desk.presses["more"] = Answer(text="네 버튼이 아니에요")
    asked = rig.server.slash(mina, "about", general)
    await rig.server.answered(asked)
    pressed = rig.server.press(Person(name="stranger"), rig.server.shown(asked)[0], "더")
    assert await rig.server.answered(pressed) == "네 버튼이 아니에요"
    assert rig.server.is_private(pressed)
    assert rig.server.shown(asked)[0]["content"] == "소개"


FORM = Form(
    token="form-1",
    title="이의 제기 — 아주 긴 제목이라도 마흔다섯 글자에 맞게 줄어들어야 해요, 정말로요 그렇죠",
    fields=(
        FormField(name="why", label="이유", is_long=True, max_length=5000),
        FormField(name="more", label="덧붙일 말", placeholder="없어도 돼요", is_required=False),
    ),
)


async def test_form_is_a_modal_and_its_answers_reach_the_desk(rig: Rig, general: Channel, mina: Person) -> None:
    rig.desk.answers["appeal"] = Answer(form=FORM)
    rig.desk.forms["form-1"] = Answer(text="접수했어요")
    asked = rig.server.slash(mina, "appeal", general)
    await rig.server.world.until(lambda: asked.ack)
    sent = rig.server.fill(mina, asked, why="억울해요", more="")
    assert await rig.server.answered(sent) == "접수했어요"
    assert rig.server.is_private(sent)
    assert rig.desk.submitted[0][1:] == ("form-1", {"why": "억울해요", "more": ""})


async def test_button_may_open_a_form(rig: Rig, mina: Person) -> None:
    rig.desk.answers["status"] = Answer(text="차단 1", buttons=((button("이의 제기", "appeal", opens_form=True),),))
    rig.desk.presses["appeal"] = Answer(form=FORM)
    rig.desk.forms["form-1"] = Answer(text="접수했어요")
    asked = rig.server.slash(mina, "status")
    await rig.server.answered(asked)
    pressed = rig.server.press(mina, rig.server.shown(asked)[0], "이의")
    await rig.server.world.until(lambda: pressed.ack)
    assert await rig.server.answered(rig.server.fill(mina, pressed, why="그게", more="")) == "접수했어요"


async def test_form_after_a_deferral_is_opened_by_a_button(rig: Rig, mina: Person) -> None:
    rig.desk.answers["status"] = Answer(form=FORM)
    asked = rig.server.slash(mina, "status")
    await rig.server.answered(asked)
    pressed = rig.server.press(mina, rig.server.shown(asked)[0], "이의")
    await rig.server.world.until(lambda: pressed.ack)
    assert pressed.ack is not None
    assert pressed.ack["type"] == 9


async def test_command_that_opens_a_form_may_answer_in_words(rig: Rig, mina: Person) -> None:
    rig.desk.answers["appeal"] = Answer(text="받은 제재가 없어요")
    asked = rig.server.slash(mina, "appeal")
    assert await rig.server.answered(asked) == "받은 제재가 없어요"
    assert asked.ack is not None
    assert asked.ack["type"] == 4
    assert rig.server.is_private(asked)


async def test_suggestions_have_the_type_of_their_option(rig: Rig, mina: Person) -> None:
    rig.desk.choices = [Choice(label=f"{n}. " + "기억" * 80, value=str(n)) for n in range(1, 40)]
    typed = rig.server.complete(mina, "memory forget", "number", "1")
    await rig.server.world.until(lambda: typed.ack)
    assert typed.ack is not None
    choices = typed.ack["data"]["choices"]
    assert len(choices) == 25
    assert choices[0]["value"] == 1
    assert len(choices[0]["name"]) == 100
    assert rig.desk.completed == [("memory forget", "number", "1")]


async def test_late_suggestions_are_none(rig: Rig, mina: Person) -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    rig.desk.slow = slow
    typed = rig.server.complete(mina, "timezone", "zone", "Seo")
    await rig.server.world.until(lambda: typed.ack)
    assert typed.ack == {"type": 8, "data": {"choices": []}}


async def test_message_is_reported_from_its_menu(rig: Rig, general: Channel, mina: Person) -> None:
    bad = Person(name="bad")
    number = rig.server.say(bad, "나쁜 말", general)
    asked = rig.server.use_menu(mina, rig.server.world.messages[number])
    assert await rig.server.answered(asked) == "신고를 받았어요"
    assert rig.server.is_private(asked)
    ((_, report),) = rig.desk.reported
    assert (report.author.id, report.author_name, report.text) == (bad.id, "Bad", "나쁜 말")
    assert report.link == f"https://discord.com/channels/{rig.server.world.guild_id}/{general.id}/{number}"


async def test_announcement_goes_to_its_channel(rig: Rig, general: Channel, mina: Person) -> None:
    notice = Announcement(channel=general.id, text="@everyone 경고 1", buttons=((button("보기", "see"),),))
    nowhere = Announcement(channel="12345", text="어디에도")
    rig.desk.answers["warn"] = Answer(text="경고했어요", announcements=(nowhere, notice))
    await rig.server.answered(rig.server.slash(mina, "warn", general, user=Person(name="bad"), reason="욕"))
    await rig.server.world.until(lambda: rig.server.world.texts(general))
    assert rig.server.world.texts(general) == ["＠everyone 경고 1"]


async def test_failing_desk_is_answered_with_a_number_to_ask_about(rig: Rig, mina: Person) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    rig.desk.slow = fail
    asked = rig.server.slash(mina, "stats")
    assert "문의 번호" in await rig.server.answered(asked)
    assert rig.server.is_private(asked)
    rig.desk.slow = None
    assert await rig.server.answered(rig.server.slash(mina, "stats")) == "/stats"


async def test_interaction_that_arrives_twice_is_answered_once(rig: Rig, mina: Person) -> None:
    await rig.server.answered(rig.server.slash(mina, "about"))
    rig.server.gateway.again()
    await rig.server.answered(rig.server.slash(mina, "help"))
    assert [name for _, name, _ in rig.desk.ran] == ["about", "help"]


async def test_language_of_the_client_is_known_to_later_messages(rig: Rig) -> None:
    emma = Person(name="emma", locale="en-US")
    await rig.server.answered(rig.server.slash(emma, "about"))
    rig.server.say(emma, "hello")
    await rig.server.world.until(lambda: rig.mind.heard)
    assert rig.mind.heard[0].locale == "en"
