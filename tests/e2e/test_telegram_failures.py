"""When Telegram refuses, holds back, fails or is away: nothing is lost or doubled, and nobody waits for another's chat."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import FrontEndError
from storage.database import Database, open_database
from storage.settings import StorageSettings
from tests.e2e.hurried_loop import run_hurried
from tests.e2e.telegram_rig import CHULSOO, MINJI, QUICK, REPLY, open_rig, quick_settings
from tests.e2e.telegram_server import Fault, TelegramServer
from tests.e2e.telegram_world import TOKEN, person

LIMIT_S = 60
_SENDS = ("sendMessage", "sendPhoto", "sendDocument")


async def test_wrong_token_is_a_clear_line(database: Database) -> None:
    async with open_rig(database, starts=False) as rig:
        front = rig.make_front(token="1:wrong")
        with pytest.raises(FrontEndError, match="OHLORA_TELEGRAM_TOKEN"):
            await asyncio.wait_for(front.run(), LIMIT_S)
        await front.close()


async def test_token_that_is_revoked_later_ends_the_front_end(database: Database) -> None:
    async with open_rig(database) as rig:
        rig.server.token = "1:another"
        rig.world.say(MINJI, "안녕!")
        assert rig.running is not None
        with pytest.raises(FrontEndError, match="@BotFather"):
            await asyncio.wait_for(asyncio.shield(rig.running), LIMIT_S)
        rig.running = None


async def test_front_end_connects_when_telegram_comes_back(database: Database) -> None:
    async with open_rig(database, starts=False) as rig:
        rig.server.down = True
        running = asyncio.create_task(rig.front.run())
        await rig.server.until(lambda: rig.server.refused_connections >= 3)
        rig.server.down = False
        rig.running = running
        assert await rig.ask(MINJI, "안녕!") == [REPLY]


async def test_chat_that_is_held_back_holds_back_no_other(database: Database) -> None:
    async with open_rig(database) as rig:
        held: list[float] = []

        def hold_once(method: str, params: dict[str, Any]) -> Fault | None:
            if method == "sendMessage" and params["chat_id"] == MINJI["id"] and not held:
                held.append(asyncio.get_running_loop().time())
                return Fault(status=429, retry_after=3)
            return None

        rig.server.fault_for = hold_once
        rig.world.say(MINJI, "안녕!")
        await rig.server.until(lambda: held)
        assert await rig.ask(CHULSOO, "안녕!") == [REPLY]
        assert rig.world.texts(MINJI["id"]) == []
        assert await rig.server.texts(MINJI["id"], 1) == [REPLY]
        (sent,) = [call for call in rig.server.made("sendMessage") if call.params["chat_id"] == MINJI["id"]]
        assert sent.at - held[0] >= 3


async def test_twenty_people_lose_and_double_nothing_while_telegram_fails_at_random(database: Database) -> None:
    people = [person(100 + number, f"사람{number}") for number in range(20)]
    chance = random.Random(7)
    faults: Counter[int] = Counter()

    def fail(method: str, _params: dict[str, Any]) -> Fault | None:
        draw = chance.random()
        fault = Fault(status=429, retry_after=1) if draw < 0.1 else Fault(status=500) if draw < 0.3 else None
        if fault is not None:
            faults[fault.status] += 1
        return fault

    patient = functools.partial(quick_settings, times=replace(QUICK, patience_s=600.0))  # no notice among the replies
    async with open_rig(database, settings=patient) as rig:
        rig.server.fault_for = fail
        for turn in range(3):
            for user in people:
                rig.generator.enqueue("output_message", f"답 {len(rig.world.messages)} {turn}")
                rig.world.say(user, f"{user['first_name']} {turn}번째 말")
        for user in people:
            await rig.server.texts(user["id"], 3, timeout=150)
        texts = [rig.world.texts(user["id"]) for user in people]
        assert all(len(mine) == 3 for mine in texts)
        assert len({text for mine in texts for text in mine}) == 60
        assert min(faults.values()) > 5
        prompts = rig.generator.prompts("output_message")
        for user in people:  # order within a conversation
            own = [prompt.split("번째")[0][-1] for prompt in prompts if f"{user['first_name']} " in prompt]
            assert own == ["0", "1", "2"]


def test_outage_of_twenty_minutes_loses_and_doubles_nothing(tmp_path: Path, migrated_folder: Path) -> None:
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)

    async def go_through() -> None:
        async with open_database(StorageSettings.for_data_dir(tmp_path / "data")) as database:
            gate, server = asyncio.Event(), TelegramServer(patience_s=3600)
            settings = functools.partial(quick_settings, longest_wait_s=30.0)
            async with open_rig(database, gate=gate, server=server, settings=settings) as rig:
                rig.world.say(MINJI, "끊기기 전")
                await rig.server.until(lambda: rig.generator.calls)
                rig.server.go_down()
                gate.set()  # her reply is written while nobody can be reached
                for number in range(3):
                    rig.world.say(CHULSOO, f"{number}번째")
                begun = asyncio.get_running_loop().time()
                await asyncio.sleep(20 * 60)
                assert asyncio.get_running_loop().time() - begun >= 20 * 60
                assert rig.world.texts(MINJI["id"]) == rig.world.texts(CHULSOO["id"]) == []
                rig.server.down = False
                assert await rig.server.texts(MINJI["id"], 1) == [REPLY]
                assert await rig.server.texts(CHULSOO["id"], 3) == [REPLY] * 3
                assert len(rig.generator.prompts("output_message")) == 4

    run_hurried(go_through())


async def test_second_process_with_the_same_token_is_named(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_rig(database) as rig:
        rig.server.poll_fault = Fault(status=409)
        rig.world.say(MINJI, "안녕!")
        await rig.server.until(lambda: "another process polls with this token" in caplog.text)
        rig.server.poll_fault = None
        assert await rig.server.texts(MINJI["id"], 1) == [REPLY]


async def test_reply_that_is_being_written_is_sent_before_she_closes(database: Database) -> None:
    gate = asyncio.Event()
    async with open_rig(database, gate=gate) as rig:
        rig.world.say(MINJI, "안녕!")
        await rig.server.until(lambda: rig.generator.calls)
        assert rig.running is not None
        rig.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rig.running
        rig.running = None
        rig.world.say(CHULSOO, "이건 다음에")  # stays with Telegram until she is back
        gate.set()
        await asyncio.wait_for(rig.front.close(), LIMIT_S)
        assert rig.world.texts(MINJI["id"]) == [REPLY]
        assert rig.world.texts(CHULSOO["id"]) == []
        await rig.start(rig.make_front())
        assert await rig.server.texts(CHULSOO["id"], 1) == [REPLY]
        assert rig.world.texts(MINJI["id"]) == [REPLY]


async def test_closing_is_quick_while_telegram_is_away(database: Database) -> None:
    async with open_rig(database) as rig:
        rig.server.go_down()
        await asyncio.wait_for(rig.stop(), LIMIT_S)


async def test_lost_answer_of_a_send_is_not_sent_again(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async with open_rig(database, settings=lambda url: quick_settings(url, read_s=1.0)) as rig:
        rig.server.silent_method = "sendMessage"
        rig.world.say(MINJI, "안녕!")
        await rig.server.until(lambda: "a reply did not arrive" in caplog.text)
        assert rig.world.texts(MINJI["id"]) == [REPLY]


async def test_logs_hold_no_token_text_or_name(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with open_rig(database) as rig:
            await rig.ask({**MINJI, "first_name": "비밀이름"}, "아주 비밀스러운 말")
            rig.server.fault_for = lambda method, _: Fault(status=400) if method in _SENDS else None
            rig.world.say(MINJI, "또 다른 비밀")
            await rig.server.until(lambda: "Telegram took no reply" in caplog.text)
    ours = [
        record for record in caplog.records if record.name.split(".")[0] in {"bot", "telegram", "httpx", "httpcore"}
    ]
    logged = "\n".join(record.getMessage() + str(record.exc_info) for record in ours)
    assert "request_id=" in logged
    assert not [secret for secret in (TOKEN, TOKEN.split(":")[1], "비밀", REPLY) if secret in logged]


async def test_front_end_that_is_closed_while_it_connects_receives_nothing_more(database: Database) -> None:
    async with open_rig(database, starts=False) as rig:
        rig.server.down = True
        running = asyncio.create_task(rig.front.run())
        await rig.server.until(lambda: rig.server.refused_connections)
        await asyncio.wait_for(rig.front.close(), LIMIT_S)
        rig.world.say(MINJI, "이건 다음에")
        rig.server.down = False
        await asyncio.wait_for(running, LIMIT_S)
        assert rig.server.polls == 0


def test_poll_on_a_dead_line_is_noticed_soon_after_its_time(tmp_path: Path, migrated_folder: Path) -> None:
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)

    async def go_through() -> None:
        async with open_database(StorageSettings.for_data_dir(tmp_path / "data")) as database:
            server = TelegramServer(patience_s=3600, silent_polls=1)
            async with open_rig(database, server=server) as rig:
                begun, polls = asyncio.get_running_loop().time(), rig.server.polls
                await rig.server.until(lambda: rig.server.polls > polls)
                assert asyncio.get_running_loop().time() - begun < 20  # 5 s of poll, 10 s for its answer

    run_hurried(go_through())
