"""Long waits, giving up, and having her say it again, on Telegram against a server on loopback."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from storage.database import Database
from tests.e2e.telegram_rig import CHULSOO, MINJI, QUICK, REPLY, Rig, open_rig, quick_settings
from tests.e2e.telegram_world import BOT

AT = f"@{BOT['username']}"
IMPATIENT = functools.partial(quick_settings, times=replace(QUICK, patience_s=0.2))


@pytest.fixture
def gate() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[Rig]:
    async with open_rig(database) as rig:
        yield rig


@pytest.fixture
async def busy(database: Database, gate: asyncio.Event) -> AsyncIterator[Rig]:
    """She is held by one message of a group and has two more before her."""
    async with open_rig(database, gate=gate, most_at_once=1, settings=IMPATIENT) as rig:
        group = rig.world.group(-1005)
        rig.world.say(CHULSOO, f"{AT} 하나", chat=group)
        await rig.server.until(lambda: rig.generator.calls)
        rig.world.say(CHULSOO, f"{AT} 둘", chat=group)
        await rig.server.until(lambda: rig.queue._waiting == 1)
        yield rig


async def test_who_waits_for_long_is_told_and_the_notice_goes_when_it_is_over(busy: Rig, gate: asyncio.Event) -> None:
    busy.world.say(MINJI, "안녕!")
    assert await busy.server.texts(MINJI["id"], 1) == ["지금 2번째 차례야. 조금만 기다려 줘!"]
    (notice,) = busy.world.sent(MINJI["id"])
    assert [button["text"] for button in busy.world.buttons(notice)] == ["그만두기"]
    gate.set()
    await busy.server.until(lambda: busy.world.texts(MINJI["id"]) == [REPLY])
    assert notice in busy.world.deleted


async def test_message_that_is_given_up_gets_no_reply(busy: Rig, gate: asyncio.Event) -> None:
    busy.world.say(MINJI, "안녕!")
    await busy.server.texts(MINJI["id"], 1)
    (notice,) = busy.world.sent(MINJI["id"])
    query = busy.world.press(MINJI, notice, busy.world.buttons(notice)[0]["callback_data"])
    await busy.server.until(lambda: busy.world.queries[query])
    await busy.server.until(lambda: busy.world.texts(MINJI["id"]) == ["알았어, 그 말은 없던 걸로 할게."])
    gate.set()
    await busy.server.texts(-1005, 2)
    assert len(busy.world.texts(MINJI["id"])) == 1
    assert not [prompt for prompt in busy.generator.prompts("output_message") if prompt.startswith("안녕!")]


async def test_stranger_cannot_give_up_what_another_said(busy: Rig, gate: asyncio.Event) -> None:
    group = busy.world.group(-1006)
    busy.world.say(MINJI, f"{AT} 안녕!", chat=group)
    await busy.server.texts(group["id"], 1)
    (notice,) = busy.world.sent(group["id"])
    query = busy.world.press(CHULSOO, notice, busy.world.buttons(notice)[0]["callback_data"])
    answered = await busy.server.until(lambda: busy.world.queries[query])
    assert answered["text"] == "이 버튼은 처음에 말 건 사람만 누를 수 있어."
    gate.set()
    await busy.server.until(lambda: busy.world.texts(group["id"]) == [REPLY])


async def test_reply_is_said_again_once_by_who_asked(rig: Rig) -> None:
    group = rig.world.group()
    rig.generator.enqueue("output_message", "첫 답이야 😊", "다른 답이야 😊")
    rig.world.say(MINJI, f"{AT} 안녕!", chat=group)
    await rig.server.texts(group["id"], 1)
    (first,) = rig.world.sent(group["id"])
    (button,) = rig.world.buttons(first)
    assert button["text"] == "다시 말해 줘"
    stranger = rig.world.press(CHULSOO, first, button["callback_data"])
    assert (await rig.server.until(lambda: rig.world.queries[stranger]))["show_alert"] is True
    asker = rig.world.press(MINJI, first, button["callback_data"])
    assert await rig.server.texts(group["id"], 2) == ["첫 답이야 😊", "다른 답이야 😊"]
    await rig.server.until(lambda: rig.world.queries[asker] and not rig.world.buttons(first))
    late = rig.world.press(MINJI, first, button["callback_data"])
    answered = await rig.server.until(lambda: rig.world.queries[late])
    assert answered["text"] == "그 말은 벌써 지나갔어. 새로 말 걸어 줘!"
    assert len(rig.generator.prompts("output_message")) == 2


async def test_only_the_last_reply_can_be_said_again(rig: Rig) -> None:
    await rig.ask(MINJI, "안녕!")
    (first,) = rig.world.sent(MINJI["id"])
    data = rig.world.buttons(first)[0]["callback_data"]
    await rig.ask(MINJI, "또 안녕")
    query = rig.world.press(MINJI, first, data)
    assert "지나갔어" in (await rig.server.until(lambda: rig.world.queries[query]))["text"]
    await rig.server.until(lambda: not rig.world.buttons(first))
    assert len(rig.world.texts(MINJI["id"])) == 2


async def test_mark_of_a_memory_outlives_the_button_beside_it(rig: Rig) -> None:
    rig.generator.enqueue("memory", "[좋아하는 음식: 떡볶이]")
    await rig.ask(MINJI, "나 떡볶이 좋아해")
    (first,) = rig.world.sent(MINJI["id"])
    again, mark = rig.world.buttons(first)
    await rig.ask(MINJI, "또 안녕")
    rig.world.press(MINJI, first, again["callback_data"])
    await rig.server.until(lambda: rig.world.buttons(first) == [mark])


async def test_reply_that_could_not_be_said_again_may_be_tried_once_more(rig: Rig) -> None:
    await rig.ask(MINJI, "안녕!")
    (first,) = rig.world.sent(MINJI["id"])
    (button,) = rig.world.buttons(first)
    rig.generator.enqueue("output_message", RuntimeError("out of memory"), "다른 답이야 😊")
    rig.world.press(MINJI, first, button["callback_data"])
    assert "머리가 살짝 꼬였어" in (await rig.server.texts(MINJI["id"], 2))[-1]
    assert rig.world.buttons(first) == [button]
    rig.world.press(MINJI, first, button["callback_data"])
    assert (await rig.server.texts(MINJI["id"], 3))[-1] == "다른 답이야 😊"
    await rig.server.until(lambda: not rig.world.buttons(first))
