"""`main.py chat` as people run it: a process of its own, the shipped models, a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import main as program
from models.interview_bank import load_bank

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "request_id", "kind", "reason", "text", "expression", "notice", "ethics", "memory_used", "memories_saved", "summary",
    "timings_ms",
}  # fmt: skip
LIMIT_S = 300  # on a machine that has other work
HATE = "장애인들 다 죽었으면 좋겠다"
COMMANDS = ["/memory", "/sanctions", "/forget 1", "/nonsense"]
LINES = ["로라야 안녕", "나 오늘 너무 피곤해", "", "x" * 5000, *COMMANDS]
INTERVIEW = ["/interview start", "시작하자!", "잘 모르겠어", "/interview hint", "/interview end", "/interview"]
SAME = ("--seed", "11", "--now", "2026-11-20T21:00+09:00")


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


def chat_here(folder: Path, lines: list[str], *options: str) -> list[dict[str, Any]]:
    """Run a whole conversation in this process, which has imported what another waits for; return its objects."""
    arguments = ["chat", "--json", "--data-dir", str(folder), *options]
    done = CliRunner().invoke(program.app, arguments, input="\n".join(lines) + "\n", catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_chance(turn: dict[str, Any]) -> dict[str, Any]:
    """Return a turn without what differs from run to run."""
    return {key: value for key, value in turn.items() if key not in {"request_id", "timings_ms"}}


def assert_commands(answers: list[dict[str, Any]], *, in_korean: bool) -> None:
    """Check what the commands were answered, and in which language."""
    assert [answer["kind"] for answer in answers] == ["command"] * len(COMMANDS)
    for answer in answers:
        assert any("가" <= letter <= "힣" for letter in answer["text"]) == in_korean, answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """A conversation in a process of its own: what was answered to `LINES`, to the interview behind them, and where it is kept."""

    folder: Path
    answers: list[dict[str, Any]]
    interview: list[dict[str, Any]]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    folder = tmp_path_factory.mktemp("evening")
    shown = chat(folder, [*LINES, *INTERVIEW], *SAME)
    return Evening(folder=folder, answers=shown[: len(LINES)], interview=shown[len(LINES) :])


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
def test_same_seed_and_clock_give_the_same_output(evening: Evening, tmp_path: Path) -> None:
    again = chat_here(tmp_path, LINES, *SAME)
    assert [without_chance(turn) for turn in evening.answers] == [without_chance(turn) for turn in again]
    first, answers = evening.answers[: -len(COMMANDS)], evening.answers[-len(COMMANDS) :]
    assert_commands(answers, in_korean=True)
    assert all(set(turn) == KEYS for turn in first)
    assert [turn["kind"] for turn in first] == ["reply", "reply", "rejection", "rejection"]
    assert [turn["reason"] for turn in first] == [None, None, "empty", "too_long"]
    assert set(first[0]["expression"]) == {"eyes", "mouth", "pose", "weights"}
    assert set(first[0]["timings_ms"]) == {"queue", "ethics", "retrieval", "first_token", "reply", "total"}


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
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
    held, *answers = chat_here(tmp_path, ["안녕?", *COMMANDS], *english)
    assert (held["reason"], held["notice"]["expires_at"]) == ("blocked", "2026-11-21T12:00:00+00:00")
    assert_commands(answers, in_korean=False)
    (over,) = chat_here(tmp_path, ["안녕?"], "--now", "2026-11-21T12:00:00+00:00")
    assert over["kind"] == "reply"


def test_interview_is_held_in_the_terminal_and_its_card_is_kept(evening: Evening) -> None:
    start, first, welcomed, hint, end, card, *saved, status = evening.interview
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
    assert {path.suffix for path in (evening.folder / "interviews").iterdir()} == {".html", ".png"}
    assert len(saved) == 2
