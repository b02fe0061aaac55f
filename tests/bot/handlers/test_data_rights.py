"""Check /mydata and /forgetme: everything is handed out, everything goes, and only after a yes."""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from bot.answers import ReportedMessage
from bot.button_book import LIFETIME
from storage.conversations import ConversationStore
from storage.interview_records import InterviewStep, ReviewCard, StepKind
from storage.interviews import InterviewStore
from storage.records import MANUAL, ConversationKey, Turn, UserKey, UserSettings
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import MODERATOR, Lobby, user_key


def unpack(data: bytes) -> dict[str, Any]:
    """Return what the JSON files of an export hold, by kind."""
    with ZipFile(BytesIO(data)) as archive:
        files = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")]
    return {kind: content for file in files for kind, content in file.items()}


async def talk(lobby: Lobby, user: str, room: str) -> None:
    """Store a turn and a summary as the engine does."""
    key = ConversationKey(platform="discord", id=room)
    turn = Turn(
        request_id=f"{user}-{room}",
        user=user_key(user),
        conversation=key,
        outcome="reply",
        reason=None,
        received_at=lobby.clock(),
        profile="embedded",
        timings_ms={"total": 1.0},
    )
    async with lobby.database.begin() as session:
        await TurnStore(session).add(turn)
        await ConversationStore(session).save_summary(key, f"{room}의 요약", lobby.clock())


async def interview(lobby: Lobby, user: str, room: str) -> None:
    """Store an open interview with an answer and what is to be repeated, as the engine does."""
    key, now = ConversationKey(platform="discord", id=room), lobby.clock()
    async with lobby.database.begin() as session:
        store = InterviewStore(session)
        begun = await store.start(user_key(user), key, "machine_learning", "인사", now)
        assert begun is not None
        step = InterviewStep(
            question="인사", kind=StepKind.FAILED, next_question="인사", at=now, label="답변 실패", text=f"{user}의 답"
        )
        await store.add_steps(begun.id, [step], now)
        card = ReviewCard(
            bank="machine_learning", question="인사", label="인사", box=1, asked_at=now, due_at=now + timedelta(days=1)
        )
        await store.save_cards(user_key(user), [card])


async def summaries(lobby: Lobby) -> dict[str, str | None]:
    found = {}
    async with lobby.database.read() as session:
        for room in ("dm", "hall"):
            conversation = await ConversationStore(session).get(ConversationKey(platform="discord", id=room))
            if conversation is not None:
                found[room] = conversation.last_summary
    return found


async def test_export_holds_what_is_stored_of_this_person_alone(lobby: Lobby, make_case: MakeCase) -> None:
    person = lobby.person()
    await lobby.remember("이름", "민지")
    await lobby.remember("이름", "철수", user="2002")
    await talk(lobby, "1001", "dm")
    await talk(lobby, "1001", "hall")
    await talk(lobby, "2002", "hall")
    await lobby.sanction(make_case(text="나쁜 말"))
    await lobby.person("3003", community="9", rights=MODERATOR).run("warn", user="1001", reason="도배")
    await lobby.person("3003", community="9", rights=MODERATOR).run("note", user="1001", text="조용히 지켜봄")
    await person.run("language", language="ko")
    answer = await person.run("mydata")
    assert answer.attachment is not None
    assert answer.attachment.name == "ohlora-discord-1001.zip"
    data = unpack(answer.attachment.data)
    assert [memory["value"] for memory in data["memories"]] == ["민지"]
    assert [change["new_value"] for change in data["memory_changes"]] == ["민지"]
    assert [turn["request_id"] for turn in data["turns"]] == ["1001-hall", "1001-dm"]
    assert [each["last_summary"] for each in data["conversations"]] == ["dm의 요약"]
    assert [each["evidence"]["text"] for each in data["sanctions"]] == ["", "나쁜 말"]
    assert data["sanctions"][0]["evidence"]["request_id"] == MANUAL
    assert data["settings"]["locale"] == "ko"
    assert [note["text"] for note in data["notes"]] == ["조용히 지켜봄"]
    assert "3003" not in str(data)
    assert "철수" not in str(data)


async def test_reported_messages_are_handed_out_to_their_author_without_who_reported(lobby: Lobby) -> None:
    message = ReportedMessage(author=user_key("1001"), author_name="민지", text="나쁜 말", link="https://example.org/1")
    await lobby.desk.report(lobby.person("3003", community="9").actor, message)
    answer = await lobby.person().run("mydata")
    assert answer.attachment is not None
    data = unpack(answer.attachment.data)
    assert [(each["text"], each["link"]) for each in data["reports_received"]] == [("나쁜 말", "https://example.org/1")]
    assert "3003" not in str(data)
    reporter = await lobby.person("3003").run("mydata")
    assert reporter.attachment is not None
    assert "나쁜 말" not in str(unpack(reporter.attachment.data))


async def test_interviews_are_handed_out_with_what_was_answered_and_forgotten_with_everything_else(
    lobby: Lobby,
) -> None:
    await interview(lobby, "1001", "dm")
    await interview(lobby, "2002", "hall")
    person = lobby.person(locale="ko")
    answer = await person.run("mydata")
    assert answer.attachment is not None
    data = unpack(answer.attachment.data)
    assert [step["text"] for each in data["interviews"] for step in each["steps"]] == ["", "1001의 답"]
    assert [card["question"] for card in data["review_cards"]] == ["인사"]
    with ZipFile(BytesIO(answer.attachment.data)) as archive:
        (readme,) = (archive.read(name).decode() for name in archive.namelist() if "README" in name)
    assert "내가 쓴 답" in readme
    await person.press(await person.run("forgetme"), "모두 지우기")
    async with lobby.database.read() as session:
        store = InterviewStore(session)
        assert await store.of_user(user_key("1001")) == []
        assert await store.cards(user_key("1001")) == []
        assert await store.open_in(ConversationKey(platform="discord", id="dm")) is None
        assert len(await store.of_user(user_key("2002"))) == 1


async def test_forgetting_waits_for_a_yes(lobby: Lobby) -> None:
    await lobby.remember("이름", "민지")
    person = lobby.person()
    asked = await person.run("forgetme")
    assert len(await lobby.memories()) == 1
    assert (await person.press(asked, "Keep it")).text == "Nothing was deleted."
    assert len(await lobby.memories()) == 1
    assert (await person.press(asked, "Delete everything")).text == "Everything is deleted."
    assert await lobby.memories() == []
    assert (await person.press(asked, "Delete everything")).text.startswith("This button has expired")


async def test_yes_is_of_the_person_who_asked_and_does_not_wait_for_ever(lobby: Lobby) -> None:
    await lobby.remember("이름", "민지")
    person, stranger = lobby.person(), lobby.person("2002")
    first, second = await person.run("forgetme"), await person.run("forgetme")
    assert (await stranger.press(first, "Delete everything")).text.startswith("Only the person")
    assert len(await lobby.memories()) == 1
    await person.press(first, "Delete everything")
    assert (await person.press(second, "Delete everything")).text.startswith("This button has expired")
    await lobby.remember("이름", "민지")
    third = await person.run("forgetme")
    lobby.clock.advance(LIFETIME)
    assert (await person.press(third, "Delete everything")).text.startswith("This button has expired")
    assert len(await lobby.memories()) == 1


async def test_what_is_being_stored_when_a_person_asks_goes_too(lobby: Lobby) -> None:
    async def store_late(user: UserKey) -> None:
        await lobby.remember("이름", "민지", user=user.id)

    lobby.desk.settle_before_forgetting(store_late)
    person = lobby.person()
    await person.press(await person.run("forgetme"), "Delete everything")
    assert await lobby.memories() == []


async def test_nothing_of_the_person_is_left_but_emptied_sanctions(lobby: Lobby, make_case: MakeCase) -> None:
    forgotten: list[UserKey] = []
    lobby.desk.when_forgotten(forgotten.append)
    person = lobby.person()
    await lobby.remember("이름", "민지")
    await lobby.remember("이름", "철수", user="2002")
    await talk(lobby, "1001", "dm")
    await talk(lobby, "1001", "hall")
    await talk(lobby, "2002", "hall")
    await person.run("language", language="en")
    await lobby.sanction(make_case(block=timedelta(days=7), text="나쁜 말"))
    await person.fill_in(await person.run("appeal"), text="억울해요")
    await person.press(await person.run("forgetme"), "Delete everything")
    assert forgotten == [user_key("1001")]
    answer = await person.run("mydata")
    assert answer.attachment is not None
    data = unpack(answer.attachment.data)
    assert {name for name, value in data.items() if value and name not in {"user", "settings"}} == {
        "sanctions",
        "appeals",
    }
    (sanction,) = data["sanctions"]
    assert (sanction["evidence"]["text"], sanction["evidence"]["reply"]) == ("", None)
    assert [appeal["text"] for appeal in data["appeals"]] == [""]
    async with lobby.database.read() as session:
        assert await UserSettingsStore(session).get(user_key("1001")) == UserSettings()
    assert await lobby.is_blocked()
    assert await summaries(lobby) == {"hall": None}
    assert [memory.value for memory in await lobby.memories("2002")] == ["철수"]


async def test_readme_tells_in_both_languages_what_is_kept_for_how_long(lobby: Lobby) -> None:
    answer = await lobby.person().run("mydata")
    assert answer.attachment is not None
    with ZipFile(BytesIO(answer.attachment.data)) as archive:
        assert archive.testzip() is None
        names, readme = archive.namelist(), archive.read("README.txt").decode()
    assert all(name in readme for name in names if name != "README.txt")
    assert "마지막 대화 뒤 30일" in readme
    assert "message and reply after its end: 180 days" in readme


async def test_forgotten_moderator_decides_nothing_on_their_own_case(lobby: Lobby, make_case: MakeCase) -> None:
    sanction = await lobby.sanction(make_case(block=timedelta(days=7), text="나쁜 말", community="9"))
    person = lobby.person("1001", community="9", rights=MODERATOR)
    await person.press(await person.run("forgetme"), "Delete everything")
    answer = await person.run("lift", sanction=sanction.id or 0, reason="그냥")
    assert answer.text == "You cannot decide your own case."
    assert await lobby.is_blocked()
