"""The report card and what is repeated: read from the steps of an interview."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.interview_report import AnswerState, MissReason, Report, build_report
from engine.interview_review import BOXES, interval, make_plan, review
from models.interview_bank import load_bank
from storage.interview_records import Interview, InterviewState, InterviewStep, ReviewCard, StepKind
from tests.engine.rig import NOW, conversation_key, user_key

ML = load_bank()
TRIO = "인공지능, 머신러닝, 딥러닝 차이"
Said = tuple[str, StepKind, str | None, str]


def held(*said: Said) -> Interview:
    """Return an interview of steps (question, kind, label, text), a minute apart; each leads to the question of the next."""
    questions = [question for question, *_ in said] + [ML.marks.end]
    first = InterviewStep(question="면접 시작 인사", kind=StepKind.STARTED, next_question=questions[0], at=NOW)
    steps = [
        InterviewStep(
            question=question,
            kind=kind,
            next_question=questions[number + 1],
            at=NOW + timedelta(minutes=number + 1),
            label=label,
            score=0.9,
            close_to=label if kind is StepKind.ANSWERED else "LoRA",
            closeness=0.4,
            text=text,
        )
        for number, (question, kind, label, text) in enumerate(said)
    ]
    return Interview(
        id=1,
        user=user_key("1001"),
        conversation=conversation_key("room"),
        bank=ML.name,
        state=InterviewState.ENDED,
        started_at=NOW,
        updated_at=NOW,
        ended_at=NOW + timedelta(hours=1),
        steps=(first, *steps),
    )


def answered(question: str, label: str, text: str = "") -> Said:
    return (question, StepKind.ANSWERED, label, text)


def failed(question: str, kind: StepKind = StepKind.FAILED, text: str = "음") -> Said:
    return (question, kind, "답변 실패", text)


def results(report: Report, question: str) -> dict[str, tuple[AnswerState, MissReason | None, int]]:
    found = next(each for each in report.questions if each.label == question)
    return {answer.label: (answer.state, answer.reason, answer.tries) for answer in found.answers}


def test_card_tells_answered_missed_and_not_reached_apart() -> None:
    report = build_report(ML, held(answered(TRIO, "인공지능"), failed(TRIO), failed(TRIO), failed(TRIO)))
    assert results(report, TRIO) == {
        "인공지능": (AnswerState.ANSWERED, None, 1),
        "머신러닝": (AnswerState.MISSED, MissReason.WRONG, 3),
        "딥러닝": (AnswerState.MISSED, MissReason.WRONG, 3),
    }
    assert results(report, "LoRA") == {"LoRA": (AnswerState.NOT_REACHED, None, 0)}
    topic = next(topic for topic in report.topics if topic.topic == "머신러닝 기초")
    assert (topic.answered, topic.missed, topic.not_reached) == (1, 2, 1)
    assert (report.answered, report.missed) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (StepKind.FAILED, MissReason.WRONG),
        (StepKind.UNKNOWN, MissReason.UNKNOWN),
        (StepKind.SKIPPED, MissReason.SKIPPED),
    ],
)
def test_card_says_why_an_answer_was_missed(kind: StepKind, reason: MissReason) -> None:
    report = build_report(ML, held(failed("LoRA", text="행렬을 쓰는 거"), failed("LoRA", kind, text="")))
    (answer,) = next(each for each in report.questions if each.label == "LoRA").answers
    assert (answer.state, answer.reason) == (AnswerState.MISSED, reason)
    assert (answer.judged_as, answer.score, answer.closeness) == ("답변 실패", 0.9, 0.4)


def test_question_that_stood_untried_when_the_interview_was_stopped_is_not_missed() -> None:
    report = build_report(ML, held(("LoRA", StepKind.CLOSED, None, "")))
    assert results(report, "LoRA") == {"LoRA": (AnswerState.NOT_REACHED, None, 0)}
    tried = build_report(ML, held(failed("LoRA"), ("LoRA", StepKind.CLOSED, None, "")))
    assert results(tried, "LoRA") == {"LoRA": (AnswerState.MISSED, MissReason.STOPPED, 1)}


def test_settled_answer_counts_as_given() -> None:
    question = "Multi-Class, Multi-Label 중 BCE 가 좋은 task"
    report = build_report(ML, held(answered(question, "BCE 가 좋은 이유")))
    assert {state for state, _, _ in results(report, question).values()} == {AnswerState.ANSWERED}


def test_tries_before_one_answer_do_not_count_for_the_next() -> None:
    report = build_report(ML, held(failed(TRIO), answered(TRIO, "인공지능"), answered(TRIO, "머신러닝")))
    assert [tries for _, _, tries in list(results(report, TRIO).values())[:2]] == [2, 1]


def test_card_names_the_points_that_an_answer_left_out() -> None:
    report = build_report(ML, held(answered("MSE Loss 설명", "MSE Loss 설명", "차이를 제곱한 거")))
    (answer,) = next(each for each in report.questions if each.label == "MSE Loss 설명").answers
    assert len(answer.covered) == len(answer.missing) == 1


def test_easy_answers_move_up_a_box_and_missed_ones_go_back() -> None:
    report = build_report(
        ML, held(answered("LoRA", "LoRA"), failed("PEFT 방법 5가지"), answered("MSE Loss 용도", "MSE Loss 용도"))
    )
    cards = [card("LoRA", 3), card("PEFT 방법 5가지", 4), card("MSE Loss 용도", BOXES)]
    moved = {each.question: each for each in review(report, cards, NOW)}
    assert {name: each.box for name, each in moved.items()} == {
        "LoRA": 4,
        "PEFT 방법 5가지": 1,
        "MSE Loss 용도": BOXES,
    }
    assert moved["LoRA"].due_at == NOW + timedelta(days=8)
    assert moved["PEFT 방법 5가지"].due_at == NOW


def test_answer_that_needed_help_stays_in_its_box() -> None:
    report = build_report(ML, held(failed("LoRA"), answered("LoRA", "LoRA")))
    hinted = build_report(ML, held(("LoRA", StepKind.HINT, None, ""), answered("LoRA", "LoRA")))
    for each in (report, hinted):
        (moved,) = review(each, [card("LoRA", 3)], NOW)
        assert moved.box == 3


def test_boxes_rest_twice_as_long_each() -> None:
    assert [interval(box).days for box in range(1, BOXES + 1)] == [0, 2, 4, 8, 16, 32]


def test_plan_puts_missed_questions_first_and_leaves_resting_ones_out() -> None:
    plan = make_plan(ML, [card("LoRA", 1), card("MSE Loss 용도", 3), card("옛 질문", 1)], NOW)
    assert plan.first == {"LoRA"}
    assert plan.left_out == {"MSE Loss 용도"}
    assert make_plan(ML, [card("MSE Loss 용도", 3)], NOW + timedelta(days=4)).left_out == frozenset()


def test_where_everything_rests_everything_is_asked() -> None:
    cards = [card(question.label, 3) for question in ML.questions if question.is_graded]
    assert make_plan(ML, cards, NOW).left_out == frozenset()


def card(question: str, box: int) -> ReviewCard:
    return ReviewCard(
        bank=ML.name, question=question, label=question, box=box, asked_at=NOW, due_at=NOW + interval(box)
    )
