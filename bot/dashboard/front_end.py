"""The dashboard as a front end: uvicorn inside our loop, beside the platforms, stopped with them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from bot.dashboard.settings import DashboardSettings
from bot.errors import FrontEndError

_log = logging.getLogger(__name__)
_BACKLOG, _MOST_CONNECTIONS = 64, 200
_STOP_S = 3  # for answers that are on their way


class DashboardFrontEnd:
    """Serves the web app until it is cancelled or closed."""

    def __init__(
        self, web: ASGIApp, settings: DashboardSettings, warm: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        """Serve `web` where `settings` say; `warm` runs beside it, from when it is served to when it no longer is."""
        self._web = web
        self._warm = warm
        self._settings = settings
        self._server: _Server | None = None
        self._ended = asyncio.Event()
        self.serving = asyncio.Event()
        self.port = settings.port  # the one that was given, where the settings ask for any (0)

    async def run(self) -> None:
        """Listen and serve.

        Raises:
            FrontEndError: the address is taken, or not this machine's.
        """
        listening = self._listen()
        config = uvicorn.Config(
            self._web,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # a header that anybody can write says nothing about who comes
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=_STOP_S,
            limit_concurrency=_MOST_CONNECTIONS,
            backlog=_BACKLOG,
        )
        server = self._server = _Server(config)
        self._ended.clear()
        warming: list[asyncio.Task[None]] = []
        try:
            self.port = listening.getsockname()[1]
            self.serving.set()
            _log.info("dashboard: at %s", self._settings.url)
            if self._warm is not None:
                warming.append(asyncio.create_task(self._warm(), name="dashboard warming"))
            await server.serve([listening])
        finally:
            self.serving.clear()
            self._server = None
            listening.close()
            for task in warming:
                task.cancel()
            await asyncio.gather(*warming, return_exceptions=True)
            self._ended.set()

    async def close(self) -> None:
        """Let answers that are on their way go out, then stop listening."""
        if self._server is not None:
            self._server.should_exit = True
            await self._ended.wait()

    def _listen(self) -> socket.socket:
        """Open the socket ourselves: uvicorn would end the whole process where it cannot."""
        host, port = self._settings.host, self._settings.port
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            raise FrontEndError(
                f"the dashboard cannot listen on {host} port {port} ({error.strerror}): choose another by OHLORA_DASHBOARD_HOST "
                "and OHLORA_DASHBOARD_PORT, or switch it off by OHLORA_DASHBOARD_ENABLED=false"
            ) from error
        return listening


class _Server(uvicorn.Server):
    """Leaves the signals to `bot/signals.py`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
