"""`main.py run` as an operator starts it: a process of its own, both platforms on loopback, the shipped models, a signal at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.e2e.both_rig import DiscordUser, TelegramUser
from tests.e2e.discord_objects import Person
from tests.e2e.discord_server import open_discord_server
from tests.e2e.discord_world import TOKEN as DISCORD_TOKEN
from tests.e2e.telegram_server import open_telegram_server
from tests.e2e.telegram_world import TOKEN as TELEGRAM_TOKEN
from tests.e2e.telegram_world import person

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 300


async def start(folder: Path, **settings: str) -> asyncio.subprocess.Process:
    """Start `main.py run` with these settings and no other."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OHLORA_")}
    environment |= {"OHLORA_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1", "OHLORA_DASHBOARD_PORT": "0"}
    environment |= settings
    return await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "main.py"), "run", cwd=folder, env=environment, stderr=asyncio.subprocess.PIPE
    )


async def finish(process: asyncio.subprocess.Process) -> str:
    """Wait for the end; return what was logged."""
    async with asyncio.timeout(LIMIT_S):
        _, err = await process.communicate()
    return err.decode()


async def line_with(process: asyncio.subprocess.Process, text: str) -> str:
    """Wait for the line of the log that holds `text`."""
    assert process.stderr is not None
    async with asyncio.timeout(LIMIT_S):
        while line := (await process.stderr.readline()).decode():
            if text in line:
                return line
    raise AssertionError(f"the process ended without saying {text!r}")


async def test_run_serves_both_platforms_until_a_signal(tmp_path: Path) -> None:
    async with open_discord_server() as discord, open_telegram_server() as telegram:
        process = await start(
            tmp_path,
            OHLORA_DISCORD_TOKEN=DISCORD_TOKEN,
            OHLORA_DISCORD_API_URL=discord.api_url,
            OHLORA_DISCORD_GATEWAY_URL=discord.gateway_url,
            OHLORA_TELEGRAM_TOKEN=TELEGRAM_TOKEN,
            OHLORA_TELEGRAM_API_URL=telegram.url,
        )
        try:
            await discord.world.until(lambda: discord.gateway.identified, limit_s=LIMIT_S)
            await telegram.until(lambda: telegram.polls, LIMIT_S)
            users = (
                DiscordUser(server=discord, person=Person(name="mina")),
                TelegramUser(server=telegram, person=person(11)),
            )
            for user in users:
                user.say("로라야 안녕!")
            for user in users:
                assert len(await user.wait(1)) == 1
            process.send_signal(signal.SIGINT)  # SIGTERM ends the run below
            log = await finish(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, log
        assert [*discord.world.violations, *telegram.violations] == []
    assert "Traceback" not in log
    assert "안녕" not in log, "no message text"
    assert not [secret for secret in (DISCORD_TOKEN, TELEGRAM_TOKEN, "mina", "민지") if secret in log]
    assert "request_id=" in log
    assert log.rstrip().endswith("message=stopped")


async def test_wrong_token_is_one_clear_line_and_keeps_the_other_platform(tmp_path: Path) -> None:
    async with open_telegram_server() as telegram, open_discord_server() as discord:
        process = await start(
            tmp_path,
            OHLORA_DISCORD_TOKEN="MTIz.wrong.token",
            OHLORA_DISCORD_API_URL=discord.api_url,
            OHLORA_DISCORD_GATEWAY_URL=discord.gateway_url,
            OHLORA_TELEGRAM_TOKEN=TELEGRAM_TOKEN,
            OHLORA_TELEGRAM_API_URL=telegram.url,
        )
        try:
            line = await line_with(process, "discord is off")
            assert "OHLORA_DISCORD_TOKEN" in line
            assert "trying again in 60 s" in line
            user = TelegramUser(server=telegram, person=person(11))
            user.say("로라야 안녕!")
            assert len(await user.wait(1)) == 1
            process.send_signal(signal.SIGTERM)
            log = await finish(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0
    assert log.rstrip().endswith("message=stopped")
    assert "Traceback" not in log
    assert "MTIz.wrong.token" not in line + log
