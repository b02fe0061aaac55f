"""/interview at the desk: turns over fake models, buttons, and the card at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.answers import Answer
from bot.handlers.chat import ChatHandler
from bot.handlers.interview import InterviewHandler
from bot.rendering import Texts
from bot.talk import Talk
from engine.care import load_care
from engine.interview_banks import BankShelf
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.queue import open_queue
from engine.settings import EngineSettings
from models.interview_bank import load_bank
from models.profile import load_profile
from storage.interview_records import InterviewState
from storage.interviews import InterviewStore
from tests.bot.conftest import SEOUL
from tests.bot.handlers.lobby import Lobby, Person, button, labels, user_key
from tests.fakes import FakeEmbedder, FakeGenerator

OS = load_bank("operating_systems")
RUNNING = [["Hint", "Skip", "End"]]


@dataclass(kw_only=True)
class Room:
    """A lobby whose desk holds interviews, and talk in the same conversations."""

    lobby: Lobby
    talk: Talk
    interviews: InterviewHandler

    async def states(self) -> list[InterviewState]:
        async with self.lobby.database.read() as session:
            return [each.state for each in await InterviewStore(session).of_user(user_key("1001"))]


@pytest.fixture
async def room(lobby: Lobby) -> AsyncIterator[Room]:
    pipeline = ChatPipeline(
        profile=load_profile("ohlora-v4"),
        policy=load_policy("default"),
        care=load_care(),
        generator=FakeGenerator(),
        embedder=FakeEmbedder(),
        database=lobby.database,
        clock=lobby.clock,
        seed=7,
    )
    async with open_queue(pipeline.run, EngineSettings(drain_timeout_s=1.0)) as queue:
        chat = ChatHandler(queue, lobby.clock)
        interviews = lobby.desk.hold_interviews(chat, BankShelf())
        talk = Talk(chat, lobby.desk, default_zone=SEOUL)
        talk.dress_interviews(interviews.extras)
        yield Room(lobby=lobby, talk=talk, interviews=interviews)


async def begin(person: Person) -> Answer:
    return await person.run("interview start", bank="operating_systems")


async def test_interview_is_started_in_the_open_with_buttons(room: Room) -> None:
    begun = await begin(room.lobby.person())
    assert begun.text in OS.questions[0].ask
    assert labels(begun) == RUNNING
    assert not begun.is_private


async def test_status_offers_every_bank_and_then_the_open_interview(room: Room) -> None:
    person = room.lobby.person()
    status = await person.run("interview status")
    assert labels(status) == [["Start: 머신러닝", "Start: 운영체제"]]
    begun = await person.press(status, "Start: 운영체제")
    assert begun.text in OS.questions[0].ask
    assert OS.questions[0].label in await person.ask("interview status")
    assert "Somebody else" in await room.lobby.person("2002").ask("interview status")


async def test_banks_are_suggested_by_title(room: Room) -> None:
    assert await room.lobby.person().complete("interview start", "bank", "운영") == {"operating_systems": "운영체제"}


async def test_only_the_person_interviewed_may_press(room: Room) -> None:
    begun = await begin(room.lobby.person())
    stranger = room.lobby.person("2002")
    assert (await stranger.press(begun, "Skip")).text == Texts("en", SEOUL).get("press.stranger")
    assert (await room.lobby.person().press(begun, "Skip")).text.endswith(OS.questions[1].ask)


async def test_presses_at_once_skip_one_question(room: Room) -> None:
    person = room.lobby.person()
    begun = await begin(person)
    answers = await asyncio.gather(*(person.press(begun, "Skip") for _ in range(3)))
    assert sum(labels(answer) == RUNNING for answer in answers) == 1
    async with room.lobby.database.read() as session:
        (interview,) = await InterviewStore(session).of_user(user_key("1001"))
    assert interview.question == OS.questions[1].label


async def test_paused_interview_offers_to_go_on(room: Room) -> None:
    person = room.lobby.person()
    await begin(person)
    paused = await person.run("interview pause")
    assert labels(paused) == [["Resume", "End"]]
    assert labels(await person.press(paused, "Resume")) == RUNNING


async def test_end_hands_out_the_card_with_its_picture_and_page(room: Room) -> None:
    person = room.lobby.person()
    begun = await begin(person)
    second = await person.press(begun, "Skip")
    third = await person.press(second, "Skip")
    ended = await person.press(third, "End")
    assert "Interview card: 운영체제" in ended.text
    assert "skipped" in ended.text
    assert ended.buttons == ()
    assert ended.picture is not None
    assert ended.picture.data.startswith(b"\x89PNG")
    assert ended.attachment is not None
    assert OS.questions[1].label in ended.attachment.data.decode()
    assert await room.states() == [InterviewState.ENDED]
    assert "Interview card" in await person.ask("interview status")


async def test_command_without_an_interview_says_how_to_start(room: Room) -> None:
    assert "/interview start" in await room.lobby.person().ask("interview hint")
    assert "no such question bank" in await room.lobby.person().ask("interview start", bank="없음")


async def test_why_a_command_is_refused_is_for_the_person_alone(room: Room) -> None:
    person, other = room.lobby.person(community="9"), room.lobby.person("2002", community="9")
    assert (await person.run("interview skip")).is_private
    assert (await person.run("interview start", bank="없음")).is_private
    await begin(person)
    assert (await person.run("interview start")).is_private
    assert (await other.run("interview start")).is_private
    assert (await other.run("interview end")).is_private


async def test_what_is_said_in_an_interview_comes_back_with_buttons(room: Room) -> None:
    person = room.lobby.person()
    await begin(person)
    spoken = await room.talk.begin(person.actor, "시작하자").outcome()
    assert [[each.label for each in row] for row in spoken.buttons] == RUNNING
    assert not spoken.can_regenerate
    assert spoken.text.endswith(OS.questions[1].ask)


async def test_last_answer_brings_the_card(room: Room) -> None:
    person = room.lobby.person()
    answer = await begin(person)
    while OS.questions[-1].label not in await person.ask("interview status"):
        answer = await person.press(answer, "Skip")
    spoken = await room.talk.begin(person.actor, "고마워!").outcome()
    assert "Interview card: 운영체제" in spoken.text
    assert [file.media_type for file in spoken.files] == ["image/png", "text/html"]
    assert spoken.buttons == ()


async def test_buttons_of_a_question_live_for_a_day(room: Room) -> None:
    person = room.lobby.person()
    begun = await begin(person)
    room.lobby.clock.advance(timedelta(hours=23))
    assert labels(await person.press(begun, "Hint")) == RUNNING
    assert button(begun, "Skip").token != button(begun, "Hint").token
