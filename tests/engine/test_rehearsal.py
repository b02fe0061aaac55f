"""Check that a rehearsed step answers as a turn does, and tells whether its last try had the right form."""

from __future__ import annotations

import asyncio

import pytest

from engine.care import load_care
from engine.rehearsal import Rehearsal
from models.exemplars import ExemplarIndex
from models.profile import load_profile
from models.types import FinishReason, WrittenExchange
from tests.fakes import FakeEmbedder, FakeGenerator

PROFILE = load_profile("ohlora-v4")


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.mark.parametrize(
    ("task", "answers", "text", "is_well_formed"),
    [
        ("output_message", ["좋아!"], "좋아!", True),
        ("output_message", ["http://x.kr", "좋아!"], "좋아!", True),
        ("output_message", ["(사용자"] * 5, PROFILE.fallback_reply, False),
        ("memory", ["[상태: 졸림]"] * 2, "[상태: 졸림]", True),
        ("memory", ["상태 졸림", "[상태: 나 졸림]"], "[상태: 나 졸림]", True),
        ("memory", [""], "", True),
        ("memory", ["졸림"] * 5, "", False),
        ("memory", ["[취미: 등산]"] * 5, "", True),  # it can be read, but nobody said it
        ("summary", ["졸리다고 함"], "졸리다고 함", True),
        ("summary", [""] * 3, "", False),
        ("eyes_mouth_pose", ["(눈 크게, 입 보통, 고개 돌림 많이)"], "(눈 크게, 입 보통, 고개 돌림 많이)", True),
        ("eyes_mouth_pose", ["(눈 세모, 입 보통, 고개 돌림 많이)"] * 5, "(눈 보통, 입 보통, 고개 돌림 없음)", False),
    ],
)
async def test_answer_is_that_of_the_step_and_well_formed_where_a_try_was_good(
    generator: FakeGenerator, task: str, answers: list[str], text: str, is_well_formed: bool
) -> None:
    generator.enqueue(task, *answers)
    answer = await Rehearsal(generator, FakeEmbedder(), PROFILE, load_care(), 7).answer(task, "나 졸려")
    assert (answer.text, answer.is_well_formed) == (text, is_well_formed)


@pytest.mark.parametrize("task", ["output_message", "memory", "summary"])
async def test_answer_that_never_reaches_its_stop_mark_is_not_well_formed(generator: FakeGenerator, task: str) -> None:
    generator.enqueue(task, *["[상태: 졸림]"] * 5, finish_reason=FinishReason.LENGTH)
    assert not (
        await Rehearsal(generator, FakeEmbedder(), PROFILE, load_care(), 7).answer(task, "나 졸려")
    ).is_well_formed


async def test_wrong_day_is_judged_by_the_time_mark_of_the_prompt(generator: FakeGenerator) -> None:
    generator.enqueue("output_message", "오늘은 토요일!", "좋아!")
    answer = await Rehearsal(generator, FakeEmbedder(), PROFILE, load_care(), 7).answer(
        "output_message", "(지금은 토요일 오전) 오늘 뭐 해"
    )
    assert answer.text == "오늘은 토요일!"


async def test_steps_that_run_at_once_are_judged_apart(generator: FakeGenerator) -> None:
    generator.enqueue("memory", *["졸림"] * 5)
    rehearsal = Rehearsal(generator, FakeEmbedder(), PROFILE, load_care(), 7)
    memory, face = await asyncio.gather(
        rehearsal.answer("memory", "나 졸려"), rehearsal.answer("eyes_mouth_pose", "좋아")
    )
    assert (memory.is_well_formed, face.is_well_formed) == (False, True)


NOTES = ExemplarIndex([
    WrittenExchange(input="나 너무 졸려", answers=("[상태: 졸림]",)),
    WrittenExchange(input="날씨 좋다", answers=("",)),
])  # fmt: skip


@pytest.mark.parametrize(
    ("message", "answers", "text", "is_well_formed"),
    [
        ("나 졸려", ["상태: 나 졸려]"], "[상태: 나 졸려]", True),  # the bracket stands in the prompt
        ("나 졸려", ["졸림"] * 5, "", False),
        ("오늘 날씨 좋다", [], "", True),  # the notes say that there is nothing, and nobody is asked
    ],
)
async def test_memory_that_notes_have_begun_or_decided_is_well_formed(
    generator: FakeGenerator, message: str, answers: list[str], text: str, is_well_formed: bool
) -> None:
    profile = load_profile("embedded")
    generator.enqueue("memory", *answers)
    rehearsal = Rehearsal(generator, FakeEmbedder(), profile, load_care(), 7, {"memory": NOTES})
    answer = await rehearsal.answer("memory", message)
    assert (answer.text, answer.is_well_formed) == (text, is_well_formed)
