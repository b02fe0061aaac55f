"""Check the dashboard as a front end: served by uvicorn in our loop, stopped in order, and hard to fool with raw bytes."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.dashboard.front_end import DashboardFrontEnd
from bot.dashboard.settings import DashboardSettings, dashboard_settings
from bot.errors import FrontEndError
from tests.bot.dashboard.visiting import House

LIMIT_S = 60


def settings(port: int) -> DashboardSettings:
    return dashboard_settings(host="127.0.0.1", port=port, url="", hosts="")


@pytest.fixture
async def front(house: House) -> AsyncIterator[DashboardFrontEnd]:
    front = DashboardFrontEnd(house.web, settings(0))
    serving = asyncio.create_task(front.run())
    async with asyncio.timeout(LIMIT_S):
        await front.serving.wait()
        yield front
        await front.close()
        await serving


async def ask(front: DashboardFrontEnd, raw: bytes) -> bytes:
    """Send bytes as they are; return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(raw)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def request(target: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", *headers, "Connection: close", "", ""]).encode()


async def test_it_answers_and_leaves_signals_alone(front: DashboardFrontEnd) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{front.port}") as client:
        answer = await client.get("/")
    assert answer.status_code == 401
    assert "server" not in answer.headers
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


async def test_port_that_is_taken_is_a_clear_line_and_ends_nothing_else(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FrontEndError, match=f"port {port}.*OHLORA_DASHBOARD_PORT"):
            await DashboardFrontEnd(house.web, settings(port)).run()


async def test_it_can_be_closed_before_it_runs_and_run_again_after(house: House) -> None:
    front = DashboardFrontEnd(house.web, settings(0))
    await front.close()
    for _ in range(2):
        serving = asyncio.create_task(front.run())
        async with asyncio.timeout(LIMIT_S):
            await front.serving.wait()
            await front.close()
            await serving


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (request("/", "Host: evil.example"), b"421"),
        (request("/"), b"400"),
        (request("/", "Host: localhost", "Host: evil.example"), b"400"),
        (request("http://evil.example/", "Host: localhost"), b"404"),
        (request("//evil.example/", "Host: localhost"), b"404"),
        (request("/cases/1/../../audit", "Host: localhost"), b"404"),
        (request("/static/../app.py", "Host: localhost"), b"404"),
        (request("/%2e%2e/%2e%2e/etc/passwd", "Host: localhost"), b"404"),
        (request("*", "Host: localhost", method="OPTIONS"), b"405"),
        (request("/leave", "Host: localhost", "Content-Length: 99999999", method="POST"), b"413"),
        (request("/leave", "Host: localhost", "Content-Length: 5", "Content-Length: 6", method="POST"), b"400"),
        (
            request("/leave", "Host: localhost", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST")
            + b"0\r\n\r\n",
            b"4",
        ),
        (request("/", "Host: localhost", f"X-Long: {'a' * 100_000}"), b"4"),
        (request("/", "Host: localhost", "Upgrade: websocket", "Connection: upgrade"), b"401"),
        (b"GET / HTTP/1.1\nHost: localhost\nX: \x00\n\n", b"400"),
        (b"\x16\x03\x01\x00\xa5\x01", b"400"),
    ],
)
async def test_odd_bytes_get_a_refusal(front: DashboardFrontEnd, raw: bytes, status: bytes) -> None:
    answer = await ask(front, raw)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
    assert b"Traceback" not in answer
    assert b"set-cookie" not in answer.lower()


async def test_name_in_a_header_does_not_split_an_answer(front: DashboardFrontEnd) -> None:
    answer = await ask(front, request("/?q=%0d%0aSet-Cookie:%20x=1", "Host: localhost"))
    assert b"x=1" not in answer.partition(b"\r\n\r\n")[0]
