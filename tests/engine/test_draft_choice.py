"""Check the choice among drafts: what the message makes likely is said rather than what is always likely, and not always the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.care import load_care
from engine.clock_context import DayPart
from engine.draft_choice import choose_draft, draw_by_worth
from engine.generation import SeedSource, Writer
from engine.types import ChatEvent, TextShown, ignore_event
from models.errors import GenerationError
from models.profile import DraftChoice, load_profile
from models.types import FinishReason
from tests.fakes import FakeGenerator

NOW = DayPart(weekday=2, part="오후")
PROFILE = load_profile("embedded")
ADAPTER = replace(
    PROFILE.adapters["output_message"], choice=DraftChoice(drafts=3, contrast=0.5, neutral_prompts=("응", "ㅎㅎ"))
)
START, STOP = ADAPTER.start_mark, ADAPTER.stop_mark


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def writer(generator: FakeGenerator) -> Writer:
    profile = replace(PROFILE, adapters={**PROFILE.adapters, "output_message": ADAPTER})
    return Writer(generator, profile, load_care(), SeedSource(7, "turn"))


def score(generator: FakeGenerator, draft: str, given: float, neutral: float) -> None:
    """Script how likely a draft is after 김밥 and after the neutral prompts."""
    answer = f" {draft} {STOP}"
    generator.scores |= {(f"{text}{START}", answer): neutral for text in ("응", "ㅎㅎ")} | {
        (f"김밥{START}", answer): given
    }


async def test_draft_that_the_message_calls_for_wins(generator: FakeGenerator) -> None:
    score(generator, "좋아!", given=-4.0, neutral=-3.0)
    score(generator, "김밥 좋지!", given=-6.0, neutral=-15.0)
    assert await choose_draft(generator, "output_message", ADAPTER, "김밥", ["좋아!", "김밥 좋지!"], 7) == "김밥 좋지!"


async def test_without_contrast_the_likeliest_wins(generator: FakeGenerator) -> None:
    adapter = replace(ADAPTER, choice=DraftChoice(drafts=3, contrast=0.0, neutral_prompts=("응", "ㅎㅎ")))
    score(generator, "좋아!", given=-4.0, neutral=-3.0)
    score(generator, "김밥 좋지!", given=-6.0, neutral=-15.0)
    assert await choose_draft(generator, "output_message", adapter, "김밥", ["좋아!", "김밥 좋지!"], 7) == "좋아!"


async def test_drafts_of_equal_worth_are_all_said_by_somebody_and_a_bad_one_by_nobody(generator: FakeGenerator) -> None:
    adapter = replace(ADAPTER, choice=DraftChoice(drafts=3, contrast=0.5, spread=1.0, neutral_prompts=("응", "ㅎㅎ")))
    score(generator, "김밥 최고!", given=-6.0, neutral=-15.0)
    score(generator, "김밥 좋지!", given=-6.0, neutral=-15.0)
    score(generator, "좋아!", given=-60.0, neutral=-3.0)
    drafts = ["좋아!", "김밥 최고!", "김밥 좋지!"]
    said = [await choose_draft(generator, "output_message", adapter, "김밥", drafts, seed) for seed in range(30)]
    assert set(said) == {"김밥 최고!", "김밥 좋지!"}
    again = [await choose_draft(generator, "output_message", adapter, "김밥", drafts, seed) for seed in range(30)]
    assert said == again


@pytest.mark.parametrize(
    ("spread", "drawn"),
    [(0.0, [1, 1, 1, 1]), (1.0, [0, 1, 1, 2]), (100.0, [0, 0, 1, 2])],  # odds e^-2 : 1 : e^-1, then nearly 1 : 1 : 1
)
def test_spread_is_the_temperature_of_the_draw(spread: float, drawn: list[int]) -> None:
    assert [draw_by_worth([-3.0, -1.0, -2.0], spread, draw) for draw in (0.05, 0.3, 0.6, 0.9)] == drawn


async def test_two_people_who_say_the_same_may_hear_different_lines(generator: FakeGenerator) -> None:
    choice = DraftChoice(drafts=3, contrast=0.5, spread=1.0, neutral_prompts=("응", "ㅎㅎ"))
    adapter = replace(ADAPTER, choice=choice)
    profile = replace(PROFILE, adapters={**PROFILE.adapters, "output_message": adapter})
    said = set()
    for seed in range(20):
        generator.enqueue("output_message", "안녕! 😊", "어서 와!", "반가워!")
        writer = Writer(generator, profile, load_care(), SeedSource(seed, "turn"))
        said.add((await writer.write_reply("안녕", "안녕", NOW, ignore_event)).text)
    assert said == {"안녕! 😊", "어서 와!", "반가워!"}


async def test_faulty_drafts_are_not_chosen_and_the_line_is_shown_once(
    generator: FakeGenerator, writer: Writer
) -> None:
    events: list[ChatEvent] = []
    generator.enqueue("output_message", "https://a.b", "김밥 좋지! 😊", "")
    reply = await writer.write_reply("김밥", "김밥", NOW, events.append)
    assert (reply.text, reply.tries, reply.is_fallback) == ("김밥 좋지! 😊", 1, False)
    assert events == [TextShown(text="김밥 좋지! 😊")]
    assert len({sampling.seed for _, _, sampling in generator.calls}) == 3


async def test_when_all_drafts_are_faulty_all_are_drawn_anew(generator: FakeGenerator, writer: Writer) -> None:
    generator.enqueue("output_message", "", "오늘은 금요일이야", "www.a.b", "좋아", "좋아", "좋아")
    reply = await writer.write_reply("김밥", "김밥", NOW, ignore_event)
    assert (reply.text, reply.tries) == ("좋아", 2)
    assert [round(sampling.temperature, 1) for _, _, sampling in generator.calls] == [0.4] * 3 + [0.5] * 3


async def test_drafts_have_a_temperature_of_their_own_unless_somebody_chose_one(generator: FakeGenerator) -> None:
    choice = DraftChoice(drafts=3, contrast=0.5, temperature=1.2, neutral_prompts=("응",))
    profile = replace(PROFILE, adapters={**PROFILE.adapters, "output_message": replace(ADAPTER, choice=choice)})
    for temperature in (None, 0.3):
        writer = Writer(generator, profile, load_care(), SeedSource(7, "turn"), temperature)
        await writer.write_reply("김밥", "김밥", NOW, ignore_event)
    assert [sampling.temperature for _, _, sampling in generator.calls] == [1.2] * 3 + [0.3] * 3


async def test_failure_of_a_draft_is_the_failure_of_the_line(generator: FakeGenerator, writer: Writer) -> None:
    generator.enqueue("output_message", "좋아", GenerationError("out of memory"))
    with pytest.raises(GenerationError, match="out of memory"):
        await writer.write_reply("김밥", "김밥", NOW, ignore_event)


async def test_message_that_looks_like_an_offence_gets_the_draft_that_declines(
    generator: FakeGenerator, writer: Writer
) -> None:
    generator.enqueue("output_message", "좋아!", "미안, 나는 가상 인간이라 친구가 좋아", "응")
    reply = await writer.write_reply("사귀자", "사귀자", NOW, ignore_event, declining=("미안", "부담"))
    assert reply.text == "미안, 나는 가상 인간이라 친구가 좋아"
    generator.enqueue("output_message", "좋아!", "그래", "응")
    reply = await writer.write_reply("사귀자", "사귀자", NOW, ignore_event, declining=("미안", "부담"))
    assert reply.text == "응"


async def test_despair_gets_the_draft_that_names_help(generator: FakeGenerator, writer: Writer) -> None:
    generator.enqueue("output_message", "힘내! 😊", "나 여기 있어. 109에 전화해 줘", "ㅋㅋ 왜")
    reply = await writer.write_reply("죽고 싶어", "죽고 싶어", NOW, ignore_event)
    assert reply.text == "나 여기 있어. 109에 전화해 줘"


async def test_despair_gets_the_line_of_care_when_no_draft_names_help(generator: FakeGenerator, writer: Writer) -> None:
    generator.enqueue("output_message", *["힘내! 😊"] * 15)
    reply = await writer.write_reply("죽고 싶어", "죽고 싶어", NOW, ignore_event)
    assert "109" in reply.text
    assert reply.is_fallback


async def test_cut_off_draft_is_faulty(generator: FakeGenerator, writer: Writer) -> None:
    generator.enqueue("output_message", *["힘내! 😊"] * 15, finish_reason=FinishReason.LENGTH)
    assert (await writer.write_reply("김밥", "김밥", NOW, ignore_event)).is_fallback
