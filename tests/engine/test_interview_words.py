"""The words of an interview: patterns for what people write, lines for what she says, and a file that is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import PolicyError
from engine.interview_words import LINE_NAMES, WORDS_FILE, load_interview_words

WORDS = load_interview_words()


@pytest.mark.parametrize(
    "text", ["잘 모르겠어요", "몰라", "기억이 안 나", "ㅁㄹ", "I don't know", "음 생각 안 나는데", "패스!"]
)
def test_not_knowing_is_heard(text: str) -> None:
    assert WORDS.says_unknown(text)


@pytest.mark.parametrize("text", ["행렬을 둘로 나눠요", "know-how가 필요해요"])
def test_an_answer_is_no_admission(text: str) -> None:
    assert not WORDS.says_unknown(text)


@pytest.mark.parametrize("text", ["아마 그런 거 같은데", "maybe smaller?", "느낌상 빨라지는 거"])
def test_hedging_is_heard(text: str) -> None:
    assert WORDS.hedges(text)


@pytest.mark.parametrize("text", ["PCB가 뭐야?", "교착 상태가 무슨 뜻이야?", "what is a page fault"])
def test_question_about_a_term_is_heard(text: str) -> None:
    assert WORDS.asks_about_term(text)


@pytest.mark.parametrize(
    "text",
    [
        "kill the process",
        "kill -9",
        "좀비 프로세스를 죽여야 해요",
        "master-slave",
        "슬레이브",
        "학습 데이터 오염",
        "data poisoning",
        "dying ReLU",
        "죽은 뉴런",
        "fork bomb",
        "기울기 폭발",
        "프롬프트 인젝션 공격",
    ],
)
def test_technical_words_are_known(text: str) -> None:
    assert WORDS.technical.search(text)


@pytest.mark.parametrize("text", ["너 죽여 버린다", "꺼져 쓰레기야", "니 엄마", "kill you", "노예 같은 놈"])
def test_abuse_is_no_technical_word(text: str) -> None:
    assert WORDS.technical.sub("", text) == text


@pytest.mark.parametrize(
    ("line", "counts", "contradicts"),
    [
        ("오케이, 모르는 건 적어 두고 다음으로!", True, True),
        ("좋아, 미련 없이 넘어가자!", True, True),
        ("맞아! 그럼 다음 질문이야", True, False),
        ("맞아! 그럼 다음 질문이야", False, True),
        ("음, 그건 조금 달라 🤔", False, False),
    ],
)
def test_line_must_suit_the_verdict(line: str, counts: bool, contradicts: bool) -> None:
    assert WORDS.contradicts(line, counts=counts) is contradicts


def test_prepared_lines_suit_their_verdicts() -> None:
    for name, counts in (("right", True), ("wrong", False), ("welcome_unknown", False)):
        assert [line for line in WORDS.lines[name] if WORDS.contradicts(line, counts=counts)] == []


def test_every_line_can_be_said() -> None:
    values = {"hint": "힌트", "points": "점", "questions": "LoRA", "question": "LoRA"}
    for name in LINE_NAMES:
        for number in range(len(WORDS.lines[name])):
            assert "{" not in WORDS.line(name, number, **values)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("longest_answer = 1000", "longest_answer = 0"),
        ("hint = [", "hints = ["),
        ("'패스'", "'(패스'"),
        ("open_days = 7", "open_days = '7'"),
    ],
)
def test_broken_file_is_refused_in_one_line(tmp_path: Path, old: str, new: str) -> None:
    text = WORDS_FILE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "words.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match=r"words\.toml does not hold the words of an interview"):
        load_interview_words(tmp_path / "words.toml")
