"""The state machine of an interview: where it stands, what an answer comes to, and that it always ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interview import (
    Plan,
    Standing,
    begin_question,
    is_closed,
    judge_points,
    judge_scores,
    longest_interview,
    next_choices,
    read_standing,
    take_step,
)
from engine.interview_words import load_interview_words
from models.interview_bank import QuestionBank, list_banks, load_bank
from storage.interview_records import InterviewStep, StepKind
from tests.engine.rig import NOW

WORDS = load_interview_words()
BANKS = {name: load_bank(name) for name in list_banks()}
ML = BANKS["machine_learning"]
KINDS = (StepKind.ANSWERED, StepKind.FAILED, StepKind.UNKNOWN, StepKind.TERM, StepKind.TALKED, StepKind.SKIPPED)


def at(label: str, bank: QuestionBank = ML, draw: int = 0) -> Standing:
    return begin_question(bank, label, frozenset(), draw)


def step(standing: Standing, kind: StepKind, label: str | None = None, following: str | None = None) -> InterviewStep:
    question = standing.question.label
    return InterviewStep(question=question, kind=kind, next_question=following or question, at=NOW, label=label)


def after(standing: Standing, *kinds: StepKind | str) -> Standing:
    """Return the standing after steps; a text is the label of an answer that was given."""
    for kind in kinds:
        said = step(standing, kind) if isinstance(kind, StepKind) else step(standing, StepKind.ANSWERED, kind)
        standing = take_step(standing, said)
    return standing


@st.composite
def plans(draw: st.DrawFn, bank: QuestionBank) -> Plan:
    graded = st.sampled_from([question.label for question in bank.questions if question.is_graded])
    return Plan(first=draw(st.frozensets(graded)), left_out=draw(st.frozensets(graded)))


@given(data=st.data(), name=st.sampled_from(sorted(BANKS)))
def test_any_interview_ends_within_its_bound(data: st.DataObject, name: str) -> None:
    bank = BANKS[name]
    plan, draw_number = data.draw(plans(bank)), data.draw(st.integers(0, 9))
    standing = begin_question(bank, bank.questions[0].label, frozenset(), draw_number)
    steps = [
        InterviewStep(
            question=bank.questions[0].label, kind=StepKind.STARTED, next_question=bank.questions[0].label, at=NOW
        )
    ]
    asked_before: set[str] = set()
    for _ in range(longest_interview(bank, WORDS)):
        kind = data.draw(st.sampled_from(KINDS if standing.question.is_graded else (StepKind.TALKED, StepKind.SKIPPED)))
        label = data.draw(st.sampled_from(standing.wanted)) if kind is StepKind.ANSWERED else None
        moved = take_step(standing, step(standing, kind, label))
        choices = plan.choices(bank, moved) if kind is StepKind.SKIPPED else next_choices(bank, moved, plan, WORDS)
        assert choices
        chosen = data.draw(st.sampled_from(choices))
        steps.append(step(standing, kind, label, chosen))
        if chosen == bank.marks.end:
            assert standing.question.label == bank.questions[-1].label
            return
        if chosen != standing.question.label:
            asked_before.add(standing.question.label)
            assert chosen not in asked_before
        standing = read_standing(bank, steps, draw_number)
        assert standing.question.label == chosen
    pytest.fail("an interview went on for ever")


@pytest.mark.parametrize("bank", BANKS.values(), ids=BANKS)
def test_learner_who_knows_everything_is_asked_everything_once(bank: QuestionBank) -> None:
    standing = at(bank.questions[0].label, bank)
    seen = [standing.question.label]
    while True:
        moved = standing
        for label in standing.left if standing.question.is_graded else ():
            moved = after(moved, label)
        moved = moved if standing.question.is_graded else after(standing, StepKind.TALKED)
        chosen = next_choices(bank, moved, Plan(), WORDS)[0]
        if chosen == bank.marks.end:
            break
        seen.append(chosen)
        standing = begin_question(bank, chosen, standing.asked, 0)
    assert sorted(seen) == sorted(question.label for question in bank.questions)


def test_failed_answer_keeps_the_question_open_until_its_attempts_are_used_up() -> None:
    standing = at("LoRA")
    for _ in range(standing.question.attempts - 1):
        standing = after(standing, StepKind.FAILED)
        assert next_choices(ML, standing, Plan(), WORDS) == ("LoRA",)
    standing = after(standing, StepKind.FAILED)
    assert is_closed(standing, WORDS)
    assert "LoRA" not in next_choices(ML, standing, Plan(), WORDS)


def test_not_knowing_twice_is_enough() -> None:
    standing = after(at("LoRA"), StepKind.UNKNOWN)
    assert not is_closed(standing, WORDS)
    assert is_closed(after(standing, StepKind.UNKNOWN), WORDS)


def test_asking_about_terms_costs_no_try_at_first() -> None:
    standing = after(at("LoRA"), *[StepKind.TERM] * WORDS.explained_terms, StepKind.FAILED)
    assert not is_closed(standing, WORDS)
    assert is_closed(after(standing, StepKind.TERM, StepKind.TERM), WORDS)


def test_question_with_several_answers_stays_until_all_are_given() -> None:
    standing = after(at("인공지능, 머신러닝, 딥러닝 차이"), StepKind.FAILED, "머신러닝")
    assert standing.left == ("인공지능", "딥러닝")
    assert standing.tries == 0
    assert next_choices(ML, standing, Plan(), WORDS) == (standing.question.label,)
    done = after(standing, "인공지능", "딥러닝")
    assert next_choices(ML, done, Plan(), WORDS) == ("거대 언어 모델 정의",)


def test_answer_that_settles_another_leaves_nothing_to_ask() -> None:
    standing = after(at("Multi-Class, Multi-Label 중 BCE 가 좋은 task"), "BCE 가 좋은 이유")
    assert standing.left == ()


def test_answers_in_order_count_one_after_another() -> None:
    standing = at("Loss Function 관련 실무 경험")
    assert standing.wanted == ("기본 경험",)
    assert after(standing, "기본 경험").wanted == ("상세 경험",)


def test_question_that_wants_one_of_several_draws_it_by_the_interview() -> None:
    assert [at("MBTI / 좋아하는 아이돌", draw=number).wanted for number in (4, 5)] == [("MBTI",), ("좋아하는 아이돌",)]


def test_missed_questions_come_first_and_known_ones_are_left_out() -> None:
    labels = [question.label for question in ML.questions if question.is_graded]
    plan = Plan(first=frozenset({"LoRA"}), left_out=frozenset(labels) - {"LoRA", "MSE Loss 용도"})
    greeted = after(at("면접 시작 인사"), StepKind.TALKED)
    assert plan.choices(ML, greeted) == ("LoRA",)
    moved = after(begin_question(ML, "LoRA", greeted.asked, 0), "LoRA")
    assert plan.choices(ML, moved) == ("MSE Loss 용도",)


def test_last_question_waits_until_no_other_is_left() -> None:
    asked = frozenset(question.label for question in ML.questions) - {"MSE Loss 설명", "마지막 할 말"}
    standing = replace(at("LoRA 와 QLoRA 의 차이"), asked=asked)
    assert Plan().choices(ML, standing) == ("MSE Loss 설명",)
    assert Plan().choices(ML, replace(standing, asked=asked | {"MSE Loss 설명"})) == ("마지막 할 말",)


def test_interview_whose_question_left_the_bank_goes_to_its_end() -> None:
    gone = InterviewStep(question="옛 질문", kind=StepKind.STARTED, next_question="옛 질문", at=NOW)
    assert read_standing(ML, [gone], 0).question.label == ML.questions[-1].label


@pytest.mark.parametrize(
    ("best", "text", "kind"),
    [
        ("LoRA", "행렬을 둘로 나눠요", StepKind.ANSWERED),
        ("답변 실패", "그냥 빠른 거", StepKind.FAILED),
        ("답변 실패", "잘 모르겠어", StepKind.UNKNOWN),
        ("용어 질문", "PEFT가 뭐야?", StepKind.TERM),
        ("수식", "-y log p", StepKind.FAILED),
    ],
)
def test_best_of_the_labels_that_count_decides(best: str, text: str, kind: StepKind) -> None:
    scores = dict.fromkeys(ML.answer_labels, 0.1) | {"LoRA": 0.2, "답변 실패": 0.3} | {best: 0.9}
    verdict = judge_scores(ML, at("LoRA"), scores, text, WORDS)
    assert verdict.kind is kind
    assert verdict.close_to == "LoRA"
    assert verdict.closeness == scores["LoRA"]


def test_nobody_fails_the_greeting() -> None:
    scores = dict.fromkeys(ML.answer_labels, 0.0) | {"답변 실패": 1.0}
    assert judge_scores(ML, at("면접 시작 인사"), scores, "아 귀찮아", WORDS).kind is StepKind.TALKED


@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        ("프로세스는 실행 중인 프로그램이고 독립된 주소 공간을 가져요", StepKind.ANSWERED, "프로세스"),
        ("스레드는 프로세스 안의 실행 흐름이고 힙을 공유해요", StepKind.ANSWERED, "스레드"),
        ("둘 다 빠른 거 아닌가요", StepKind.FAILED, "답변 실패"),
        ("모르겠습니다 ㅠㅠ", StepKind.UNKNOWN, "답변 실패"),
    ],
)
def test_key_points_decide_where_no_encoder_knows_the_bank(text: str, kind: StepKind, label: str) -> None:
    bank = BANKS["operating_systems"]
    verdict = judge_points(bank, at("프로세스와 스레드 차이", bank), text, WORDS)
    assert (verdict.kind, verdict.label) == (kind, label)


def test_one_message_may_give_several_answers() -> None:
    bank = BANKS["operating_systems"]
    text = "프로세스는 실행 중인 프로그램이라 독립된 공간이 있고, 스레드는 그 안의 실행 흐름으로 힙을 공유해요"
    verdict = judge_points(bank, at("프로세스와 스레드 차이", bank), text, WORDS)
    assert {verdict.label, *(label for label, _ in verdict.more)} == {"프로세스", "스레드"}
