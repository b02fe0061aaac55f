"""Check notes, which teach what is to be remembered of a message: how they are read, widened and held out, and those that ship."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from models.fronts import split_front
from models.profile import MODELS_DIR
from models.training.dialogue_files import CorpusError
from models.training.dialogue_rows import DialogueRow
from models.training.memory_notes import read_memory_notes, widen_notes

NOTES = """# 취향
난 무조건 부먹 => 좋아하는 음식: 부먹
비 온다 =>

[취미: 사진] 요샌 필름카메라만 들고 다녀 => 취미: 필름카메라
(오로라 답변 요약) 점심을 물음 (사용자 질문) 김밥 => 먹은 음식: 김밥
"""


def write_notes(folder: Path, text: str, number: int = 1) -> Path:
    (folder / "memory").mkdir(exist_ok=True)
    (folder / "memory" / f"notes_{number}.txt").write_text(text, "utf-8")
    return folder


def test_notes_are_read_with_what_stands_in_front(tmp_path: Path) -> None:
    rows = read_memory_notes(write_notes(tmp_path, NOTES)) + read_memory_notes(tmp_path, held_out=True)
    assert {(row.input, row.memory) for row in rows} == {
        ("난 무조건 부먹", "[좋아하는 음식: 부먹]"),
        ("비 온다", ""),
        ("[취미: 사진] 요샌 필름카메라만 들고 다녀", "[취미: 필름카메라]"),
        ("(오로라 답변 요약) 점심을 물음 (사용자 질문) 김밥", "[먹은 음식: 김밥]"),
    }
    assert {(row.reply, row.summary, row.expression) for row in rows} == {("", None, None)}


@pytest.mark.parametrize(
    "line", ["비 온다", "비 온다 => 상태", "=> 상태: 비", "비 온다 => [상태: 비]", "비 온다 =>상태: 비"]
)
def test_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(CorpusError, match=r"notes_1.txt:2: a line is `message => key: value`"):
        read_memory_notes(write_notes(tmp_path, f"비 온다 =>\n{line}\n"))


def test_unreadable_file_is_an_error_and_no_file_is_none(tmp_path: Path) -> None:
    assert read_memory_notes(tmp_path) == []
    (write_notes(tmp_path, "") / "memory" / "notes_1.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(CorpusError, match="cannot read"):
        read_memory_notes(tmp_path)


def test_one_line_in_25_is_held_out_wherever_it_stands(tmp_path: Path) -> None:
    lines = [f"나 {number}층 살아 => 사는 곳: {number}층" for number in range(1000)]
    write_notes(tmp_path, "\n".join(lines[:500]), 1)
    write_notes(tmp_path, "\n".join(lines[500:]), 2)
    held_out, taught = (read_memory_notes(tmp_path, held_out=which) for which in (True, False))
    assert 20 <= len(held_out) <= 60
    assert len(held_out) + len(taught) == 1000
    shuffled = random.Random(1).sample(lines, 1000)
    write_notes(tmp_path, "\n".join(shuffled[:500]), 1)
    write_notes(tmp_path, "\n".join(shuffled[500:]), 2)
    assert {row.input for row in read_memory_notes(tmp_path, held_out=True)} == {row.input for row in held_out}


def test_widened_notes_keep_what_is_remembered_and_what_stands_in_front() -> None:
    notes = [
        DialogueRow(input="내일 김밥 싸야 돼", reply="", memory="[내일 일정: 김밥 싸기]"),
        DialogueRow(input="[취미: 사진] 필름만 써", reply="", memory="[취미: 필름]"),
    ] * 50
    rows = widen_notes(notes, ["점심을 권함"], seed=7)
    assert len(rows) == 200
    assert {row.memory for row in rows} == {"[내일 일정: 김밥 싸기]", "[취미: 필름]"}
    plain = [row.input for row in rows if row.memory and row.memory.startswith("[내일")]
    assert all("(지금은 " in text for text in plain if "내일" in text)
    assert 10 <= sum(text.startswith("(오로라 답변 요약) 점심을 권함 (사용자 질문) ") for text in plain) <= 50
    assert all(row.input.startswith("[취미: 사진] ") for row in rows if row.memory == "[취미: 필름]")
    assert "[취미: 사진] 필름만 써" in {row.input for row in rows}
    assert widen_notes(notes, ["점심을 권함"], seed=7) == rows


def test_notes_that_ship_are_many_of_many_keys_and_stand_in_no_golden_file() -> None:
    rows = read_memory_notes() + read_memory_notes(held_out=True)
    assert len(rows) >= 9000
    keys = Counter(row.memory[1:-1].split(": ")[0] for row in rows if row.memory)
    assert len(keys) >= 95
    assert min(keys.values()) >= 5  # a key that stands there once or twice is one that somebody mistyped
    assert keys["상태"] < len(rows) * 0.1
    assert len(rows) * 0.2 < sum(not row.memory for row in rows) < len(rows) * 0.35
    assert len({row.input for row in rows}) == len(rows)
    golden = (MODELS_DIR / "evaluation" / "golden").glob("*.jsonl")
    asked = {
        split_front(json.loads(line)["input"])[2] for path in golden for line in path.read_text("utf-8").splitlines()
    }
    assert sorted(asked & {split_front(row.input)[2] for row in rows}) == []
