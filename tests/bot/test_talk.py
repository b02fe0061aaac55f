"""Check talking as the platforms do it: order, manner, cancelling, leaving, and answering again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from bot.answers import Actor, Place
from bot.desk import Desk as DeskProtocol
from bot.desk import Manner
from bot.handlers.chat import ChatHandler
from bot.talk import FaceMode, Spoken, Talk
from engine.types import ChatEvent, TextShown
from storage.conversations import ConversationStore
from storage.errors import StorageError
from storage.records import ConversationKey, UserKey
from storage.sanctions import SanctionStore
from tests.bot.conftest import SEOUL, Desk, Gate
from tests.fakes import FakeGenerator

LIMIT_S = 60


class Manners:
    """The part of the desk that talking needs."""

    def __init__(self) -> None:
        self.language = "ko"
        self.temperature: float | None = None
        self.is_broken = False
        self.news: list[str] = []

    async def news_for(self, actor: Actor) -> list[str]:
        if self.is_broken:
            raise StorageError("database is locked")
        news, self.news = self.news, []
        return news

    async def manner_of(self, actor: Actor) -> Manner:
        await asyncio.sleep(0)
        if self.is_broken:
            raise StorageError("database is locked")
        temperature = self.temperature if actor.place.community == "마을" else None
        return Manner(language=self.language, zone=SEOUL, temperature=temperature, face_mode=FaceMode.PICTURE)


@pytest.fixture
def manners() -> Manners:
    return Manners()


@pytest.fixture
def talk(desk: Desk, manners: Manners) -> Talk:
    return Talk(ChatHandler(desk.queue, desk.clock), cast(DeskProtocol, manners), default_zone=SEOUL)


@pytest.fixture
async def gated(desk: Desk, gate: Gate, generator: FakeGenerator) -> AsyncIterator[Gate]:
    """Hold every answer of the models back until the gate opens."""
    generator._gate = gate
    yield gate
    gate.set()


def actor(name: str = "민지", *, room: str = "room", community: str | None = None) -> Actor:
    place = Place(conversation=ConversationKey(platform="console", id=room), community=community)
    return Actor(user=UserKey(platform="console", id=name), place=place, client_locale="ko")


async def say(talk: Talk, text: str, who: Actor | None = None) -> Spoken:
    async with asyncio.timeout(LIMIT_S):
        return await talk.begin(who or actor(), text).outcome()


async def again(talk: Talk, spoken: Spoken, who: Actor | None = None) -> Spoken:
    talking = talk.regenerate(who or actor(), spoken.request_id)
    assert talking is not None
    async with asyncio.timeout(LIMIT_S):
        return await talking.outcome()


async def test_link_of_a_message_stands_in_the_evidence_also_when_it_is_answered_again(
    talk: Talk, desk: Desk, generator: FakeGenerator
) -> None:
    generator.enqueue("output_message", "고마워!", "미안, 그건 부담스러워 😅")
    async with asyncio.timeout(LIMIT_S):
        first = await talk.begin(actor(), "사랑해", link="https://t.me/c/1/5").outcome()
    await again(talk, first)
    async with desk.database.read() as session:
        (sanction,) = await SanctionStore(session).of_user(actor().user)
    assert sanction.evidence.link == "https://t.me/c/1/5"


async def last_summary(desk: Desk) -> str | None:
    async with desk.database.read() as session:
        conversation = await ConversationStore(session).get(ConversationKey(platform="console", id="room"))
    return conversation.last_summary if conversation else None


async def test_message_is_answered_with_text_and_face(talk: Talk) -> None:
    events: list[ChatEvent] = []
    talking = talk.begin(actor(), "안녕!", show=events.append)
    spoken = await talking.outcome()
    assert (spoken.is_reply, spoken.text, spoken.request_id) == (True, "응, 좋아! 😊", talking.request_id)
    assert spoken.expression is not None
    assert spoken.face == "( • ▽ • )"
    assert spoken.face_mode is FaceMode.PICTURE
    assert "".join(event.text for event in events if isinstance(event, TextShown)) == spoken.text


async def test_refusal_is_for_the_person_alone_and_in_their_language(talk: Talk, manners: Manners) -> None:
    manners.language = "en"
    spoken = await say(talk, "아주 긴 말 " * 200)
    assert (spoken.is_reply, spoken.is_private) == (False, True)
    assert spoken.text.startswith("That's too long")


async def test_who_says_nothing_is_asked_for_all_to_hear(talk: Talk) -> None:
    spoken = await say(talk, "\u200b")
    assert (spoken.is_reply, spoken.is_private) == (False, False)


async def test_warning_stands_beside_the_reply_and_is_not_drawn_twice(talk: Talk, generator: FakeGenerator) -> None:
    generator.enqueue("output_message", "미안, 친구로 지내자!")
    spoken = await say(talk, "사랑해")
    assert spoken.is_reply
    assert spoken.warning is not None
    assert spoken.warning.startswith("경고")
    assert not spoken.can_regenerate
    assert talk.regenerate(actor(), spoken.request_id) is None


async def test_what_could_not_be_told_stands_below_the_next_line_that_only_the_person_sees(
    talk: Talk, manners: Manners
) -> None:
    manners.news = ["이의신청을 받아들였어요."]
    assert (await say(talk, "안녕", actor(community="마을"))).warning is None
    assert (await say(talk, "안녕")).warning == "이의신청을 받아들였어요."
    assert (await say(talk, "안녕")).warning is None
    manners.news = ["이의신청을 받아들였어요."]
    refused = await say(talk, "말 " * 50, actor(community="마을"))
    assert refused.text.endswith("\n\n이의신청을 받아들였어요.")


async def test_failure_gives_a_friendly_line_with_the_request_id(talk: Talk, generator: FakeGenerator) -> None:
    generator.enqueue("output_message", RuntimeError("out of memory"))
    talking = talk.begin(actor(), "안녕!")
    spoken = await talking.outcome()
    assert talking.request_id in spoken.text
    assert "memory" not in spoken.text


async def test_settings_that_cannot_be_read_do_not_keep_her_from_answering(talk: Talk, manners: Manners) -> None:
    manners.is_broken = True
    spoken = await say(talk, "안녕!")
    assert spoken.is_reply
    assert spoken.face_mode is FaceMode.OFF


async def test_temperature_is_that_of_the_community(talk: Talk, manners: Manners, generator: FakeGenerator) -> None:
    manners.temperature = 0.25
    await say(talk, "안녕!", actor(community="마을"))
    await say(talk, "안녕!", actor(room="private"))
    temperatures = [sampling.temperature for name, _, sampling in generator.calls if name == "output_message"]
    assert temperatures[0] == 0.25
    assert temperatures[-1] != 0.25


async def test_order_of_a_conversation_is_that_of_the_calls(talk: Talk, generator: FakeGenerator) -> None:
    spoken = [talk.begin(actor(str(number % 3)), f"말 {number}") for number in range(6)]
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(talking.outcome() for talking in spoken))
    prompts = [prompt for prompt in generator.prompts("output_message") if "말 " in prompt]
    numbers = [int(prompt.split("말 ")[1][0]) for prompt in prompts]
    assert numbers == sorted(numbers)


async def test_waiting_message_knows_its_place_and_can_be_given_up(talk: Talk, gated: Gate) -> None:
    first = talk.begin(actor(), "하나")
    await gated.reached.wait()
    second = talk.begin(actor(), "둘")
    async with asyncio.timeout(LIMIT_S):
        while second.position is None:
            await asyncio.sleep(0.001)
        assert await second.waiting_text() == "지금 1번째 차례야. 조금만 기다려 줘!"
        assert second.cancel()
        spoken = await second.outcome()
        assert spoken.is_cancelled
        assert spoken.text == "알았어, 그 말은 없던 걸로 할게."
        assert not second.cancel()
        gated.set()
        assert (await first.outcome()).is_reply
    assert await first.waiting_text() is None


async def test_message_can_be_given_up_before_it_is_admitted(talk: Talk, generator: FakeGenerator) -> None:
    talking = talk.begin(actor(), "하나")
    assert talking.cancel()
    assert (await talking.outcome()).is_cancelled
    assert generator.calls == []


async def test_when_she_leaves_new_messages_get_a_friendly_line(talk: Talk, gated: Gate) -> None:
    first = talk.begin(actor(), "하나")
    await gated.reached.wait()
    talk.refuse()
    late = await say(talk, "둘", actor("지우", room="other"))
    assert late.text.startswith("나 잠깐 자리 비울게!")
    assert not await talk.idle(0.01)
    gated.set()
    assert await talk.idle(LIMIT_S)
    assert (await first.outcome()).is_reply


async def test_what_is_not_done_in_time_is_given_up_with_the_same_line(talk: Talk, gated: Gate) -> None:
    first = talk.begin(actor(), "하나")
    await gated.reached.wait()
    talk.refuse()
    talk.cancel_all()
    spoken = await first.outcome()
    assert spoken.text.startswith("나 잠깐 자리 비울게!")
    assert await talk.idle(LIMIT_S)


# --- answering again ---


async def test_new_reply_takes_the_place_of_the_old_one(talk: Talk, desk: Desk, generator: FakeGenerator) -> None:
    generator.enqueue("summary", "먼저 한 말", "처음 대답", "새 대답")
    await say(talk, "안녕!")
    first = await say(talk, "비빔면 먹을까?")
    assert await last_summary(desk) == "처음 대답"
    generator.enqueue("output_message", "그래, 먹자!")
    second = await again(talk, first)
    assert second.text == "그래, 먹자!"
    assert await last_summary(desk) == "새 대답"
    prompts = [prompt for prompt in generator.prompts("output_message") if "비빔면" in prompt]
    assert all("먼저 한 말" in prompt and "처음 대답" not in prompt for prompt in prompts)


async def test_nothing_is_remembered_twice(talk: Talk, desk: Desk, generator: FakeGenerator) -> None:
    generator.enqueue("memory", "[좋아하는 음식: 비빔면]", "[좋아하는 음식: 냉면]")
    first = await say(talk, "나 비빔면 좋아해, 냉면도")
    await again(talk, first)
    assert await desk.memories() == ["[좋아하는 음식: 비빔면]"]
    assert len(generator.prompts("memory")) == 1


async def test_reply_that_left_a_memory_bears_its_mark_also_when_it_is_answered_again(
    talk: Talk, generator: FakeGenerator
) -> None:
    assert (await say(talk, "안녕!")).memory is None
    generator.enqueue("memory", "[좋아하는 음식: 비빔면]", "[좋아하는 음식: 냉면]")
    first = await say(talk, "나 비빔면 좋아해")
    assert first.memory is not None
    assert (first.memory.label, first.memory.token) == ("✎ 기억했어", f"~memory:{first.request_id}")
    generator.enqueue("output_message", RuntimeError("out of memory"))
    failed = await again(talk, first)
    assert (failed.is_reply, failed.memory) == (False, first.memory)
    assert (await again(talk, first)).memory == first.memory
    replaced = (await say(talk, "이제 냉면 좋아해")).memory
    assert replaced is not None
    assert replaced.label == "✎ 고쳐 기억했어"


async def test_message_can_be_answered_again_and_again(talk: Talk) -> None:
    spoken = await say(talk, "안녕!")
    for _ in range(3):
        assert spoken.can_regenerate
        spoken = await again(talk, spoken)
    assert spoken.is_reply


async def test_only_the_last_message_of_the_asker_is_answered_again(talk: Talk) -> None:
    first = await say(talk, "하나")
    assert talk.regenerate(actor("지우"), first.request_id) is None
    second = await say(talk, "둘")
    assert talk.regenerate(actor(), first.request_id) is None
    assert talk.regenerate(actor(), second.request_id) is not None
    assert talk.regenerate(actor(), second.request_id) is None, "a second press must not run it twice"
    assert await talk.idle(LIMIT_S)


async def test_message_that_could_not_be_answered_again_may_be_tried_once_more(
    talk: Talk, generator: FakeGenerator
) -> None:
    first = await say(talk, "안녕!")
    generator.enqueue("output_message", RuntimeError("out of memory"))
    assert not (await again(talk, first)).is_reply
    assert (await again(talk, first)).is_reply


async def test_message_of_a_user_who_wants_to_be_forgotten_goes(talk: Talk) -> None:
    first = await say(talk, "안녕!")
    talk.forget(actor().user)
    assert talk.regenerate(actor(), first.request_id) is None


async def test_manner_of_a_forgotten_user_is_asked_for_again(talk: Talk, manners: Manners) -> None:
    await say(talk, "안녕!")
    manners.language = "en"
    assert (await talk.words(actor())).cancel == "그만두기"  # as they were answered last
    talk.forget(actor().user)
    assert (await talk.words(actor())).cancel == "Never mind"


async def test_message_on_its_way_is_given_up_when_its_user_wants_to_be_forgotten(
    talk: Talk, gated: Gate, desk: Desk
) -> None:
    talking = talk.begin(actor(), "나는 민지야")
    await gated.reached.wait()
    talk.forget(actor().user)
    gated.set()
    assert (await talking.outcome()).is_cancelled
    async with desk.database.read() as session:
        assert await ConversationStore(session).get(actor().place.conversation) is None


async def test_what_a_forgotten_user_has_on_its_way_is_waited_for(talk: Talk, gated: Gate) -> None:
    talking = talk.begin(actor(), "나는 민지야")
    await gated.reached.wait()
    talk.forget(actor().user)
    await talk.settle(actor().user)
    assert await talk.idle(0)
    gated.set()
    assert (await talking.outcome()).is_cancelled


async def test_message_from_before_a_reset_is_not_answered_again(talk: Talk, desk: Desk) -> None:
    first = await say(talk, "안녕!")
    elsewhere = await say(talk, "안녕!", actor(room="other"))
    talk.reset(actor().place.conversation)
    assert talk.regenerate(actor(), first.request_id) is None
    assert talk.regenerate(actor(room="other"), elsewhere.request_id) is not None
    assert await talk.idle(LIMIT_S)


async def test_reply_that_was_on_its_way_at_a_reset_is_not_answered_again(talk: Talk, gated: Gate) -> None:
    talking = talk.begin(actor(), "안녕!")
    await gated.reached.wait()
    talk.reset(actor().place.conversation)
    gated.set()
    spoken = await talking.outcome()
    assert spoken.is_reply
    assert not spoken.can_regenerate
    assert talk.regenerate(actor(), spoken.request_id) is None


async def test_try_that_failed_after_a_reset_is_not_given_back(
    talk: Talk, gated: Gate, generator: FakeGenerator
) -> None:
    gated.set()
    first = await say(talk, "안녕!")
    gated.clear()
    generator.enqueue("output_message", RuntimeError("out of memory"))
    talking = talk.regenerate(actor(), first.request_id)
    assert talking is not None
    talk.reset(actor().place.conversation)
    gated.set()
    assert not (await talking.outcome()).is_reply
    assert talk.regenerate(actor(), first.request_id) is None


async def test_reply_to_an_older_message_goes_on_from_there(talk: Talk, generator: FakeGenerator) -> None:
    generator.enqueue("summary", "여행을 부러워함", "시험을 응원함", "맞장구침", "맞장구침")
    for number, text in enumerate(("나 여행 가", "나 시험 봐")):
        talking = talk.begin(actor(), text)
        await talking.outcome()
        talk.note_sent(talking, str(number), f"{number}b")
    for above, summary in (("0", "여행을 부러워함"), ("1b", "시험을 응원함")):
        await talk.begin(actor(), "어디로 갈까?", replies_to=above).outcome()
        assert generator.prompts("output_message")[-1].startswith(f"(오로라 답변 요약) {summary}")


@pytest.mark.parametrize("who", ["stranger in another room", "erased", "reset"])
async def test_what_was_said_elsewhere_or_is_forgotten_stands_in_front_of_nothing(
    talk: Talk, desk: Desk, generator: FakeGenerator, who: str
) -> None:
    generator.enqueue("summary", "여행을 부러워함")
    talking = talk.begin(actor(), "나 여행 가")
    await talking.outcome()
    talk.note_sent(talking, "7")
    if who == "erased":
        talk.forget(actor().user)
    if who == "reset":
        talk.reset(actor().place.conversation)
    room = "other" if who.startswith("stranger") else "room"
    async with desk.database.begin() as session:
        await ConversationStore(session).forget_summary(actor().place.conversation, desk.clock())
    await talk.begin(actor("지우", room=room), "어디로?", replies_to="7").outcome()
    assert "여행을 부러워함" not in generator.prompts("output_message")[-1]


async def test_last_messages_of_many_conversations_are_bounded(talk: Talk, desk: Desk) -> None:
    spoken = await say(talk, "안녕!")
    for number in range(1000):
        talk._last.keep(
            ConversationKey(platform="console", id=str(number)),
            talk._last._kept[actor().place.conversation] if number == 0 else next(iter(talk._last._kept.values())),
        )
    assert talk.regenerate(actor(), spoken.request_id) is None


async def test_words_are_in_the_language_of_the_person(talk: Talk, manners: Manners) -> None:
    korean = await talk.words(actor())
    manners.language = "en"
    english = await talk.words(actor())
    assert (korean.regenerate, english.regenerate) == ("다시 말해 줘", "Say it again")
    assert all((korean.cancel, korean.not_yours, korean.too_late, english.cancel, english.not_yours, english.too_late))
