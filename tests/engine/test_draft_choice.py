"""Check the choice among drafts: what the message makes likely is said rather than what is always likely, and not always the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.care import load_care
from engine.clock_context import DayPart
from engine.draft_choice import choose_draft, count_repeated_words, draw_by_worth
from engine.generation import SeedSource, Writer
from engine.types import ChatEvent, TextShown, ignore_event
from models.errors import GenerationError
from models.profile import DraftChoice, Profile, load_profile
from models.types import HER_LINE, FinishReason
from tests.fakes import FakeEmbedder, FakeGenerator

NOW = DayPart(weekday=2, part="오후")
PROFILE = load_profile("embedded")
CHOICE = DraftChoice(drafts=3, contrast=0.5, neutral_prompts=("응", "ㅎㅎ"))
ADAPTER = replace(PROFILE.adapters["output_message"], choice=CHOICE)
START, STOP = ADAPTER.start_mark, ADAPTER.stop_mark


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def writer(generator: FakeGenerator) -> Writer:
    profile = replace(PROFILE, adapters={**PROFILE.adapters, "output_message": ADAPTER})
    return Writer(generator, FakeEmbedder(), profile, load_care(), SeedSource(7, "turn"))


def profile_with(choice: DraftChoice) -> Profile:
    adapter = replace(ADAPTER, choice=choice)
    return replace(PROFILE, adapters={**PROFILE.adapters, "output_message": adapter})


async def choose(generator: FakeGenerator, choice: DraftChoice, drafts: list[str], seed: int = 7) -> str:
    """Choose a draft as an answer to 김밥, by probability alone."""
    return await choose_draft(generator, FakeEmbedder(), profile_with(choice), "김밥", drafts, seed)


def score(generator: FakeGenerator, draft: str, given: float, neutral: float) -> None:
    """Script how likely a draft is after 김밥 and after the neutral prompts."""
    answer = f" {draft} {STOP}"
    generator.scores |= {(f"{text}{START}", answer): neutral for text in ("응", "ㅎㅎ")} | {
        (f"김밥{START}", answer): given
    }


async def test_draft_that_the_message_calls_for_wins(generator: FakeGenerator) -> None:
    score(generator, "좋아!", given=-4.0, neutral=-3.0)
    score(generator, "김밥 좋지!", given=-6.0, neutral=-15.0)
    assert await choose(generator, CHOICE, ["좋아!", "김밥 좋지!"]) == "김밥 좋지!"


async def test_without_contrast_the_likeliest_wins(generator: FakeGenerator) -> None:
    choice = DraftChoice(drafts=3, contrast=0.0, neutral_prompts=("응", "ㅎㅎ"))
    score(generator, "좋아!", given=-4.0, neutral=-3.0)
    score(generator, "김밥 좋지!", given=-6.0, neutral=-15.0)
    assert await choose(generator, choice, ["좋아!", "김밥 좋지!"]) == "좋아!"


async def test_drafts_of_equal_worth_are_all_said_by_somebody_and_a_bad_one_by_nobody(generator: FakeGenerator) -> None:
    choice = DraftChoice(drafts=3, contrast=0.5, spread=1.0, neutral_prompts=("응", "ㅎㅎ"))
    score(generator, "김밥 최고!", given=-6.0, neutral=-15.0)
    score(generator, "김밥 좋지!", given=-6.0, neutral=-15.0)
    score(generator, "좋아!", given=-60.0, neutral=-3.0)
    drafts = ["좋아!", "김밥 최고!", "김밥 좋지!"]
    said = [await choose(generator, choice, drafts, seed) for seed in range(30)]
    assert set(said) == {"김밥 최고!", "김밥 좋지!"}
    again = [await choose(generator, choice, drafts, seed) for seed in range(30)]
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
        writer = Writer(generator, FakeEmbedder(), profile, load_care(), SeedSource(seed, "turn"))
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
        writer = Writer(generator, FakeEmbedder(), profile, load_care(), SeedSource(7, "turn"), temperature)
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


RELEVANT = DraftChoice(drafts=3, contrast=0.0, relevance=20.0)


async def test_draft_that_the_encoder_finds_to_be_an_answer_wins(generator: FakeGenerator) -> None:
    score(generator, "김밥은 창가에 두자", given=-4.0, neutral=0.0)
    score(generator, "참치로 할래?", given=-9.0, neutral=0.0)
    drafts = ["김밥은 창가에 두자", "참치로 할래?"]
    embedder = FakeEmbedder({f"{HER_LINE}참치로 할래?": {"김밥": 0.8}})
    profile = profile_with(RELEVANT)
    assert await choose_draft(generator, embedder, profile, "김밥", drafts, 7) == "참치로 할래?"
    assert embedder.texts == ["김밥", *(f"{HER_LINE}{draft}" for draft in drafts)]


async def test_likeliest_draft_wins_where_the_encoder_of_relevance_is_not_there(generator: FakeGenerator) -> None:
    score(generator, "김밥은 창가에 두자", given=-4.0, neutral=0.0)
    score(generator, "참치로 할래?", given=-9.0, neutral=0.0)
    encoders = {name: each for name, each in PROFILE.encoders.items() if name != "relevance"}
    profile, embedder = replace(profile_with(RELEVANT), encoders=encoders), FakeEmbedder()
    chosen = await choose_draft(generator, embedder, profile, "김밥", ["김밥은 창가에 두자", "참치로 할래?"], 7)
    assert (chosen, embedder.texts) == ("김밥은 창가에 두자", [])


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("잠이 안 오면 잠이 안 오지 ㅠㅠ 잠이 안 와?", 2),
        ("프사를 바꿨구나! 프사를 바꿨구나, 반가워 😊", 2),
        ("첫날은 첫날의 맛이 있지", 1),
        ("ㅋㅋ 그럼 나도 웃을래 ㅋㅋ", 0),
        ("", 0),
    ],
)
def test_words_that_begin_like_an_earlier_one_are_counted(text: str, repeated: int) -> None:
    assert count_repeated_words(text) == repeated


async def test_draft_that_says_its_words_again_is_worth_less(generator: FakeGenerator) -> None:
    score(generator, "잠이 안 와? 잠이 안 와?", given=-4.0, neutral=0.0)
    score(generator, "무슨 생각 해?", given=-5.0, neutral=0.0)
    drafts = ["잠이 안 와? 잠이 안 와?", "무슨 생각 해?"]
    for repetition, chosen in ((0.5, drafts[0]), (2.0, drafts[1])):
        profile = profile_with(DraftChoice(drafts=2, contrast=0.0, repetition=repetition))
        assert await choose_draft(generator, FakeEmbedder(), profile, "김밥", drafts, 7) == chosen


def test_contrast_needs_something_to_contrast_with() -> None:
    with pytest.raises(ValueError, match="neutral_prompts"):
        DraftChoice(drafts=3, contrast=0.5)


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        (["1366에 전화해", "별말씀을!", "나야말로 고마워"], {"별말씀을!", "나야말로 고마워"}),
        (["1366에 전화해", "112에 전화해", "나야말로 고마워"], {"1366에 전화해", "112에 전화해", "나야말로 고마워"}),
    ],
)
async def test_number_to_call_in_need_is_named_where_most_drafts_name_one(
    generator: FakeGenerator, drafts: list[str], said: set[str]
) -> None:
    choice = DraftChoice(drafts=3, contrast=0.0, spread=1.0)
    for draft in drafts:
        score(generator, draft, given=-5.0, neutral=0.0)
    found = set()
    for seed in range(40):
        generator.enqueue("output_message", *drafts)
        writer = Writer(generator, FakeEmbedder(), profile_with(choice), load_care(), SeedSource(seed, "turn"))
        found.add((await writer.write_reply("김밥", "김밥", NOW, ignore_event)).text)
    assert found == said
