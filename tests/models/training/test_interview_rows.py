"""Interview files and CSVs become turns: every state an answer may come in, what is asked next, and her line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.interview_bank import QuestionBank, load_bank
from models.profile import load_profile
from models.training.dialogue_files import CorpusError
from models.training.interview_encoders import turn_pairs
from models.training.interview_files import INTERVIEW_DIR, read_blocks
from models.training.interview_rows import InterviewRow, interview_examples, read_rows

BCE = "BCE Loss 설명"
CSV_HEAD = "data_type,user_input,current_remaining_user_answer,current_question,output_data,output_answered,output_next_question\n"
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def bank() -> QuestionBank:
    return load_bank()


def rows_of(write: Write, bank: QuestionBank, text: str, split: str = "train") -> list[InterviewRow]:
    write("files/a.txt", text)
    return read_rows(write("files/held_out.txt", "## LoRA\n= LoRA\n> 다른 말\n").parent, bank, split)


def test_one_of_two_answers_comes_with_and_without_the_other_before_it(write: Write, bank: QuestionBank) -> None:
    rows = rows_of(write, bank, f"## {BCE}\n= 수식\n> 이런 식\n< 맞아!\n")
    follow = "Multi-Class, Multi-Label 중 BCE 가 좋은 task"
    assert [(row.left, row.next_question) for row in rows] == [((), follow), (("핵심 아이디어",), BCE)]
    done, half = (row.line for row in rows)
    assert done.startswith("맞아! ")
    assert bank.question(follow).is_asked_by(done)
    assert half.removeprefix("맞아! ") in bank.question(BCE).answer("핵심 아이디어").ask


def test_failed_answer_keeps_the_question_open_and_a_wish_to_go_on_does_not(write: Write, bank: QuestionBank) -> None:
    rows = rows_of(
        write, bank, "## LoRA\n= 답변 실패\n> 몰라\n< 힌트 줄까?\n\n= 답변 실패 -> 다음\n> 넘어가자\n< 그래!\n"
    )
    assert [(row.left, row.next_question) for row in rows] == [
        (("LoRA",), "LoRA"),
        (("LoRA",), "LoRA 와 QLoRA 의 차이"),
    ]
    assert rows[0].line == "힌트 줄까?"
    assert bank.question("LoRA 와 QLoRA 의 차이").is_asked_by(rows[1].line)


def test_answer_that_settles_another_leaves_nothing(write: Write, bank: QuestionBank) -> None:
    topic = "Multi-Class, Multi-Label 중 BCE 가 좋은 task"
    rows = rows_of(write, bank, f"## {topic}\n= BCE 가 좋은 이유\n> 독립이니까\n< 맞아!\n")
    assert {row.left for row in rows} == {()}


def test_experience_is_marked_by_what_is_wanted_and_drawn_questions_by_what_was_drawn(
    write: Write, bank: QuestionBank
) -> None:
    text = "## Loss Function 관련 실무 경험\n= 기본 경험\n> 바꿔 봤어\n< 오!\n\n## MBTI\n= MBTI\n> INFP\n< 그렇구나!\n"
    experience, small_talk = rows_of(write, bank, text)
    assert (experience.text, experience.left) == ("[기본 경험] 바꿔 봤어", ("상세 경험",))
    assert (small_talk.topic, small_talk.left, small_talk.next_question) == ("MBTI", (), "잠시 휴식")


def test_question_that_the_answer_names_comes_next(write: Write, bank: QuestionBank) -> None:
    text = "## Loss Function 예시\n= Loss Function 예시\n> BCE랑 CE\n> MSE랑 BCE\n< 맞아!\n"
    assert [row.next_question for row in rows_of(write, bank, text)] == [BCE, "MSE Loss 설명"]


def test_question_about_a_term_is_answered_with_its_explanation(write: Write, bank: QuestionBank) -> None:
    row, *_ = rows_of(write, bank, "## LoRA\n= 용어 질문\n> 랭크가 뭐야?\n")
    term = bank.find_term("랭크")
    assert term is not None
    assert row.line == term.explanation


def test_text_that_fits_everywhere_is_put_to_several_questions(write: Write, bank: QuestionBank) -> None:
    rows = rows_of(write, bank, "## *\n= 답변 실패\n> 몰라\n< 괜찮아!\n")
    assert len({row.topic for row in rows}) > 3
    assert {row.answered for row in rows} == {"답변 실패"}


def test_held_out_file_is_read_only_when_asked_for(write: Write, bank: QuestionBank) -> None:
    text = "## LoRA\n= LoRA\n> 행렬 둘\n< 맞아!\n"
    assert [row.text for row in rows_of(write, bank, text)] == ["행렬 둘"]
    (held_out,) = rows_of(write, bank, text, "valid")
    assert (held_out.text, held_out.line.startswith("맞아! ")) == ("다른 말", True)


@pytest.mark.parametrize("line", ["## 없는 질문", "= 없는 답", "답변이 아닌 줄", "< 너무 이른 말"])
def test_line_of_another_form_is_told_with_its_place(write: Write, bank: QuestionBank, line: str) -> None:
    file = write("files/a.txt", f"## LoRA\n{line}\n")
    with pytest.raises(CorpusError, match=r"a\.txt:2"):
        read_blocks(file.parent, bank)


def test_folder_without_files_is_told(tmp_path: Path, bank: QuestionBank) -> None:
    with pytest.raises(CorpusError, match=r"holds no \.txt files"):
        read_blocks(tmp_path, bank)


def test_csv_of_the_published_form_is_read(write: Write, bank: QuestionBank) -> None:
    file = write(
        "a.csv",
        CSV_HEAD
        + f'train,식은 이거,"핵심 아이디어, 수식",{BCE},아니야,답변 실패,{BCE}\n'
        + "test,행렬 둘,모든 질문 해결 완료,LoRA,맞아,LoRA,LoRA 와 QLoRA 의 차이\n"
        + "train,시작,,,안녕!,,면접 시작 인사\n",
    )
    (row,) = read_rows(file, bank, "train")
    assert (row.left, row.answered, row.line) == (("핵심 아이디어", "수식"), "답변 실패", "아니야")
    assert [each.left for each in read_rows(file, bank, "valid")] == [()]
    assert len(read_rows(file, bank, "all")) == 2


def test_csv_with_an_unknown_label_is_told(write: Write, bank: QuestionBank) -> None:
    file = write("a.csv", f"{CSV_HEAD}train,응,LoRA,LoRA,아니야,몰라요,LoRA\n")
    with pytest.raises(CorpusError, match=r"a\.csv:2: output_answered '몰라요'"):
        read_rows(file, bank, "train")


def test_examples_have_the_marks_and_show_only_the_head_of_a_long_answer(bank: QuestionBank) -> None:
    adapter = load_profile("embedded").adapters["interview"]
    row = InterviewRow(
        topic="LoRA", text="행렬을 " * 20, answered="답변 실패", left=("LoRA",), next_question="LoRA", line="다시!"
    )
    ((prompt, answer),) = interview_examples([row], adapter, 10)
    assert (
        prompt
        == "(대화 주제) LoRA (사용자 답변) 행렬을 행렬을 행… (성공한 답변) 답변 실패 (다음 질문) LoRA (발화 시작)"
    )
    assert answer == " 다시! (발화 종료)"


def test_corpus_that_ships_covers_every_label_and_holds_out_other_words(bank: QuestionBank) -> None:
    folder = INTERVIEW_DIR / bank.name
    blocks, held_out = (read_blocks(folder, bank, held_out=flag) for flag in (False, True))
    texts = {text for block in blocks for text in block.texts}
    unseen = [text for block in held_out for text in block.texts]
    assert len(texts) + len(unseen) >= 2000
    assert not texts & set(unseen)
    for part in (blocks, held_out):
        assert {block.answered for block in part} == set(bank.answer_labels)
    rows = read_rows(folder, bank, "train")
    assert {row.next_question for row in rows} == set(bank.question_labels)
    assert not [row for row in rows if not row.line]


def test_no_turn_of_the_corpus_has_two_labels(bank: QuestionBank) -> None:
    pairs = turn_pairs("interview-answer", read_rows(INTERVIEW_DIR / bank.name, bank, "all"), copies=1)
    assert len({pair.first for pair in pairs}) == len(pairs)
