"""Check the console from its input to what it prints and stores, piped and in a terminal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from bot.console import is_user_name
from engine.settings import EngineSettings
from engine.types import ChatReply
from models.errors import GenerationError
from models.interview_bank import load_bank
from tests.bot.conftest import Desk, FixedClock, Gate, MakeSanction
from tests.fakes import HATE, LOVE, NORMAL, PAEDRIP, POLITICS, FakeGenerator

KEYS = [
    "request_id", "kind", "reason", "text", "expression", "notice", "ethics", "memory_used", "memories_saved", "summary",
    "timings_ms",
]  # fmt: skip
TIMINGS = {"queue", "ethics", "retrieval", "first_token", "reply", "total"}


# --- piped text ---


async def test_each_line_is_one_turn_in_order(desk: Desk) -> None:
    desk.generator.enqueue("output_message", "첫째야 😊", "둘째야 😊", "셋째야 😊")
    printed = await desk.say("하나", "둘", "셋")
    assert [line.split()[-2] for line in printed] == ["첫째야", "둘째야", "셋째야"]


async def test_reply_stands_behind_her_name_and_face(desk: Desk) -> None:
    assert await desk.say("안녕!") == ["오로라 ( • ▽ • ) 응, 좋아! 😊"]


async def test_last_line_needs_no_line_end(desk: Desk) -> None:
    assert len((await desk.pipe("안녕!\r\n잘 지내?".encode())).splitlines()) == 2


async def test_empty_input_prints_nothing(desk: Desk) -> None:
    assert await desk.pipe(b"") == ""


async def test_quit_ends_the_conversation(desk: Desk) -> None:
    assert len(await desk.say("안녕!", "/quit", "아직 있어?")) == 1


async def test_byte_order_mark_is_no_part_of_the_message(desk: Desk) -> None:
    await desk.pipe("\ufeff안녕!\n".encode())
    assert desk.generator.prompts("output_message") == ["안녕! (답변 시작)"]


async def test_warning_is_shown_below_the_reply(desk: Desk) -> None:
    desk.generator.enqueue("output_message", "미안, 그건 부담스러워 😅")
    reply, warning = await desk.say("대통령 어때?")
    assert reply.endswith("미안, 그건 부담스러워 😅")
    assert warning == "⚠ 경고: 정치 (1단계). 다음부터는 잠시 대화를 쉬게 돼."
    assert [sanction.category for sanction in await desk.sanctions()] == [POLITICS]


async def test_block_is_shown_in_the_language_of_the_user_and_holds(desk: Desk, clock: FixedClock) -> None:
    block, still = await desk.say("범죄 얘기", "안녕!", locale="en")
    assert "hate or crime (level 1). Until 12 Mar 2026, 15:30" in block
    assert still == block
    clock.advance(timedelta(days=1))
    assert (await desk.say("안녕!", locale="en"))[0].endswith("응, 좋아! 😊")


async def test_failed_turn_is_told_with_its_request_id_and_the_next_one_goes_on(desk: Desk) -> None:
    desk.generator.enqueue("output_message", GenerationError("out of memory"))
    failed, fine = await desk.say("안녕!", "안녕?")
    assert "문의 번호" in failed
    assert "out of memory" not in failed
    assert fine.endswith("응, 좋아! 😊")


# --- JSON lines ---


async def test_json_line_has_exactly_the_documented_keys(desk: Desk) -> None:
    desk.generator.enqueue("memory", "[이름: 민지]")
    (line,) = await desk.say_json("내 이름은 민지야")
    assert list(line) == KEYS
    assert (line["kind"], line["reason"], line["text"], line["notice"]) == ("reply", None, "응, 좋아! 😊", None)
    assert line["expression"] == {
        "eyes": "보통", "mouth": "크게", "pose": "없음", "weights": {"eyes": -0.45, "mouth": -1.2, "pose": 0.15},
    }  # fmt: skip
    assert list(line["ethics"]) == [NORMAL, LOVE, POLITICS, PAEDRIP, HATE]
    assert (line["memory_used"], line["memories_saved"]) == (None, ["[이름: 민지]"])
    assert line["summary"] == "좋다고 대답함"
    assert set(line["timings_ms"]) == TIMINGS
    assert all(isinstance(value, int) for value in line["timings_ms"].values())


async def test_json_line_names_the_memory_that_was_used(desk: Desk) -> None:
    await desk.remember("내일 일정", "카페")
    (line,) = await desk.say_json("내 일정이 뭐였지?")
    assert (line["memory_used"], line["memories_saved"]) == ("[내일 일정: 카페]", [])


async def test_json_line_of_a_warning_has_its_notice(desk: Desk) -> None:
    desk.generator.enqueue("output_message", "미안, 그건 부담스러워 😅")
    (line,) = await desk.say_json("대통령 어때?")
    assert line["kind"] == "reply"
    assert line["notice"] == {"kind": "warning", "categories": [POLITICS], "level": 1, "expires_at": None}


async def test_json_line_of_a_block_has_its_notice_and_no_face(desk: Desk, now: datetime) -> None:
    (line,) = await desk.say_json("부모 욕")
    assert list(line) == KEYS
    assert (line["kind"], line["reason"]) == ("rejection", "blocked")
    assert line["notice"]["kind"] == "block"
    assert line["notice"]["categories"] == [PAEDRIP]
    assert datetime.fromisoformat(line["notice"]["expires_at"]) == now + timedelta(days=7)
    assert (line["expression"], line["memory_used"], line["summary"]) == (None, None, None)
    assert line["memories_saved"] == []
    assert line["ethics"][PAEDRIP] == pytest.approx(0.95, abs=0.01)
    (sanction,) = await desk.sanctions()
    assert sanction.evidence.request_id == line["request_id"]


async def test_blocked_user_gets_the_same_block_without_scores(desk: Desk) -> None:
    first, second = await desk.say_json("부모 욕", "안녕!")
    assert second["notice"] == first["notice"]
    assert (second["reason"], second["ethics"]) == ("blocked", None)
    assert set(second["timings_ms"]) == TIMINGS


@pytest.mark.parametrize("line", [" ", "", "\t \u3000\u00a0", "\x0b\x0c"])
async def test_line_of_white_space_is_empty(desk: Desk, line: str) -> None:
    (answer,) = await desk.say_json(line)
    assert list(answer) == KEYS
    assert (answer["kind"], answer["reason"], answer["ethics"]) == ("rejection", "empty", None)
    assert answer["text"]


@pytest.mark.parametrize("line", ["가" * 100_000, "가 " * 50_000, "\x1b[31m" * 20_000])
async def test_line_of_100_000_characters_is_too_long(desk: Desk, line: str) -> None:
    first, second = await desk.say_json(line, "안녕!")
    assert (first["kind"], first["reason"]) == ("rejection", "too_long")
    assert second["kind"] == "reply"
    assert len(desk.generator.prompts("output_message")) == 1


@pytest.mark.parametrize(
    "piped", [b"\xff\xfe\xed\xa0\x80 hi\n", "안녕".encode()[:-1] + b"\n", b"\x80\n", "안녕".encode("cp949") + b"\n"]
)
async def test_broken_utf_8_is_replaced_and_answered(desk: Desk, piped: bytes) -> None:
    first, second = (await desk.pipe(piped + "안녕!\n".encode(), as_json=True)).splitlines()
    assert json.loads(first)["kind"] == "reply"
    assert json.loads(second)["kind"] == "reply"
    assert "\ufffd" in desk.generator.prompts("output_message")[0]


async def test_nul_byte_is_answered(desk: Desk) -> None:
    (line,) = (await desk.pipe(b"a\x00b\n", as_json=True)).splitlines()
    assert json.loads(line)["kind"] == "reply"


async def test_failed_turn_has_the_documented_keys_and_nulls(desk: Desk) -> None:
    desk.generator.enqueue("output_message", GenerationError("out of memory"))
    (line,) = await desk.say_json("안녕!")
    assert list(line) == KEYS
    assert (line["kind"], line["reason"]) == ("rejection", "error")
    assert line["request_id"] in line["text"]
    assert [line[key] for key in ("expression", "notice", "ethics", "memory_used", "summary")] == [None] * 5


async def test_timings_of_a_failed_turn_are_whole_or_null(desk: Desk) -> None:
    desk.generator.enqueue("output_message", GenerationError("out of memory"))
    (line,) = await desk.say_json("안녕!")
    assert line["timings_ms"] is None or set(line["timings_ms"]) == TIMINGS


class TestQueueWithoutRoom:
    @pytest.fixture
    def generator(self, gate: Gate) -> FakeGenerator:
        return FakeGenerator(gate=gate)

    @pytest.fixture
    def limits(self) -> EngineSettings:
        return EngineSettings(max_concurrent_turns=1, queue_capacity_per_user=1, drain_timeout_s=5.0)

    async def test_message_that_finds_no_room_is_told_so(self, desk: Desk, gate: Gate) -> None:
        running = desk.submit("하나", user="지민")
        await gate.reached.wait()
        waiting = desk.submit("둘")
        (line,) = await desk.say_json("셋")
        assert (line["kind"], line["reason"]) == ("rejection", "queue_full")
        gate.set()
        assert isinstance(await running.outcome(), ChatReply)
        assert isinstance(await waiting.outcome(), ChatReply)


async def test_commands_are_json_objects_too(desk: Desk) -> None:
    lines = await desk.say_json("/help", "/memory", "/nothing")
    assert [list(line) for line in lines] == [["kind", "text"]] * 3
    assert {line["kind"] for line in lines} == {"command"}


async def test_each_json_object_stands_on_a_line_of_its_own(desk: Desk) -> None:
    desk.generator.enqueue("output_message", "여러\n줄\r\n이야\u2028정말\x85 😊")
    printed = await desk.pipe("안녕!\n/help\n".encode(), as_json=True)
    assert printed.endswith("\n")
    assert [json.loads(line)["kind"] for line in printed.removesuffix("\n").split("\n")] == ["reply", "command"]


async def test_same_message_of_a_user_draws_the_same(desk: Desk) -> None:
    await desk.say("안녕!", "안녕!")
    first, second = [sampling.seed for adapter, _, sampling in desk.generator.calls if adapter == "output_message"]
    assert first == second


# --- commands ---


async def test_memory_lists_what_is_remembered(desk: Desk) -> None:
    assert await desk.say("/memory") == ["아직 기억해 둔 게 없어. 네 얘기 더 들려줘!"]
    desk.generator.enqueue("memory", "[이름: 민지]", "[취미: 수영]")
    await desk.say("내 이름은 민지야", "나 수영해")
    said = "(2026년 3월 11일 오후 3:30에 네가 한 말 · 아직 떠올린 적 없음)"
    assert await desk.say("/memory") == [
        "내가 기억하는 민지 님의 이야기",
        f"1. [이름: 민지] {said}",
        f"2. [취미: 수영] {said}",
    ]


async def test_what_was_remembered_is_said_below_the_reply_and_can_be_undone(desk: Desk) -> None:
    desk.generator.enqueue("memory", "[이름: 민지]", "[이름: 민정]")
    assert (await desk.say("내 이름은 민지야"))[1:] == ["✎ 기억했어: [이름: 민지] (/memory 로 확인, /undo 로 되돌리기)"]
    await desk.say("아니 민정이야")
    assert await desk.say("/undo") == ["되돌렸어!"]
    assert await desk.memories() == ["[이름: 민지]"]
    assert await desk.say("/undo", "/undo") == ["되돌렸어!", "되돌렸어!"]
    assert await desk.memories() == ["[이름: 민지]"]


async def test_nothing_to_undo_is_said(desk: Desk) -> None:
    assert (await desk.say("/undo"))[0].startswith("그 뒤에 또 바뀌어서")


async def test_forget_takes_the_number_of_the_list(desk: Desk) -> None:
    await desk.remember("이름", "민지")
    await desk.remember("취미", "수영")
    assert await desk.say("/forget 1") == ["[이름: 민지] 잊었어."]
    assert await desk.memories() == ["[취미: 수영]"]


@pytest.mark.parametrize("number", ["0", "2", "007", "999999999"])
async def test_forgetting_a_number_that_is_not_there_says_so(desk: Desk, number: str) -> None:
    await desk.remember("이름", "민지")
    assert await desk.say(f"/forget {number}") == [f"{int(number)}번 기억은 없어. /memory 로 번호를 확인해 줘."]
    assert await desk.memories() == ["[이름: 민지]"]


@pytest.mark.parametrize("argument", ["", " ", "하나", "-1", "1.0", "1 2", "١", "²", "9" * 5000])
async def test_forget_without_a_number_tells_its_use(desk: Desk, argument: str) -> None:
    await desk.remember("이름", "민지")
    assert await desk.say(f"/forget {argument}") == ["/forget 뒤에 번호를 써 줘. 예: /forget 1"]
    assert await desk.memories() == ["[이름: 민지]"]


async def test_sanctions_are_listed_newest_first_with_what_holds(
    desk: Desk, make_sanction: MakeSanction, now: datetime
) -> None:
    assert await desk.say("/sanctions") == ["받은 경고나 차단이 없어. 깨끗해!"]
    await desk.sanction(make_sanction(started_at=now - timedelta(days=9)))
    await desk.sanction(make_sanction(level=2, block=timedelta(days=3), started_at=now - timedelta(days=5)))
    await desk.sanction(make_sanction(HATE, block=timedelta(days=1), started_at=now))
    title, newest, older, oldest = await desk.say("/sanctions", locale="en")
    assert title == "Warnings and blocks of 민지"
    assert newest.startswith("1. Block · hate or crime level 1") and newest.endswith("(active)")  # noqa: PT018
    assert older.startswith("2. Block · politics level 2") and older.endswith("(over)")  # noqa: PT018
    assert oldest.startswith("3. Warning · politics level 1")


async def test_help_names_every_command(desk: Desk) -> None:
    for locale in ("ko", "en"):
        words = {line.split()[0] for line in await desk.say("/help", locale=locale)}
        assert words == {"/memory", "/forget", "/undo", "/sanctions", "/whoami", "/interview", "/help", "/quit"}


@pytest.mark.parametrize("line", ["/unknown", "/", "/unknown with words", "/MEMORY", "/memory2"])
async def test_unknown_command_is_no_message(desk: Desk, line: str) -> None:
    (printed,) = await desk.say(line)
    assert printed.startswith(f"{line.split()[0]}? 그런 명령은 몰라.")
    assert desk.generator.calls == []


async def test_whoami_tells_and_changes_who_talks(desk: Desk) -> None:
    assert await desk.say("/whoami", "/whoami 철수", "/whoami", locale="en") == [
        "You are 민지.", "You are talking as 철수.", "You are 철수.",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a" * 65, "\x1b[31mred", "a\x07b", "a\x00b", "a\u2028b"])
async def test_whoami_refuses_a_name_that_could_steer_a_terminal(desk: Desk, name: str) -> None:
    refused, same = await desk.say(f"/whoami {name}", "/whoami", locale="en")
    assert refused == "A name has 1 to 64 characters and no line break."
    assert same == "You are 민지."


async def test_two_users_keep_separate_memories_summaries_and_blocks(desk: Desk) -> None:
    desk.generator.enqueue("memory", "[이름: 민지]", "[이름: 철수]")
    desk.generator.enqueue("summary", "민지랑 인사함", "철수랑 인사함")
    printed = await desk.say(
        "나는 민지야", "/whoami 철수", "나는 철수야", "/memory", "범죄 얘기", "안녕!", "/sanctions",
        "/whoami 민지", "/memory", "안녕!", "/sanctions",
    )  # fmt: skip
    assert any(line.startswith("1. [이름: 철수]") for line in printed)
    assert any(line.startswith("1. [이름: 민지]") for line in printed)
    assert printed[-1] == "받은 경고나 차단이 없어. 깨끗해!"
    assert (await desk.memories("민지"), await desk.memories("철수")) == (["[이름: 민지]"], ["[이름: 철수]"])
    assert [len(await desk.sanctions(user)) for user in ("민지", "철수")] == [0, 1]
    assert desk.generator.prompts("output_message") == [
        "나는 민지야 (답변 시작)",
        "나는 철수야 (답변 시작)",
        "(오로라 답변 요약) 민지랑 인사함 (사용자 질문) 안녕! (답변 시작)",
    ]


# --- what could steer a terminal ---


@pytest.mark.parametrize("escape", ["\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x9b31m", "\x1bP1$r\x1b\\", "\x07\x7f\b\b"])
async def test_escape_sequences_are_neutralised_everywhere(desk: Desk, escape: str) -> None:
    desk.generator.enqueue("output_message", f"응 {escape}좋아 😊", f"응 {escape}좋아 😊")
    desk.generator.enqueue("summary", f"좋다고 {escape}함", f"좋다고 {escape}함")
    await desk.remember("이름", f"민{escape}지")
    lines = [f"안녕 {escape}", "/memory", "/forget 1", f"/{escape}", f"/whoami {escape}x", f"/help {escape}"]
    piped = "".join(f"{line}\n" for line in lines).encode()
    for as_json in (False, True):
        printed = await desk.pipe(piped, as_json=as_json)
        assert not [c for c in printed if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) <= 0x9F]
        assert "좋아 😊" in printed


async def test_reply_cannot_forge_lines_of_the_console(desk: Desk) -> None:
    desk.generator.enqueue("output_message", "응\n⚠ 경고: 정치 (9단계).\r\n오로라 (가짜) 안녕")
    assert len(await desk.say("안녕!")) == 1


def test_names_of_users() -> None:
    assert all(is_user_name(name) for name in ("민지", "me", "a b", "😊", "a" * 64, "{user}"))
    assert not any(
        is_user_name(name) for name in ("", " ", "\u3000", "a" * 65, "a\nb", "\x1b[0m", "\ud800", "a\u2029b")
    )


# --- in a terminal ---


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=DummyOutput()):
        yield keyboard


async def talk(desk: Desk, keyboard: PipeInput, typed: str) -> str:
    """Type at the prompt until the console ends; return what it printed."""
    keyboard.send_text(typed)
    await asyncio.wait_for(desk.console().run_interactive(), 10)
    return desk.out.getvalue()


@pytest.mark.parametrize("leave", ["/quit\r", "\x03", "\x04"])
async def test_terminal_greets_and_says_good_bye(desk: Desk, keyboard: PipeInput, leave: str) -> None:
    lines = (await talk(desk, keyboard, leave)).splitlines()
    assert lines == ["오로라랑 이야기해 보자. /help 로 도움말, Ctrl-C 로 나가기.", "또 봐! ✨"]


async def test_terminal_shows_the_reply_while_it_is_written_then_with_its_face(desk: Desk, keyboard: PipeInput) -> None:
    printed = await talk(desk, keyboard, "안녕!\r\r/memory\r/quit\r")
    assert "오로라 … 응, 좋아! 😊\r\x1b[J오로라 ( • ▽ • ) 응, 좋아! 😊\n" in printed
    assert len(desk.generator.prompts("output_message")) == 1  # an empty line is no turn here
    assert "아직 기억해 둔 게 없어" in printed


async def test_terminal_takes_back_a_try_that_was_thrown_away(desk: Desk, keyboard: PipeInput) -> None:
    desk.generator.enqueue("output_message", "여기 봐 https://example.com")
    printed = await talk(desk, keyboard, "안녕!\r/quit\r")
    shown = printed.split("\r\x1b[J")
    assert len(shown) == 3
    assert shown[1] == "오로라 … 응, 좋아! 😊"


async def test_streamed_escape_sequences_are_neutralised(desk: Desk, keyboard: PipeInput) -> None:
    desk.generator.enqueue("output_message", "응 \x1b[2J\x9b2J\x07좋아 😊")
    printed = await talk(desk, keyboard, "안녕!\r/quit\r")
    rest = printed.replace("\r\x1b[J", "")
    assert not [c for c in rest if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) <= 0x9F]


async def test_line_that_may_end_in_a_block_is_not_streamed(
    desk: Desk, keyboard: PipeInput, make_sanction: MakeSanction
) -> None:
    await desk.sanction(make_sanction())
    desk.generator.enqueue("output_message", "미안, 그건 부담스러워 😅")
    printed = await talk(desk, keyboard, "대통령 어때?\r/quit\r")
    assert "부담" not in printed
    assert "정치 (2단계)" in printed


class TestLeavingDuringATurn:
    @pytest.fixture
    def generator(self, gate: Gate) -> FakeGenerator:
        return FakeGenerator(gate=gate)  # never opened: the turn would last for ever

    async def test_console_that_is_stopped_gives_its_turn_up(self, desk: Desk, gate: Gate) -> None:
        async def lines() -> AsyncIterator[str]:
            yield "안녕!"

        running = asyncio.create_task(desk.console().run_piped(lines()))
        await gate.reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(desk.queue.close(), 0.5)  # nothing is left to wait for
        assert desk.out.getvalue() == ""


# --- interviews ---


async def test_interview_is_held_in_the_terminal_and_its_card_is_kept(desk: Desk) -> None:
    bank = load_bank("operating_systems")
    lines = await desk.say(
        "/interview start operating_systems", "시작하자", "/interview skip", "/interview end", "안녕!"
    )
    assert lines[0].endswith(bank.questions[0].ask)
    assert lines[1].endswith(bank.questions[1].ask)
    assert lines[5].endswith(bank.questions[2].ask)  # behind what belonged in the answer, a line for each concept
    assert "면접 결과: 운영체제" in lines
    assert lines[-1].endswith("응, 좋아! 😊")
    assert sorted(path.suffix for path in desk.folder.iterdir()) == [".html", ".png"]


async def test_interview_commands_that_cannot_be_done_are_explained(desk: Desk) -> None:
    status, nothing, misread = await desk.say("/interview", "/interview skip", "/interview dance")
    assert "문제집을 골라" in status
    assert "/interview start" in nothing
    assert "start" in misread
