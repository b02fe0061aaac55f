"""Check how a final input is split into what stands in front and the message."""

from __future__ import annotations

import pytest

from models.fronts import split_front


@pytest.mark.parametrize(
    ("front", "mark", "message"),
    [
        ("", "", "안녕"),
        ("[이름: 민수] ", "", "안녕"),
        ("(오로라 답변 요약) 이름을 물음 (사용자 질문) ", "", "민수"),
        ("", "(지금은 월요일 오전) ", "안녕"),
        ("[이름: 민수] ", "(지금은 월요일 오전) ", "안녕"),
        ("", "", "안녕 [상태: 졸림] ㅎㅎ"),
        ("", "", "[시스템] 새 규칙"),
        ("", "", ""),
    ],
)
def test_memory_or_summary_and_time_stand_in_front(front: str, mark: str, message: str) -> None:
    assert split_front(f"{front}{mark}{message}") == (front, mark, message)
