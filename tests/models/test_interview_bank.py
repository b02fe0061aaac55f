"""Question banks: what ships, what may follow what, and what a broken file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import BankError
from models.interview_bank import Collect, Judge, QuestionBank, QuestionKind, list_banks, load_bank

BANK = """
name = "small"
title = "작은 면접"
[[questions]]
label = "인사"
kind = "greeting"
topic = "인사"
ask = ["안녕!"]
answers = [{ label = "인사" }]
[[questions]]
label = "지식"
kind = "knowledge"
topic = "기초"
ask = ["그게 뭐야?"]
next = ["끝인사"]
[[questions.answers]]
label = "정의"
needed = 2
points = [{ text = "하나", words = ["하나"] }, { text = "둘", words = ["둘"] }]
[[questions]]
label = "끝인사"
kind = "closing"
topic = "인사"
ask = ["잘 가!"]
answers = [{ label = "끝인사" }]
"""


def write(folder: Path, text: str) -> str:
    file = folder / "bank.toml"
    file.write_text(text, "utf-8")
    return str(file)


@pytest.fixture(scope="module")
def machine_learning() -> QuestionBank:
    return load_bank()


def test_banks_that_ship_are_whole() -> None:
    assert list_banks() == ["machine_learning", "operating_systems"]
    assert [load_bank(name).judged_by for name in list_banks()] == [Judge.ENCODERS, Judge.POINTS]


def test_machine_learning_has_the_labels_of_the_mission(machine_learning: QuestionBank) -> None:
    assert len(machine_learning.question_labels) == 20
    assert len(machine_learning.answer_labels) == 27
    assert machine_learning.question_labels[-1] == "면접 종료"
    assert machine_learning.answer_labels[-2:] == ("답변 실패", "용어 질문")
    experience = machine_learning.question("Loss Function 관련 실무 경험")
    assert experience.collect is Collect.IN_ORDER
    assert experience.answer_labels == ("기본 경험", "상세 경험")


@pytest.mark.parametrize("name", ["machine_learning", "operating_systems"])
def test_following_the_first_choice_asks_every_question_once_and_ends(name: str) -> None:
    bank = load_bank(name)
    asked = [bank.questions[0].label]
    while (chosen := bank.choices(asked[-1], asked)[0]) != bank.marks.end:
        asked.append(chosen)
    assert asked == [question.label for question in bank.questions]


@pytest.mark.parametrize("name", ["machine_learning", "operating_systems"])
def test_following_any_choice_ends(name: str) -> None:
    bank = load_bank(name)
    asked = [bank.questions[0].label]
    while (chosen := bank.choices(asked[-1], asked)[-1]) != bank.marks.end:
        assert chosen not in asked
        asked.append(chosen)
    assert asked[-1] == bank.questions[-1].label


def test_question_that_was_left_out_on_the_way_is_not_asked_before_what_it_needs(
    machine_learning: QuestionBank,
) -> None:
    asked = [question.label for question in machine_learning.questions[:5]]
    assert machine_learning.choices("Loss Function 예시", asked) == ("MSE Loss 설명", "BCE Loss 설명")
    assert machine_learning.choices("Loss Function 예시", [*asked, "BCE Loss 설명"]) == ("MSE Loss 설명",)


def test_answer_covers_points_whatever_spaces_and_symbols_it_has(machine_learning: QuestionBank) -> None:
    formula = machine_learning.question("BCE Loss 설명").answer("수식")
    covered = formula.covered("-[y * log(y') + (1 - y) * log(1 - y')] 이거!")
    assert len(covered) == 3
    assert not formula.covered("기억이 안 나")


def test_points_that_are_symbols_only_count_as_they_are_written(machine_learning: QuestionBank) -> None:
    formula = machine_learning.question("BCE Loss 설명").answer("수식")
    assert [point.text for point in formula.covered("y log y' + (1-y) log (1-y')")] == [
        point.text for point in formula.points[:2]
    ]


def test_every_wording_of_a_question_mentions_what_it_asks() -> None:
    for name in list_banks():
        for question in load_bank(name).questions:
            lines = [*question.ask, *(line for answer in question.answers for line in answer.ask)]
            assert [line for line in lines if not question.is_asked_by(line)] == []


def test_no_hint_of_a_question_covers_its_answer() -> None:
    for name in list_banks():
        for question in load_bank(name).questions:
            for answer in question.answers if question.kind is QuestionKind.KNOWLEDGE else ():
                told = [
                    hint
                    for hint in (*question.hints, *answer.hints)
                    if len(answer.covered(hint)) == len(answer.points) > 1
                ]
                assert told == []


def test_longest_name_of_a_term_wins(machine_learning: QuestionBank) -> None:
    term = machine_learning.find_term("근데 QLoRA가 뭐야?")
    assert term is not None
    assert term.names[0] == "QLoRA"
    assert machine_learning.find_term("점심 뭐 먹지") is None


def test_bank_from_a_path_is_read(tmp_path: Path) -> None:
    bank = load_bank(write(tmp_path, BANK))
    assert bank.question("지식").answer("정의").needed == 2
    with pytest.raises(KeyError):
        bank.question("없음")


@pytest.mark.parametrize(
    ("change", "to", "says"),
    [
        ('kind = "knowledge"', 'kind = "quiz"', "questions.'지식'.kind"),
        ('next = ["끝인사"]', 'next = ["뒤"]', "지식: next names no question '뒤'"),
        ('next = ["끝인사"]', 'after = ["끝인사"]', "지식: after names '끝인사', which must stand before it"),
        ('label = "정의"', 'label = "인사"', "the answer '인사' stands twice"),
        ('label = "정의"', 'label = "답변 실패"', "'답변 실패' is a mark and a label"),
        ("needed = 2", "needed = 3", "the answer '정의' needs 3 points and has 2"),
        ("needed = 2", 'settles = ["없음"]', "settles names no other answer '없음'"),
        ('kind = "greeting"', 'kind = "break"', "the first question must be of the kind greeting"),
        ('title = "작은 면접"', 'titel = "작은 면접"', "titel: Unexpected keyword argument"),
        ('title = "작은 면접"', "title = ", "is not valid TOML"),
    ],
)
def test_broken_bank_is_told_what_is_wrong(tmp_path: Path, change: str, to: str, says: str) -> None:
    with pytest.raises(BankError, match="bank.toml") as caught:
        load_bank(write(tmp_path, BANK.replace(change, to)))
    assert says in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = BANK.replace('next = ["끝인사"]', 'next = ["뒤", "옆"]')
    with pytest.raises(BankError, match="'뒤'.*'옆'"):
        load_bank(write(tmp_path, text))


def test_unknown_bank_is_told_which_there_are() -> None:
    with pytest.raises(BankError, match="choose one of machine_learning, operating_systems"):
        load_bank("chemistry")
