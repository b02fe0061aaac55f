"""The gateway of the fake: HELLO, IDENTIFY, READY, heartbeats, RESUME with replay, and dropped connections."""

from __future__ import annotations

import asyncio
import json

from aiohttp import WSMsgType, web

from tests.e2e.discord_objects import Json, guild_json
from tests.e2e.discord_world import World

_PRIVILEGED = 1 << 15 | 1 << 1 | 1 << 8


class Gateway:
    """Speaks with one bot. Events are numbered and kept, so that a resumed session gets what it missed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._socket: web.WebSocketResponse | None = None
        self._events: list[Json] = []
        self.url = ""
        self.identified = 0
        self.resumed = 0
        self.intents = 0
        self.close_code: int | None = None  # refuse every IDENTIFY with this code
        self.is_down = False
        self.forgets_sessions = False
        self.ready = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def emit(self, event: str, data: Json) -> None:
        """Send an event, or keep it for when the bot is back."""
        message = {"op": 0, "t": event, "s": len(self._events) + 1, "d": data}
        self._events.append(message)
        if self._socket is not None and not self._socket.closed and self.ready.is_set():
            task = asyncio.ensure_future(self._send(self._socket, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def again(self, count: int = 1) -> None:
        """Send the last events a second time, under their old numbers."""
        for message in self._events[-count:]:
            if self._socket is not None:
                task = asyncio.ensure_future(self._send(self._socket, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def drop(self, code: int = 4000) -> None:
        """Close the connection under the bot."""
        self.ready.clear()
        if self._socket is not None:
            await self._socket.close(code=code)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection."""
        if self.is_down:
            return web.Response(status=502)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self._send(socket, {"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._take(socket, json.loads(message.data))
        return socket

    async def _send(self, socket: web.WebSocketResponse, message: Json) -> None:
        try:
            await socket.send_str(json.dumps(message))
        except (ConnectionError, RuntimeError):
            return

    async def _take(self, socket: web.WebSocketResponse, message: Json) -> None:
        data = message.get("d")
        match message["op"]:
            case 1:
                await self._send(socket, {"op": 11, "d": None, "s": None, "t": None})
            case 2 if data is not None:
                await self._identify(socket, data)
            case 6 if data is not None:
                await self._resume(socket, data)

    async def _identify(self, socket: web.WebSocketResponse, data: Json) -> None:
        self.intents = data["intents"]
        if data["token"] not in self._world.tokens:
            await socket.close(code=4004)
            return
        asks_content = bool(self.intents & 1 << 15)
        if self.close_code is not None or (asks_content and not self._world.has_message_content):
            await socket.close(code=self.close_code or 4014)
            return
        self.identified += 1
        self._socket = socket
        self._events.clear()
        world = self._world
        ready = {
            "v": 10,
            "user": world.bot.user(),
            "guilds": [{"id": world.guild_id, "unavailable": True}],
            "session_id": f"session-{self.identified}",
            "resume_gateway_url": self.url,
            "application": {"id": world.application_id, "flags": 0},
        }
        channels = [channel for channel in world.channels.values() if channel.guild is not None]
        self.ready.set()
        self.emit("READY", ready)
        self.emit("GUILD_CREATE", guild_json(world.guild_id, world.owner, world.bot, channels))
        world.tell()

    async def _resume(self, socket: web.WebSocketResponse, data: Json) -> None:
        if self.forgets_sessions:
            self.forgets_sessions = False
            await self._send(socket, {"op": 9, "d": False, "s": None, "t": None})
            return
        self.resumed += 1
        self._socket = socket
        for message in self._events[data["seq"] :]:
            await self._send(socket, message)
        self.ready.set()
        self.emit("RESUMED", {})
        self._world.tell()
