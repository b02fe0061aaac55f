"""A reply while it is written: the engine's events on one side, texts at a polite pace on the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from bot.stream_pace import Cadence, StreamPace
from engine.types import ChatEvent, TextShown


class LiveText:
    """Gathers what is shown of one reply; `show` is its event sink, `versions` gives the texts to show."""

    def __init__(self, cadence: Cadence, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Pace the versions by `cadence`, in seconds of `monotonic`."""
        self._monotonic = monotonic
        self._pace = StreamPace(cadence, monotonic())
        self._text = ""
        self._is_finished = False
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        """What is written so far."""
        return self._text

    def show(self, event: ChatEvent) -> None:
        """Take new text, or take back all of it."""
        self._text = self._text + event.text if isinstance(event, TextShown) else ""
        self._changed.set()

    def finish(self) -> None:
        """End `versions`: the outcome is there and is sent as it is."""
        self._is_finished = True
        self._changed.set()

    def hold(self, seconds: float) -> None:
        """Give no version for `seconds`: the platform asked for it."""
        self._pace.hold(self._monotonic(), seconds)

    async def versions(self) -> AsyncIterator[str]:
        """Yield the text as far as it is written, whenever the pace allows; empty when it was taken back; end at `finish`."""
        while not self._is_finished:
            now = self._monotonic()
            if self._pace.is_due(now, len(self._text)):
                self._pace.note_shown(now, len(self._text))
                yield self._text
                continue
            wait_s = self._pace.wait_s(now)
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s or None):
                    await self._changed.wait()
