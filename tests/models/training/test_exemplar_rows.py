"""Check how adapters are taught to answer after exemplars: another wording or other words, a nearest exchange taken over, never their own line."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.profile import load_profile
from models.training.dialogue_rows import DialogueRow, read_corpus
from models.training.exemplar_rows import ExemplarTeacher, NoteTeacher

PROFILE = load_profile("embedded")
REPLY, MEMORY = PROFILE.adapters["output_message"], PROFILE.adapters["memory"]
DIALOGUE = """## 잃어버린 것
> 지갑을 잃어버렸어
> 내 지갑 못 봤어? 없어졌어
< 지갑은 보통 어제 입은 옷에 있어

> 우산을 잃어버렸어
< 우산은 새 주인을 만났나 봐 ☔

## 배고픔
> 배고파서 잠이 안 와
< 우유 한 잔만 마시고 눕자
"""


@pytest.fixture
def teacher(tmp_path: Path) -> ExemplarTeacher:
    (tmp_path / "dialogue").mkdir()
    (tmp_path / "dialogue" / "small.txt").write_text(DIALOGUE, encoding="utf-8")
    (tmp_path / "slots.txt").write_text("", encoding="utf-8")
    return ExemplarTeacher(read_corpus(tmp_path), seed=3)


def row(message: str, source: str) -> DialogueRow:
    return DialogueRow(input=message, reply="지갑은 보통 어제 입은 옷에 있어", source=source)


def test_rows_are_answered_after_their_other_wording_or_as_the_nearest_is(
    teacher: ExemplarTeacher, tmp_path: Path
) -> None:
    wallet = row("지갑을 잃어버렸어", f"{tmp_path}/dialogue/small.txt:2")
    source = next(each.source for each in read_corpus(tmp_path).files[0].exchanges)
    rows = [DialogueRow(input=wallet.input, reply=wallet.reply, source=source)] * 80
    examples = set(teacher.make_examples(REPLY, rows))
    own = "내 지갑 못 봤어? 없어졌어 (답변 시작) 지갑은 보통 어제 입은 옷에 있어 (답변 종료) 지갑을 잃어버렸어 (답변 시작)"
    near = "우산을 잃어버렸어 (답변 시작) 우산은 새 주인을 만났나 봐 ☔ (답변 종료) 지갑을 잃어버렸어 (답변 시작)"
    assert examples == {
        ("지갑을 잃어버렸어 (답변 시작)", " 지갑은 보통 어제 입은 옷에 있어 (답변 종료)"),
        (own, " 지갑은 보통 어제 입은 옷에 있어 (답변 종료)"),
        (near, " 우산은 새 주인을 만났나 봐 ☔ (답변 종료)"),
    }


def test_row_like_no_other_is_only_taught_without_an_exemplar(teacher: ExemplarTeacher) -> None:
    examples = set(teacher.make_examples(REPLY, [row("ㅁㄴㅇㄹ", "elsewhere:1")] * 80))
    assert {prompt for prompt, _ in examples} == {"ㅁㄴㅇㄹ (답변 시작)"}


def test_notes_stand_in_front_of_another_message_the_nearest_last(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    lines = [
        "난 민초 없으면 못 살아 => 좋아하는 음식: 민초",
        "민초가 뭐야 =>",
        "초밥 없으면 못 살아 => 좋아하는 음식: 초밥",
        "졸려 => 상태: 졸림",
    ]
    (tmp_path / "memory" / "notes_1.txt").write_text("\n".join(lines), encoding="utf-8")
    teacher = NoteTeacher(tmp_path, shown=2, seed=1)
    note = DialogueRow(input="난 민초 없으면 못 살아", reply="", memory="[좋아하는 음식: 민초]", source="notes_1.txt:1")
    ((prompt, answer),) = teacher.make_examples(MEMORY, [note])
    assert prompt == (
        "민초가 뭐야 (요약 시작) (요약 종료) 초밥 없으면 못 살아 (요약 시작) [좋아하는 음식: 초밥] (요약 종료) "
        "난 민초 없으면 못 살아 (요약 시작)"
    )
    assert answer == " [좋아하는 음식: 민초] (요약 종료)"
    assert list(teacher.make_examples(MEMORY, [DialogueRow(input="졸려", reply="자")])) == []
