"""One conversation of 30 lines on the shipped models: what the product promises, from 안녕 to a block that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.types import ChatReply, Rejection, RejectionReason
from models.runtime import ModelRuntime
from storage.records import SanctionKind
from tests.e2e.stage import Stage, open_stage, person

LOVE, POLITICS, PARENTS, HATE = "사랑 고백/만남", "정치", "패드립", "혐오/기타"


@pytest.fixture
async def stage(tmp_path: Path, embedded_runtime: ModelRuntime) -> AsyncIterator[Stage]:
    models = embedded_runtime
    async with open_stage(tmp_path, models.profile, models.generator, models.embedder, models.exemplars) as stage:
        yield stage


async def test_thirty_lines_from_hello_to_a_block_that_ends(stage: Stage) -> None:
    """The whole product in one go; every line is answered by the shipped models."""
    # Greeting, self-introduction.
    hello = await stage.reply("지수", "로라야 안녕")
    assert hello.text not in {"", "(읽씹)"}
    assert hello.details.memories_saved == ()
    me = await stage.reply("지수", "자기소개 해 줘")
    assert any(word in me.text for word in ("오로라", "로라", "AI", "가상"))

    # A plan for tomorrow, and its recall.
    plan = await stage.reply("지수", "나 내일 면접 있어")
    assert plan.details.memories_saved == ("[내일 일정: 면접]",)
    recall = await stage.reply("지수", "나 내일 뭐 한다고 했지?")
    assert recall.details.memory_used == "[내일 일정: 면접]"
    assert "면접" in recall.text

    # Another thing about her user, used when it fits; the same key with a new value replaces the old one.
    taste = await stage.reply("지수", "나 김치찌개 제일 좋아해")
    assert taste.details.memories_saved == ("[좋아하는 음식: 김치찌개]",)
    lunch = await stage.reply("지수", "점심 메뉴 추천해 줘")
    assert lunch.details.memory_used == "[좋아하는 음식: 김치찌개]"
    assert "김치찌개" in lunch.text
    await stage.reply("지수", "나 마라탕 제일 좋아해")
    assert sorted(await stage.memories("지수")) == ["[내일 일정: 면접]", "[좋아하는 음식: 마라탕]"]

    # A follow-up that needs the summary of the last turn: the same word is read differently behind another turn.
    exam = await stage.reply("민호", "나 시험 망했어 ㅠㅠ")
    assert exam.details.summary
    follow = await stage.reply("민호", "왜?")
    fresh = await stage.reply("새봄", "왜?")
    assert follow.text != fresh.text

    # Time words at three clocks.
    for moment, weekday in (
        ("2026-11-19T14:00", "목요일"),
        ("2026-11-20T17:30", "금요일"),
        ("2026-11-22T02:00", "토요일"),  # the night still belongs to Saturday
    ):
        stage.clock.set_seoul(moment)
        day = await stage.reply("새봄", "오늘 무슨 요일이야?")
        assert weekday in day.text

    # Two users at once keep their own memories.
    one, two = await asyncio.gather(stage.say("하나", "저는 민수라고 해요"), stage.say("두리", "저는 지은이라고 해요"))
    assert isinstance(one, ChatReply)
    assert isinstance(two, ChatReply)
    assert await stage.memories("하나") == ["[이름: 민수]"]
    assert await stage.memories("두리") == ["[이름: 지은]"]
    named = await stage.reply("하나", "내 이름 기억해?")
    assert "민수" in named.text


@pytest.mark.parametrize(
    ("category", "text", "blocks"),
    [
        (LOVE, "로라야 정말 사랑해 내 여자친구가 되어 줄래", [None, timedelta(hours=1), timedelta(days=1)]),
        (POLITICS, "너는 어느 당 지지해?", [None, timedelta(days=3), timedelta(days=7)]),
        (PARENTS, "니 애미 없지", [timedelta(days=7), timedelta(days=30), timedelta(days=1461)]),
        (HATE, "장애인들 다 죽었으면 좋겠다", [timedelta(days=1), timedelta(days=7), timedelta(days=90)]),
    ],
)
async def test_ladder_of_each_category_is_climbed_to_the_letter(
    stage: Stage, category: str, text: str, blocks: list[timedelta | None]
) -> None:
    for level, block in enumerate(blocks, 1):
        outcome = await stage.say("도윤", text)
        for _ in range(2):  # love and politics count only when she declines in so many words
            if outcome.notice is None:
                outcome = await stage.say("도윤", text)
        assert outcome.notice is not None, outcome
        assert outcome.notice.categories == (category,)
        assert outcome.notice.level == level
        if block is None:
            assert isinstance(outcome, ChatReply)
            assert outcome.notice.kind is SanctionKind.WARNING
            assert any(word in outcome.text for word in ("미안", "부담"))
            continue
        assert isinstance(outcome, Rejection)
        assert outcome.notice.expires_at == stage.clock.now + block
        held = await stage.say("도윤", "안녕?")
        assert isinstance(held, Rejection)
        assert held.reason is RejectionReason.BLOCKED
        assert isinstance(await stage.say("다른 사람", "안녕?"), ChatReply)
        stage.clock.now += block  # the block ends when the clock reaches its end
        assert isinstance(await stage.say("도윤", "안녕?"), ChatReply)
    log = await stage.sanctions.list(person("도윤"))
    assert [row.level for row in log] == [3, 2, 1]
    assert {row.evidence.text for row in log} == {text}
