"""A Bot API server on loopback: real long polling, chats, messages, buttons, commands, and faults when a test wants them.

It is stricter than Telegram: what breaks the specification or a limit is answered with 400 and stays in `violations`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.e2e.telegram_spec import check_limits, load_spec
from tests.e2e.telegram_world import BOT, TOKEN, Refusal, World

Params = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that the bot made, with the status it was answered with and the loop's time."""

    method: str
    params: Params
    files: dict[str, bytes]
    status: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a call is answered with in place of its result. `after` says that the call is carried out all the same."""

    status: int
    retry_after: int | None = None
    after: bool = False


@dataclass(kw_only=True)
class TelegramServer:
    """The server. `fault_for` is asked at every call but getUpdates; `down` drops every connection, and the answers to
    `silent_method` never come, although it is carried out. So many first polls as `silent_polls` says are never answered.
    """

    world: World = field(default_factory=World)
    calls: list[Call] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    fault_for: Callable[[str, Params], Fault | None] = lambda _method, _params: None
    poll_fault: Fault | None = None
    down: bool = False
    token: str = TOKEN
    url: str = ""
    polls: int = 0
    refused_connections: int = 0
    silent_method: str = ""
    silent_polls: int = 0
    patience_s: float = 60.0  # of `until`

    def __post_init__(self) -> None:
        self._changed = asyncio.Condition()
        self._bans: dict[Any, float] = {}
        self.world.on_update = self._wake

    def made(self, method: str) -> list[Call]:
        """Return the calls of a method that were answered with its result."""
        return [call for call in self.calls if call.method == method and call.status == 200]

    async def until(self, condition: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until `condition` gives something true, looking again after every call; return it."""
        async with asyncio.timeout(timeout or self.patience_s), self._changed:
            while not (found := condition()):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.25)  # also for what is no call
            return found

    async def texts(self, chat: int, count: int, timeout: float | None = None) -> list[str]:
        """Wait until the bot has `count` messages in a chat, and return their texts or captions."""
        await self.until(lambda: len(self.world.texts(chat)) >= count, timeout)
        return self.world.texts(chat)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer `/bot<token>/<method>`."""
        if self.down:
            self.refused_connections += 1
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        if request.match_info["token"] != self.token:
            return _error(401, "Unauthorized")
        method = request.match_info["method"]
        params, files = await _read(request, method)
        if method == "getUpdates":
            return await self._get_updates(params)
        response = self._answer(method, params, files)
        at = asyncio.get_running_loop().time()
        self.calls.append(Call(method=method, params=params, files=files, status=response.status, at=at))
        await self._wake_all()
        if method == self.silent_method:
            await asyncio.sleep(3600)
        return response

    def _answer(self, method: str, params: Params, files: dict[str, bytes]) -> web.Response:
        spec = load_spec()
        found = list(check_limits(method, params))
        if spec is not None:
            found += spec.check_call(method, params, set(files))
        if found:
            self.violations += found
            return _error(400, f"Bad Request: {found[0]}")
        now = asyncio.get_running_loop().time()
        chat = params.get("chat_id")
        if self._bans.get(chat, now) > now + 0.05:
            self.violations.append(f"{method}: chat {chat} was called before its retry_after was over")
        fault = self.fault_for(method, params)
        if fault is not None and fault.retry_after is not None and chat is not None:
            self._bans[chat] = now + fault.retry_after
        if fault is not None and not fault.after:
            return _fault(fault)
        try:
            result = self.world.run(method, params, files)
        except Refusal as refusal:
            return _error(refusal.status, refusal.description)
        if spec is not None:
            self.violations += spec.check_result(method, result)
        return _fault(fault) if fault is not None else _ok(result)

    async def _get_updates(self, params: Params) -> web.Response:
        """Hold the poll until there is an update, its timeout is over, or another poll takes its place (409)."""
        self.polls += 1
        mine = self.polls
        await self._wake_all()
        if self.poll_fault is not None:
            return _fault(self.poll_fault)
        if mine <= self.silent_polls:
            await asyncio.sleep(3600)
        self.world.confirm(int(params.get("offset", 0)))
        allowed = params.get("allowed_updates")
        ready: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(float(params.get("timeout", 0))), self._changed:
                while not (ready := self.world.pending(allowed)) and mine == self.polls and not self.down:
                    await self._changed.wait()
        except TimeoutError:
            pass
        if mine != self.polls:
            return _error(409, "Conflict: terminated by other getUpdates request")
        if self.down:
            return _error(502, "Bad Gateway")
        spec = load_spec()
        if spec is not None:
            for update in ready:
                self.violations += spec.check_object("Update", update)
        return _ok(ready[: int(params.get("limit", 100))])

    def go_down(self) -> None:
        """Drop every connection from now on."""
        self.down = True
        self._wake()

    def _wake(self) -> None:
        self._waking = asyncio.create_task(self._wake_all(), name="telegram server: something changed")

    async def _wake_all(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _read(request: web.Request, method: str) -> tuple[Params, dict[str, bytes]]:
    """Read a form or a multipart body; fields other than text are JSON."""
    params: Params = {}
    files: dict[str, bytes] = {}
    spec = load_spec()
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = value.file.read()
        else:
            text = value if isinstance(value, str) else value.decode()
            params[name] = spec.parse(method, name, text) if spec is not None else _guess(name, text)
    return params, files


def _guess(name: str, text: str) -> Any:
    if name in ("text", "caption", "photo", "document", "action", "callback_query_id", "language_code"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _error(status: int, description: str, **parameters: Any) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)


def _fault(fault: Fault) -> web.Response:
    if fault.retry_after is not None:
        text = f"Too Many Requests: retry after {fault.retry_after}"
        return _error(429, text, retry_after=fault.retry_after)
    return _error(fault.status, "Internal Server Error" if fault.status >= 500 else "Unauthorized")


@asynccontextmanager
async def open_telegram_server(server: TelegramServer | None = None) -> AsyncIterator[TelegramServer]:
    """Serve on a free port of loopback."""
    server = server or TelegramServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/bot{token}/{method}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        server.go_down()
        await runner.cleanup()


__all__ = ["BOT", "Call", "Fault", "TelegramServer", "open_telegram_server"]
