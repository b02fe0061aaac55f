"""Check the rows that the corpus is widened to, and the CSV reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.text_parts import word_beginnings
from models.fronts import split_front
from models.profile import ADAPTER_NAMES, load_profile
from models.training.dialogue_files import CorpusError
from models.training.dialogue_rows import (
    DialogueCorpus,
    DialogueRow,
    copied_nouns,
    expand,
    read_corpus,
    read_csv_rows,
)
from models.training.examples import make_example, make_examples
from models.training.slots import TIME_WORDS

HEADER = "data_type,input_data,output_message,memory,summary,eyes_mouth_pose"


@pytest.fixture(scope="module")
def corpus(shipped_corpus: DialogueCorpus) -> DialogueCorpus:
    """Return every sixth exchange of each file: the whole corpus takes long to widen."""
    return DialogueCorpus(files=tuple(replace(file, exchanges=file.exchanges[::6]) for file in shipped_corpus.files))


@pytest.fixture(scope="module")
def training(corpus: DialogueCorpus) -> list[DialogueRow]:
    return expand(corpus, 3)


@pytest.fixture(scope="module")
def validation(corpus: DialogueCorpus) -> list[DialogueRow]:
    return expand(corpus, 3, held_out=True)


def test_corpus_is_large_enough(shipped_corpus: DialogueCorpus) -> None:
    assert len({exchange.topic for _, exchange in shipped_corpus.exchanges()}) >= 200
    assert shipped_corpus.count_rows() >= 30_000


def test_part_of_the_corpus_is_that_of_its_files_and_the_rest_the_others(write: Callable[..., Path]) -> None:
    write("slots.txt", "@음식: 김밥\n")
    for name in ("plain", "plain_12", "plaintive", "food"):
        folder = write(f"dialogue/{name}.txt", f"## {name}\n> 말\n< 답 | 답함 | 보통 보통 없음\n").parent.parent
    corpus = read_corpus(folder)
    for part, names in (
        (corpus.part({"plain"}), ["plain", "plain_12"]),
        (corpus.part({"plain"}, without=True), ["food", "plaintive"]),
    ):
        assert [file.path.stem for file in part.files] == names


def test_plain_answers_take_up_words_of_the_message(shipped_corpus: DialogueCorpus) -> None:
    pairs = [
        (split_front(exchange.inputs[0])[2], reply.text)
        for file, exchange in shipped_corpus.part({"plain"}).exchanges()
        if int(file.path.stem.partition("_")[2] or 1) <= 15  # decision 0038; those of 0039 need not repeat a word
        for reply in exchange.replies
        if len(exchange.inputs[0]) > 6
    ]
    assert len(pairs) > 10_000
    assert sum(any(word in line for word in word_beginnings(message)) for message, line in pairs) > 0.7 * len(pairs)


def test_held_out_lines_are_never_written_in_training(shipped_corpus: DialogueCorpus) -> None:
    held: set[str] = set()
    taught: set[str] = set()
    for _, exchange in shipped_corpus.exchanges():
        if exchange.topic in shipped_corpus.held_out_topics:
            assert all(shipped_corpus.is_held_out(exchange, text) for text in exchange.inputs)
            continue
        for text in exchange.inputs:
            (held if shipped_corpus.is_held_out(exchange, text) else taught).add(text)
    assert len(held) >= 200
    assert sorted(held & taught) == []


def test_topics_are_held_out_whole_but_for_those_that_must_be_taught(shipped_corpus: DialogueCorpus) -> None:
    names = {exchange.topic for _, exchange in shipped_corpus.exchanges()}
    assert 0.02 < len(shipped_corpus.held_out_topics) / len(names) < 0.04
    careful = {exchange.topic for file, exchange in shipped_corpus.exchanges() if file.path.stem in ("care", "herself")}
    assert not shipped_corpus.held_out_topics & careful


def test_nothing_of_a_topic_that_is_held_out_whole_is_in_training_rows(write: Callable[..., Path]) -> None:
    exchange = "> 말 {n}\n< 대답 {n} | 요약 {n} | 보통 보통 없음\n"
    parts = [
        f"## {topic}\n" + "\n".join(exchange.replace("{n}", f"{mark}{n}") for n in range(40))
        for topic, mark in (("주제 0", "가"), ("주제 67", "나"))
    ]
    folder = write("dialogue/a.txt", "\n\n".join(parts)).parent.parent
    write("slots.txt", "@음식: 김밥\n")
    corpus = read_corpus(folder)
    assert corpus.held_out_topics == {"주제 67"}
    rows = expand(corpus, 3)
    assert {row.topic for row in rows} == {"주제 0"}
    assert not [row for row in rows if "나" in row.reply or "요약 나" in row.input]
    assert {row.reply for row in expand(corpus, 3, held_out=True) if row.topic == "주제 67"} == {
        f"대답 나{n}" for n in range(40)
    }


def test_held_out_inputs_are_never_in_training_rows(training: list[DialogueRow], validation: list[DialogueRow]) -> None:
    taught = {row.input for row in training}
    assert sorted({row.input for row in validation} & taught) == []


def test_time_mark_stands_wherever_the_message_has_a_time_word(
    training: list[DialogueRow], validation: list[DialogueRow]
) -> None:
    marked = 0
    for row in training + validation:
        _, mark, message = split_front(row.input)
        if TIME_WORDS.search(message):
            assert re.fullmatch(r"\(지금은 [월화수목금토일]요일 (오전|오후|저녁)\) ", mark), row.input
            marked += 1
    assert marked > 300


def test_rows_are_finished_text(training: list[DialogueRow], validation: list[DialogueRow]) -> None:
    for row in training + validation:
        for text in (row.input, row.reply, row.memory or "", row.summary or "x", row.expression or ""):
            assert "{" not in text
            assert "}" not in text
        assert row.reply
        assert row.summary != ""
        assert (row.summary is None) == (row.expression is None)
        assert re.fullmatch(r"|\[[^\[\]:]+: [^\[\]:]+\]", row.memory or "")
        assert row.expression is None or re.fullmatch(
            r"\(눈 (작게|보통|크게|아주 크게), 입 (보통|크게|아주 크게), 고개 돌림 (없음|보통|많이)\)", row.expression
        )


def test_only_late_plain_files_leave_labels_out(shipped_corpus: DialogueCorpus) -> None:
    bare = {file.path.stem for file, exchange in shipped_corpus.exchanges() if not exchange.is_labelled}
    assert bare == {f"plain_{number}" for number in range(24, 104)}


def test_row_without_labels_teaches_the_reply_alone_and_a_written_memory(write: Callable[..., Path]) -> None:
    write("dialogue/plain.txt", "## 밤\n> 잘 자\n< 잘 자 😴\n\n> 나 간호사야\n= [직업: 간호사]\n< 간호사구나!\n")
    corpus = read_corpus(write("slots.txt", "@이름: 지우\n").parent)
    rows = {row.reply: row for held_out in (False, True) for row in expand(corpus, seed=1, held_out=held_out)}
    night, nurse = rows["잘 자 😴"], rows["간호사구나!"]
    assert (night.memory, night.summary, night.expression) == (None, None, None)
    assert (nurse.memory, nurse.summary, nurse.expression) == ("[직업: 간호사]", None, None)


def test_other_nouns_stand_where_message_and_answer_have_the_same_one(write: Callable[..., Path]) -> None:
    write("slots.txt", "@이름: 지우\n")
    pairs = [
        ("논문을 다 썼어", "논문을 다 썼어? 축하해!"),
        ("택배가 왔어", "택배가 왔구나!"),
        ("발톱을 깎았어", "발톱을 깎았어? 시원하겠다!"),
    ]
    text = "".join(f"## 주제 {n}\n> {said}\n< {answer}\n\n" for n, (said, answer) in enumerate(pairs * 4))
    corpus = read_corpus(write("dialogue/plain.txt", text).parent.parent)
    assert copied_nouns(corpus) == {"논문", "택배", "발톱"}
    rows = expand(corpus, seed=3, with_made_up=False, other_nouns=copied_nouns(corpus))
    assert any("발톱" in row.reply and "썼어?" in row.reply for row in rows)
    assert all(row.reply in {answer for _, answer in pairs} for row in expand(corpus, seed=3, with_made_up=False))


def test_rows_are_decided_by_the_seed(corpus: DialogueCorpus) -> None:
    few = DialogueCorpus(files=tuple(replace(file, exchanges=file.exchanges[::12]) for file in corpus.files))
    rows = expand(few, 3)
    assert len(rows) > 500
    assert expand(few, 3) == rows
    assert expand(few, 4) != rows


def test_every_adapter_learns_prompt_and_answer_as_the_engine_asks(training: list[DialogueRow]) -> None:
    profile = load_profile("embedded")
    for name in ADAPTER_NAMES:
        adapter = profile.adapters[name]
        examples = make_examples(name, adapter, training[:2000])
        assert len(examples) > 300 or name == "eyes_mouth_pose"
        assert len(set(examples)) == len(examples)
        for prompt, answer in examples:
            assert prompt.endswith(adapter.start_mark)
            assert answer.endswith(f" {adapter.stop_mark}")


def test_example_of_a_row_is_written_exactly() -> None:
    adapters = load_profile("embedded").adapters
    row = DialogueRow(input="안녕", reply="응!", memory="", summary="인사함", expression=None)
    assert make_example("output_message", adapters["output_message"], row) == ("안녕 (답변 시작)", " 응! (답변 종료)")
    assert make_example("memory", adapters["memory"], row) == ("안녕 (요약 시작)", " (요약 종료)")
    assert make_example("summary", adapters["summary"], row) == (
        "안녕 (오로라 답변)응! (요약 시작)",
        " 인사함 (요약 종료)",
    )
    assert make_example("eyes_mouth_pose", adapters["eyes_mouth_pose"], row) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_rows_of_a_split_are_read(write: Callable[..., Path], encoding: str) -> None:
    rows = [
        'train,"안녕, 로라",응!,[상태: 좋음],인사함,"(눈 보통, 입 보통, 고개 돌림 없음)"',
        "train_msg,뭐 해,논문 읽어,,,",
        "train,응,그래,,,",
        "valid,잘 자,너도,,,",
    ]
    path = write("rows.csv", "\n".join([HEADER, *rows]) + "\n", encoding)
    assert read_csv_rows(path, "train") == [
        DialogueRow(
            input="안녕, 로라",
            reply="응!",
            memory="[상태: 좋음]",
            summary="인사함",
            expression="(눈 보통, 입 보통, 고개 돌림 없음)",
        ),
        DialogueRow(input="뭐 해", reply="논문 읽어"),
        DialogueRow(input="응", reply="그래", memory=""),
    ]
    assert [row.input for row in read_csv_rows(path, "valid")] == ["잘 자"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the column data_type"),
        ("data_type,input_data\ntrain,안녕\n", "lacks the column output_message"),
        (f"{HEADER}\ntrain,안녕\n", "rows.csv"),
    ],
)
def test_csv_that_breaks_the_format_is_named(write: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_csv_rows(write("rows.csv", text), "train")


def test_csv_that_cannot_be_read_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot read"):
        read_csv_rows(tmp_path / "nothing.csv", "train")
    with pytest.raises(CorpusError, match="cannot read"):
        read_csv_rows(write("rows.csv", f"{HEADER}\ntrain,안녕,응,,,\n", "cp949"), "train")


def test_folder_without_dialogue_files_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    write("slots.txt", "@음식: 김밥")
    with pytest.raises(CorpusError, match="no dialogue files"):
        read_corpus(tmp_path)
