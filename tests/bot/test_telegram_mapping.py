"""What of a Telegram message is said to her, where it stands, and what is a command."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Message

from bot.telegram_mapping import (
    Me,
    Spot,
    actor_of,
    command_of,
    is_addressed,
    is_anonymous_admin,
    is_command,
    is_from_person,
    read_spot,
    replied_message,
    reported_message,
    spoken_text,
    spot_of,
)
from tests.e2e.telegram_world import BOT, entities, person

ME = Me(id=BOT["id"], username=BOT["username"])
MINJI = person(7, "민지")
PRIVATE = {"id": 7, "type": "private", "first_name": "민지"}
GROUP = {"id": -1001, "type": "supergroup", "title": "모임"}
AT = f"@{BOT['username']}"


def message(text: str | None = None, chat: dict[str, Any] = GROUP, **more: Any) -> Message:
    marked = {"entities": entities(text)} if text is not None and entities(text) else {}
    content = {"text": text, **marked} if text is not None else {}
    return Message.de_json({"message_id": 5, "date": 0, "chat": chat, "from": MINJI, **content, **more})


HERS = {"message_id": 4, "date": 0, "chat": GROUP, "from": {k: BOT[k] for k in ("id", "is_bot", "first_name")}}


@pytest.mark.parametrize(
    ("heard", "addressed"),
    [
        (message("안녕", PRIVATE), True),
        (message("안녕"), False),
        (message(f"{AT} 안녕"), True),
        (message(f"{AT.upper()} 안녕", entities=[{"type": "mention", "offset": 0, "length": len(AT)}]), True),
        (message("@ohlora_test_bot2 안녕", entities=[{"type": "mention", "offset": 0, "length": 17}]), False),
        (message("로라야", entities=[{"type": "text_mention", "offset": 0, "length": 3, "user": HERS["from"]}]), True),
        (message("안녕", reply_to_message=HERS), True),
        (message("안녕", reply_to_message={**HERS, "from": MINJI}), False),
        (
            message("안녕", reply_to_message={**HERS, "forum_topic_created": {"name": "수다", "icon_color": 1}}),
            False,
        ),
        (message(None, caption=f"{AT} 봐", caption_entities=entities(f"{AT} 봐"), photo=[]), True),
    ],
)
def test_who_is_spoken_to(heard: Message, addressed: bool) -> None:
    assert is_addressed(heard, ME) is addressed


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        (f"{AT} 안녕!", "안녕!"),
        (f"🎉🎉 {AT} 시험 붙었어 🎉", "🎉🎉  시험 붙었어 🎉"),
        (f"안녕 {AT}", "안녕"),
        (AT, ""),
        ("@someone 안녕", "@someone 안녕"),
    ],
)
def test_her_own_name_is_taken_out_and_no_other(text: str, spoken: str) -> None:
    assert spoken_text(message(text), ME) == spoken


def test_sticker_says_its_emoji_and_a_voice_nothing() -> None:
    sticker = {
        "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 1, "height": 1, "is_animated": False,
        "is_video": False, "emoji": "😊",
    }  # fmt: skip
    assert spoken_text(message(sticker=sticker), ME) == "😊"
    assert spoken_text(message(voice={"file_id": "v", "file_unique_id": "v", "duration": 1}), ME) == ""


def test_spot_is_the_chat_and_its_topic() -> None:
    assert spot_of(message("a")) == Spot(chat=-1001)
    assert spot_of(message("a", message_thread_id=9)) == Spot(chat=-1001)  # a thread of replies is no topic
    assert spot_of(message("a", message_thread_id=9, is_topic_message=True)) == Spot(chat=-1001, topic=9)
    assert spot_of(message("a", message_thread_id=1, is_topic_message=True)) == Spot(chat=-1001)


def test_spot_is_read_from_its_name() -> None:
    for spot in (Spot(chat=7), Spot(chat=-1001), Spot(chat=-1001, topic=9)):
        assert read_spot(spot.name) == spot
    assert read_spot("general") is None
    assert read_spot("") is None


def test_actor_in_private_has_no_community() -> None:
    heard = message("a", PRIVATE)
    assert heard.from_user is not None
    actor = actor_of(heard.from_user, spot_of(heard))
    assert (actor.user.platform, actor.user.id, actor.name, actor.client_locale) == ("telegram", "7", "민지", "ko")
    assert (actor.place.conversation.id, actor.place.community, actor.place.channel) == ("7", None, "7")


def test_actor_in_a_topic_has_group_and_topic() -> None:
    heard = message("a", message_thread_id=9, is_topic_message=True)
    assert heard.from_user is not None
    place = actor_of(heard.from_user, spot_of(heard)).place
    assert (place.conversation.id, place.community, place.channel) == ("-1001:9", "-1001", "-1001:9")


def test_bots_channels_and_service_messages_are_no_persons() -> None:
    assert is_from_person(message("a"))
    assert not is_from_person(message("a", **{"from": {**MINJI, "is_bot": True}}))
    assert not is_from_person(message("a", sender_chat={"id": -5, "type": "channel", "title": "소식"}))
    assert not is_from_person(message(new_chat_members=[MINJI]))
    assert not is_from_person(message(pinned_message=HERS))


def test_anonymous_administrator_is_known_as_one() -> None:
    assert is_anonymous_admin(message("a", sender_chat=GROUP))
    assert not is_anonymous_admin(message("a", sender_chat={"id": -5, "type": "channel", "title": "소식"}))


def test_command_is_read_with_its_rest() -> None:
    typed = command_of(message("/memory  forget 2\n3"), ME)
    assert typed is not None
    assert (typed.name, typed.rest, typed.is_for_me) == ("memory", "forget 2\n3", False)
    named = command_of(message(f"/Help{AT.upper()} 메모"), ME)
    assert named is not None
    assert (named.name, named.rest, named.is_for_me) == ("help", "메모", True)


def test_command_of_another_bot_and_a_slash_inside_a_text_are_none() -> None:
    other = message("/help@other_bot")
    assert command_of(other, ME) is None
    assert is_command(other)
    assert command_of(message("1/2 /help"), ME) is None
    assert not is_command(message("1/2 /help"))


def test_reported_message_names_author_text_and_link() -> None:
    original = replied_message(message("/report", reply_to_message={**HERS, "from": MINJI, "text": "욕"}))
    assert original is not None
    report = reported_message(original)
    assert (report.author.id, report.author_name, report.text) == ("7", "민지", "욕")
    assert report.link == "https://t.me/c/1/4"
    channel = {"id": -10055, "type": "channel", "title": "소식"}
    assert reported_message(message("광고", sender_chat=channel)).author.id == "-10055"
