"""`main.py chat` as people run it: a process of its own, the shipped models, a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from models.interview_bank import load_bank

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "request_id", "kind", "reason", "text", "expression", "notice", "ethics", "memory_used", "memories_saved", "summary",
    "timings_ms",
}  # fmt: skip
LIMIT_S = 300  # on a machine that has other work
HATE = "장애인들 다 죽었으면 좋겠다"
COMMANDS = ["/memory", "/sanctions", "/forget 1", "/nonsense"]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a chat that reads lines and prints JSON lines."""
    return subprocess.Popen(
        [sys.executable, "main.py", "chat", "--json", "--data-dir", str(folder), *options],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def chat(folder: Path, lines: list[str], *options: str) -> list[dict[str, Any]]:
    """Run a whole conversation and return its objects."""
    with start(folder, *options) as process:
        try:
            out, err = process.communicate("\n".join(lines) + "\n", timeout=LIMIT_S)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return [json.loads(line) for line in out.splitlines()]


def without_chance(turn: dict[str, Any]) -> dict[str, Any]:
    """Return a turn without what differs from run to run."""
    return {key: value for key, value in turn.items() if key not in {"request_id", "timings_ms"}}


def assert_commands(answers: list[dict[str, Any]], *, in_korean: bool) -> None:
    """Check what the commands were answered, and in which language."""
    assert [answer["kind"] for answer in answers] == ["command"] * len(COMMANDS)
    for answer in answers:
        assert any("가" <= letter <= "힣" for letter in answer["text"]) == in_korean, answer


def test_same_seed_and_clock_give_the_same_output(tmp_path: Path) -> None:
    lines = ["로라야 안녕", "나 오늘 너무 피곤해", "", "x" * 5000, *COMMANDS]
    options = ("--seed", "11", "--now", "2026-11-20T21:00+09:00")
    first = chat(tmp_path / "a", lines, *options)
    second = chat(tmp_path / "b", lines, *options)
    assert [without_chance(turn) for turn in first] == [without_chance(turn) for turn in second]
    first, answers = first[: -len(COMMANDS)], first[-len(COMMANDS) :]
    assert_commands(answers, in_korean=True)
    assert all(set(turn) == KEYS for turn in first)
    assert [turn["kind"] for turn in first] == ["reply", "reply", "rejection", "rejection"]
    assert [turn["reason"] for turn in first] == [None, None, "empty", "too_long"]
    assert set(first[0]["expression"]) == {"eyes", "mouth", "pose", "weights"}
    assert set(first[0]["timings_ms"]) == {"queue", "ethics", "retrieval", "first_token", "reply", "total"}


def test_block_holds_after_a_kill_and_ends_with_the_clock(tmp_path: Path) -> None:
    process = start(tmp_path, "--now", "2026-11-20T12:00+00:00")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(f"{HATE}\n")
    process.stdin.flush()
    shown = json.loads(process.stdout.readline())  # flushed while the process goes on
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert (shown["kind"], shown["reason"]) == ("rejection", "blocked")
    assert shown["notice"]["expires_at"] == "2026-11-21T12:00:00+00:00"

    english = ("--locale", "en", "--now", "2026-11-21T11:59:59+00:00")
    held, *answers = chat(tmp_path, ["안녕?", *COMMANDS], *english)
    assert (held["reason"], held["notice"]["expires_at"]) == ("blocked", "2026-11-21T12:00:00+00:00")
    assert_commands(answers, in_korean=False)
    (over,) = chat(tmp_path, ["안녕?"], "--now", "2026-11-21T12:00:00+00:00")
    assert over["kind"] == "reply"


def test_interview_is_held_in_the_terminal_and_its_card_is_kept(tmp_path: Path) -> None:
    lines = ["/interview start", "시작하자!", "잘 모르겠어", "/interview hint", "/interview end", "/interview"]
    start, first, welcomed, hint, end, card, *saved, status = chat(
        tmp_path, lines, "--seed", "11", "--now", "2026-11-20T21:00+09:00"
    )
    assert [turn["kind"] for turn in (start, first, welcomed, hint, end)] == ["reply"] * 5
    trio = load_bank().questions[1]
    assert start["text"] in load_bank().questions[0].ask
    assert trio.is_asked_by(first["text"])
    assert "힌트" in welcomed["text"]
    assert "힌트" in hint["text"]
    for text in (card["text"], status["text"]):
        assert "면접 결과: 머신러닝" in text
        assert trio.label in text
        assert trio.answers[0].points[0].text in text  # what belonged in the answer
    assert {path.suffix for path in (tmp_path / "interviews").iterdir()} == {".html", ".png"}
    assert len(saved) == 2
