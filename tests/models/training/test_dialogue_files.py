"""Check that every corpus file keeps the format, and that a broken line is named."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from models.fronts import split_front
from models.training.dialogue_files import (
    DATA_DIR,
    CorpusError,
    find_style_problems,
    main,
    read_dialogue_file,
)
from models.training.slots import read_slot_lists

SHARED = read_slot_lists((DATA_DIR / "slots.txt").read_text("utf-8").splitlines())
FACE = "보통 크게 없음"
GOOD = f"""# 설명
@차: 버스, 택시
## 인사
> 안녕
> 로라 안녕
= [오늘 한 일: 인사]
< 안녕! 😊 | 인사함 | {FACE}
< 왔어? | 반김 | 아주크게 크게 많이

> {{차:을/를}} 탔어
< {{차}}? 조심해! | 조심하라고 함 | {FACE}
"""


@pytest.mark.parametrize("path", sorted((DATA_DIR / "dialogue").glob("*.txt")), ids=lambda path: path.name)
def test_shipped_file_parses_without_style_problems(path: Path) -> None:
    file = read_dialogue_file(path, SHARED)
    assert file.exchanges
    assert list(find_style_problems(file)) == []


def test_shipped_file_starts_each_topic_after_an_empty_line() -> None:
    for path in sorted((DATA_DIR / "dialogue").glob("*.txt")):
        lines = path.read_text("utf-8").splitlines()
        for before, line in itertools.pairwise(lines):
            assert not (line.startswith("##") and before.startswith((">", "<", "="))), f"{path.name}: {line}"


def test_exchanges_hold_inputs_memory_and_replies(write: Callable[..., Path]) -> None:
    first, second = read_dialogue_file(write("a.txt", GOOD), {}).exchanges
    assert (first.topic, first.source, first.inputs) == ("인사", "a.txt:4", ["안녕", "로라 안녕"])
    assert first.memory == "[오늘 한 일: 인사]"
    assert [(r.text, r.summary, r.face) for r in first.replies] == [
        ("안녕! 😊", "인사함", ("보통", "크게", "없음")),
        ("왔어?", "반김", ("아주크게", "크게", "많이")),
    ]
    assert (second.memory, second.slots()) == ("", {"차"})


def test_reply_without_labels_is_a_line_alone(write: Callable[..., Path]) -> None:
    labelled, alone = read_dialogue_file(
        write("a.txt", f"## 인사\n> 안녕\n< 왔어? | 반김 | {FACE}\n\n> 잘 자\n< 잘 자 😴\n"), {}
    ).exchanges
    assert (labelled.is_labelled, alone.is_labelled) == (True, False)
    assert [(r.text, r.summary, r.face) for r in alone.replies] == [("잘 자 😴", None, None)]


@pytest.mark.parametrize(
    ("line", "broken", "where"),
    [
        (4, "안녕", "a.txt:4"),
        (4, ">안녕", "a.txt:4"),
        (4, ">", "a.txt:4"),
        (3, "", "a.txt:4"),
        (6, "= 오늘 한 일: 인사", "a.txt:6"),
        (6, "= [오늘 한 일 인사]", "a.txt:6"),
        (6, "= [a: b: c]", "a.txt:6"),
        (7, "< 안녕! 😊", "a.txt:4"),
        (7, f"< 안녕! | | {FACE}", "a.txt:7"),
        (7, f"< 안녕! | 인사 | {FACE} | 더", "a.txt:7"),
        (7, "< 안녕! | 인사 | 보통 크게", "a.txt:7"),
        (7, "< 안녕! | 인사 | 크게 작게 없음", "a.txt:7"),
        (7, "< 안녕! | 인사 | 아주 크게 크게 없음", "a.txt:7"),
        (10, "> 탔어", "a.txt:10"),
        (10, "> {기차:을/를} 탔어", "a.txt:10"),
        (10, "> {차} {차2} {차3} 탔어", "a.txt:10"),
        (10, "> {차:을} 탔어", "a.txt:10"),
        (11, "", "a.txt:10"),
        (10, "", "a.txt:11"),
        (11, f"< {{요일}}에 봐! {{차}} | 인사 | {FACE}", "a.txt:10"),
    ],
)
def test_broken_line_is_named_with_its_file_and_line(
    write: Callable[..., Path], line: int, broken: str, where: str
) -> None:
    lines = GOOD.splitlines()
    lines[line - 1] = broken
    with pytest.raises(CorpusError) as caught:
        read_dialogue_file(write("a.txt", "\n".join(lines)), {})
    assert str(caught.value).startswith(f"{where}: ")


@pytest.mark.parametrize(
    ("exchange", "problem"),
    [
        (f"> 안녕\n< {'길' * 75}! | 김 | {FACE}", "76 characters"),
        (f"> 안녕\n< 응! | {'길' * 41} | {FACE}", "summary of 41"),
        (f"> {'길' * 71}\n< 응! | 답함 | {FACE}", "over 70"),
        (f"> 안녕\n< 월요일에 봐! | 답함 | {FACE}", "names a weekday"),
        (f"> 안녕\n< 응 | 답함 | {FACE}", "face 보통 보통 없음 by the convention"),
    ],
)
def test_style_problem_is_found(write: Callable[..., Path], exchange: str, problem: str) -> None:
    file = read_dialogue_file(write("a.txt", f"## 주제\n{exchange}\n"), {})
    found = list(find_style_problems(file))
    assert len(found) == 1
    assert problem in found[0]
    assert "a.txt:2" in found[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("안녕", ("", "", "안녕")),
        ("(지금은 금요일 저녁) 안녕", ("", "(지금은 금요일 저녁) ", "안녕")),
        ("[상태: 졸림] 하암", ("[상태: 졸림] ", "", "하암")),
        ("[상태: 졸림] (지금은 금요일 저녁) 하암", ("[상태: 졸림] ", "(지금은 금요일 저녁) ", "하암")),
        ("(오로라 답변 요약) 인사 (사용자 질문) 뭐 해", ("(오로라 답변 요약) 인사 (사용자 질문) ", "", "뭐 해")),
        ("[그냥 괄호] 안녕", ("", "", "[그냥 괄호] 안녕")),
    ],
)
def test_front_of_an_input_is_split_off(text: str, parts: tuple[str, str, str]) -> None:
    assert split_front(text) == parts


def test_check_prints_counts_and_says_what_is_broken(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    good = write("good.txt", GOOD)
    assert main([str(good)]) == 0
    assert "good.txt: 1 topics, 2 exchanges, 5 rows" in capsys.readouterr().out
    assert main([str(good), str(write("bad.txt", "> 안녕\n"))]) == 1
    assert "broken: bad.txt:1" in capsys.readouterr().out
