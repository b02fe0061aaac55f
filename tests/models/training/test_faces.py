"""The convention for faces: what a writer decides stands, what the form of a line decides is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.training.faces import conventional_face, main

CHEERFUL = ("보통", "크게", "없음")


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("떡볶이 먹자! 😋", "보통 크게 없음"),
        ("떡볶이 먹고 싶다 😊", "보통 크게 없음"),
        ("역전파는 오차를 뒤로 나르는 거야", "보통 보통 없음"),
        ("서류는 파일철에 넣어 둬 📝", "보통 보통 없음"),
        ("무슨 맛으로 골랐어? 👀", "크게 보통 없음"),
        ("오 첫 출근! 어땠어? ㅎㅎ", "크게 크게 없음"),
        ("마라탕이라니! 나도 한 입만", "크게 크게 없음"),
        ("합격 축하해! 🎉", "아주크게 크게 없음"),
        ("축하해!! 오늘은 잔치야", "아주크게 아주크게 없음"),
        ("시험 망쳐서 속상했겠다 ㅠㅠ", "보통 크게 없음"),
    ],
)
def test_form_of_a_line_in_good_spirits_decides_its_face(text: str, levels: str) -> None:
    assert " ".join(conventional_face(text, CHEERFUL)) == levels


@pytest.mark.parametrize(
    "face", [("작게", "보통", "없음"), ("작게", "보통", "보통"), ("보통", "보통", "많이"), ("보통", "크게", "보통")]
)
def test_mood_that_only_a_reader_can_tell_stays(face: tuple[str, str, str]) -> None:
    assert conventional_face("축하해! 정말이야? 😊", face) == face


def test_great_joy_goes_down_where_she_is_sorry() -> None:
    assert conventional_face("아이고 ㅠㅠ 축하했는데!", ("아주크게", "크게", "없음")) == ("크게", "크게", "없음")


def test_files_are_mended_in_place_once(write: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    text = "## 인사\n> 안녕\n= [상태: 안녕함]\n< 안녕! | 인사 | 크게 보통 없음\n< 왔어? | 물음 | 크게 보통 없음\n< 깨짐 | 셋\n"
    path = write("a.txt", text)
    assert main([str(path)]) == 0
    assert "1 faces" in capsys.readouterr().out
    assert path.read_text("utf-8") == text.replace("안녕! | 인사 | 크게 보통", "안녕! | 인사 | 보통 크게")
    assert main([str(path)]) == 0
    assert "0 faces" in capsys.readouterr().out
