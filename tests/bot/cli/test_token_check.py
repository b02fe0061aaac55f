"""Check what is said of tokens, by asking the platforms that stand on loopback; and that no token is ever shown."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

import main
from bot.cli.token_check import TokenState, ask, ask_all
from tests.e2e.discord_server import DiscordServer, open_discord_server
from tests.e2e.telegram_server import TelegramServer, open_telegram_server

DISCORD_TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with open_discord_server() as server:
        server.world.tokens.add(DISCORD_TOKEN)
        yield server


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with open_telegram_server() as server:
        yield server


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The address of a server that is no platform: it greets, and on one path it never answers."""
    over = asyncio.Event()

    async def greet(request: web.Request) -> web.Response:
        if request.path.startswith("/slow"):
            await over.wait()
        return web.json_response(["hello"])

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", greet)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    over.set()
    await runner.cleanup()


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


async def test_token_that_is_taken_comes_with_the_name_of_its_bot(
    discord: DiscordServer, telegram: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = {"discord": DISCORD_TOKEN, "telegram": telegram.token}
    answers = await ask_all(tokens, {"discord": discord.api_url, "telegram": f"{telegram.url}/"})
    assert [answer.state for answer in answers] == [TokenState.TAKEN, TokenState.TAKEN]
    assert answers[0].text == discord.world.bot.name
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("aiohttp")]  # the servers'
    assert not [token for token in tokens.values() if token in "".join(logged)]
    assert (discord.world.violations, telegram.violations) == ([], [])


async def test_token_that_is_refused_is_told_without_it(discord: DiscordServer, telegram: TelegramServer) -> None:
    answers = [
        await ask("discord", DISCORD_TOKEN.lower(), discord.api_url),
        await ask("telegram", telegram.token.swapcase(), telegram.url),
    ]
    assert [answer.state for answer in answers] == [TokenState.REFUSED, TokenState.REFUSED]
    assert [answer.text for answer in answers] == ["127.0.0.1 refuses it (401)"] * 2


@pytest.mark.parametrize("platform", ["discord", "telegram"])
async def test_platform_that_is_not_there_and_one_that_is_another_are_told_apart(
    platform: str, nowhere: str, elsewhere: str
) -> None:
    gone = await ask(platform, DISCORD_TOKEN, nowhere)
    assert (gone.state, gone.text) == (TokenState.UNREACHED, "127.0.0.1 cannot be reached (ConnectError)")
    odd = await ask(platform, DISCORD_TOKEN, elsewhere)
    assert (odd.state, odd.text) == (TokenState.ODD, "127.0.0.1 answered 200, and no name")
    slow = await ask(platform, DISCORD_TOKEN, f"{elsewhere}/slow", timeout_s=0.05)
    assert slow.state is TokenState.UNREACHED
    assert DISCORD_TOKEN not in gone.text + odd.text + slow.text


async def examined(options: list[str], code: int, capfd: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """Run the doctor beside the servers; return what it says of tokens. No token may be in what it writes."""
    assert await asyncio.to_thread(main.main, ["doctor", "--json", *options]) == code
    written = capfd.readouterr()
    assert DISCORD_TOKEN not in written.out + written.err
    return [finding for finding in json.loads(written.out) if finding["part"] == "tokens"]


async def test_doctor_asks_the_configured_addresses_and_not_when_offline(
    discord: DiscordServer,
    telegram: TelegramServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OHLORA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OHLORA_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("OHLORA_DISCORD_TOKEN", DISCORD_TOKEN)
    monkeypatch.setenv("OHLORA_DISCORD_API_URL", discord.api_url)
    monkeypatch.setenv("OHLORA_TELEGRAM_TOKEN", telegram.token.swapcase())
    monkeypatch.setenv("OHLORA_TELEGRAM_API_URL", telegram.url)
    one, other = await examined([], 1, capfd)
    assert (one["health"], one["text"]) == ("ok", f"discord takes it, as {discord.world.bot.name}")
    assert (other["health"], other["text"]) == ("broken", "telegram's: 127.0.0.1 refuses it (401)")
    assert "docs/telegram.md" in other["mend"]
    before = len(discord.world.requests)
    assert [finding["health"] for finding in await examined(["--offline"], 0, capfd)] == ["ok", "ok"]
    assert len(discord.world.requests) == before
