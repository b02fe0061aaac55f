"""Discord and Telegram at once, through the real client libraries and the whole program: nobody waits for the other platform."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.profile import load_profile
from models.settings import Device, ModelSettings
from models.types import Generation, Sampling
from tests.e2e.both_rig import PATIENCE_S, Town, User, all_answered, misbehave, open_town
from tests.e2e.discord_world import Fault as DiscordFault
from tests.fakes import FakeEmbedder, FakeGenerator

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
USERS, MESSAGES = 20, 3
NAMES = (
    "지은", "서연", "예린", "태민", "수빈", "도윤", "하은", "성민", "지훈", "가영", "다은", "은진", "재현", "동훈", "혜진", "보람", "채원", "우진", "한별", "윤슬",
)  # fmt: skip


def lines_of(number: int) -> tuple[str, str]:
    """Return what the user of this number says: a greeting as everybody's, then their own name."""
    return "로라야 안녕!", f"저는 {NAMES[number]}이라고 해요"


class EchoGenerator(FakeGenerator):
    """Says in its line which number it was told."""

    async def generate(
        self, adapter: str, prompt: str, sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        if adapter == "output_message":
            told = re.findall(r"숫자 (\d+)", prompt)
            self.enqueue(adapter, f"숫자 {told[-1]} 들었어! 😊" if told else "응, 좋아! 😊")
        return await super().generate(adapter, prompt, sampling, on_text=on_text)


@pytest.fixture
def folder(tmp_path: Path, migrated_folder: Path) -> Path:
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / "data"


@pytest.fixture
async def town(folder: Path) -> AsyncIterator[Town]:
    profile = load_profile("ohlora-v4")
    async with open_town(folder, profile, EchoGenerator(), FakeEmbedder(), lambda: NOW, face_mode="off") as town:
        yield town
    assert town.violations == []


async def test_twenty_users_on_both_get_every_reply_once_and_in_order_while_the_servers_misbehave(town: Town) -> None:
    faults = misbehave(town, seed=4, share=0.15)
    on_discord, on_telegram = town.people(USERS)
    users: list[User] = [*on_discord, *on_telegram]
    for number in range(MESSAGES):
        for user in users:
            user.say(f"숫자 {number} 기억해?")
        await asyncio.sleep(0)
    await all_answered(users, MESSAGES)
    await town.leave()  # what stands then stays: nothing comes later, and nothing twice
    replies = [user.replies() for user in users]
    assert replies == [[f"숫자 {number} 들었어! 😊" for number in range(MESSAGES)]] * len(users)
    assert len(town.heard) == MESSAGES * len(users)
    assert min(faults.values()) >= 3
    assert len(faults) == 4


async def test_platform_that_is_away_keeps_nobody_waiting_on_the_other(town: Town) -> None:
    (on_discord,), (on_telegram,) = town.people(1)
    on_telegram.say("숫자 1 기억해?")
    await on_telegram.wait(1)
    town.telegram.go_down()
    on_discord.say("숫자 2 기억해?")
    assert await on_discord.wait(1) == ["숫자 2 들었어! 😊"]
    on_telegram.say("숫자 3 기억해?")
    town.telegram.down = False
    assert await on_telegram.wait(2) == ["숫자 1 들었어! 😊", "숫자 3 들었어! 😊"]
    await town.discord.gateway.drop()
    town.discord.world.faults = lambda _method, _path: DiscordFault(status=500)
    on_discord.say("숫자 4 기억해?")
    on_telegram.say("숫자 5 기억해?")
    assert (await on_telegram.wait(3))[-1] == "숫자 5 들었어! 😊"
    assert on_discord.replies() == ["숫자 2 들었어! 😊"]
    town.discord.world.faults = lambda _method, _path: None
    assert await on_discord.wait(2) == ["숫자 2 들었어! 😊", "숫자 4 들었어! 😊"]


async def test_token_that_one_platform_withdraws_keeps_nobody_waiting_on_the_other(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    (on_discord,), (on_telegram,) = town.people(1)
    on_discord.say("숫자 1 기억해?")
    assert await on_discord.wait(1) == ["숫자 1 들었어! 😊"]
    town.discord.world.tokens = set()
    await town.discord.gateway.drop(code=4004)
    on_telegram.say("숫자 2 기억해?")
    assert await on_telegram.wait(1) == ["숫자 2 들었어! 😊"]
    async with asyncio.timeout(PATIENCE_S):
        while "discord is off" not in caplog.text:
            await asyncio.sleep(0.05)
    assert "OHLORA_DISCORD_TOKEN" in caplog.text
    on_telegram.say("숫자 3 기억해?")
    assert (await on_telegram.wait(2))[-1] == "숫자 3 들었어! 😊"


async def test_memories_of_the_two_platforms_stay_apart(town: Town) -> None:
    (on_discord,), (on_telegram,) = town.people(1)
    on_discord.say("숫자 7 기억해?")
    on_telegram.say("숫자 8 기억해?")
    assert await on_discord.wait(1) == ["숫자 7 들었어! 😊"]
    assert await on_telegram.wait(1) == ["숫자 8 들었어! 😊"]


async def test_leaving_writes_what_is_on_its_way(town: Town) -> None:
    on_discord, on_telegram = town.people(5)
    users: list[User] = [*on_discord, *on_telegram]
    for user in users:
        user.say("숫자 5 기억해?")
    await town.discord.world.until(lambda: town.discord.world.typing)
    await town.telegram.until(lambda: town.telegram.made("sendChatAction"))
    await town.leave()
    said = {tuple(user.replies()) for user in users if user.replies()}
    assert said <= {("숫자 5 들었어! 😊",)} | {replies for replies in said if replies[0].startswith("나 잠깐")}
    assert said


async def test_real_conversation_on_both_platforms_with_the_models_that_ship(folder: Path) -> None:
    """Twenty users at once, with faults at random and one platform away for a while: everybody reads what she said, once, in order."""
    from models.runtime import open_models  # takes seconds, which the tests above need not wait for

    profile, batched = load_profile("embedded"), ModelSettings(device=Device.CPU, max_rows=64)
    async with (
        open_models(profile, batched) as models,
        open_town(folder, profile, models.generator, models.embedder, lambda: NOW) as town,
    ):
        faults = misbehave(town, seed=5, share=0.2)
        on_discord, on_telegram = town.people(USERS // 2)
        users: list[User] = [*on_discord, *on_telegram]
        for number, user in enumerate(users):
            user.say(lines_of(number)[0])
        await town.telegram.until(lambda: len(town.heard) == len(users), PATIENCE_S)
        town.telegram.go_down()
        shown_there = [user.replies() for user in on_telegram]
        await all_answered(on_discord, 1)  # nobody waits for the other platform
        assert [user.replies() for user in on_telegram] == shown_there
        town.telegram.down = False
        for number, user in enumerate(users):
            user.say(lines_of(number)[1])
        await all_answered(users, 2)
        await town.leave()  # what stands then stays: nothing comes later, and nothing twice
        assert len(town.heard) == 2 * len(users)
        for number, user in enumerate(users):
            replies = user.replies()
            heard, told = zip(*town.told_to(user), strict=True)
            assert heard == lines_of(number)
            assert replies == [user.as_shown(text) for text in told]
            assert all(re.search("[가-힣]", text) for text in told)
            assert not any(name in replies[1] for name in NAMES if name != NAMES[number]), "her line is for this person"
        assert len({town.told_to(user)[1][1] for user in users}) > 1, "she talks with each of them"
        assert all(message["attachments"] for message in town.discord.world.standing()), (
            "her face goes with every reply"
        )
        assert all("photo" in sent for user in on_telegram for sent in town.telegram.world.sent(int(user.person["id"])))
        assert {status for _, status in faults} == {429, 500}
        assert {platform for platform, _ in faults} == {"discord", "telegram"}
    assert town.violations == []
