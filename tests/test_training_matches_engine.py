"""What the adapters are trained on is what the engine asks: the same marks, the same order, the same categories."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.clock_context import PARTS, WEEKDAYS, day_part, needs_time_mark
from engine.final_input import MARK_WORDS, build_final_input, build_summary_input
from engine.types import DEFAULT_TIME_ZONE
from models.fronts import split_front
from models.profile import list_profiles, load_profile
from models.training.dialogue_rows import DialogueCorpus, DialogueRow
from models.training.encoder_data import CATEGORIES
from models.training.examples import make_example
from models.training.slots import PARTS_OF_DAY, TIME_WORDS
from models.training.slots import WEEKDAYS as CORPUS_WEEKDAYS
from models.training.tokenizer import MARKS

NOW = day_part(datetime(2026, 11, 20, 9, tzinfo=UTC), DEFAULT_TIME_ZONE)  # Friday evening in Seoul


@pytest.mark.parametrize(("memory", "summary"), [(None, None), ("[취미: 등산]", "산을 추천"), (None, "산을 추천")])
@pytest.mark.parametrize("message", ["안녕?", "오늘 뭐 하지?"])
def test_corpus_reads_a_final_input_as_the_engine_builds_it(
    memory: str | None, summary: str | None, message: str
) -> None:
    front, time_mark, rest = split_front(build_final_input(message, NOW, memory, summary))
    assert rest == message
    assert time_mark == (NOW.mark if needs_time_mark(message) else "")
    assert bool(front) == (memory is not None or summary is not None)


def test_time_words_of_the_corpus_are_those_of_the_engine(shipped_corpus: DialogueCorpus) -> None:
    written = (text for _, exchange in shipped_corpus.exchanges() for text in exchange.inputs)
    messages = {split_front(text)[2] for text in written}
    assert [m for m in messages if bool(TIME_WORDS.search(m)) != needs_time_mark(m)] == []


def test_summary_adapter_is_trained_on_the_prompt_of_the_engine() -> None:
    row = DialogueRow(input="안녕?", reply="안녕! 😊", summary="인사함")
    profile = load_profile("embedded").adapters["summary"]
    example = make_example("summary", profile, row)
    assert example is not None
    assert example[0] == build_summary_input("안녕?", "안녕! 😊") + profile.start_mark


def test_names_that_stand_on_both_sides_agree() -> None:
    assert (CORPUS_WEEKDAYS, PARTS_OF_DAY) == (WEEKDAYS, PARTS)
    whole = {mark.strip("()") for mark in MARKS} - {"지금은"}
    assert whole <= set(MARK_WORDS)


@pytest.mark.parametrize("name", list_profiles())
def test_profiles_know_the_categories_of_the_corpus(name: str) -> None:
    ethics = load_profile(name).ethics
    assert {ethics.normal_category, *ethics.categories} == set(CATEGORIES)
