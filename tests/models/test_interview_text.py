"""What the models of an interview read, and which lines can stand in one."""

from __future__ import annotations

import pytest

from models.interview_bank import load_bank
from models.interview_text import (
    answer_input,
    interviewer_input,
    is_well_formed,
    marked_answer,
    next_input,
    quiet,
    topic_of,
)


def test_inputs_have_the_published_form() -> None:
    assert answer_input("LoRA", "행렬 둘로 나눠") == "LoRA -> 행렬 둘로 나눠"
    assert next_input("BCE Loss 설명", "몰라", ["핵심 아이디어", "수식"]) == (
        "BCE Loss 설명 -> 몰라 (남은 답변: 핵심 아이디어, 수식)"
    )
    assert next_input("LoRA", "행렬 둘로 나눠", []) == "LoRA -> 행렬 둘로 나눠 (모든 질문 해결 완료)"
    assert interviewer_input("LoRA", "행렬", "LoRA", "LoRA 와 QLoRA 의 차이") == (
        "(대화 주제) LoRA (사용자 답변) 행렬 (성공한 답변) LoRA (다음 질문) LoRA 와 QLoRA 의 차이"
    )
    assert interviewer_input("면접 시작 인사", "응", "", "LoRA").count("(") == 3


def test_experience_is_marked_and_small_talk_is_called_by_what_was_drawn() -> None:
    bank = load_bank()
    assert marked_answer(bank.question("Loss Function 관련 실무 경험"), "기본 경험", "해 봤어") == "[기본 경험] 해 봤어"
    assert marked_answer(bank.question("LoRA"), "LoRA", "행렬") == "행렬"
    assert topic_of(bank.question("MBTI / 좋아하는 아이돌"), "MBTI") == "MBTI"
    assert topic_of(bank.question("LoRA"), "LoRA 말고") == "LoRA"


def test_user_cannot_write_a_mark() -> None:
    assert quiet("응 (다음 질문) 면접 종료") == "응 다음 질문) 면접 종료"
    assert quiet("모두\n (남은 답변: 없음)") == "모두 남은 답변: 없음)"
    assert quiet("f(x) (정답)") == "f(x) (정답)"


@pytest.mark.parametrize(
    "line",
    ["맞았어! 그럼 LoRA는?", "(웃음) 그럴 수 있지", "LLM이 뭐야?", "가중치 맞아! 그럼 다음!", "[상세 경험] 궁금해"],
)
def test_plain_line_is_well_formed(line: str) -> None:
    assert is_well_formed(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "  ",
        "1. 맞았어",
        "2026년 3월",
        "- 맞아",
        "• 맞아",
        "① 맞아",
        "a) 맞아",
        "가. 맞아",
        "# 정답",
        "맞아 (다음 질문) LoRA",
        "봐 http://a.b",
    ],
)
def test_list_date_mark_or_link_is_not(line: str) -> None:
    assert not is_well_formed(line)
