"""Hand what happens on the device thread to the event loop of the task that waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from models.types import Generation

T = TypeVar("T")

_PAUSE_S = 0.03  # between two parts of a text: nobody reads faster, and each part interrupts the device thread


class Delivery(Generic[T]):
    """One result or error for one task; made on its event loop, resolved on the device thread."""

    def __init__(self) -> None:
        """Deliver to the running loop."""
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def resolve(self, result: T | Exception) -> None:
        """Hand the result to the loop, unless it or the task is gone."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set, result)

    def _set(self, result: T | Exception) -> None:
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Receiver:
    """Made on the event loop; its `on_…` methods are called on the device thread."""

    def __init__(
        self, on_text: Callable[[str], None] | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Pass new text to `on_text` on the running loop, some thirty times a second; `future` gets the generation or the error."""
        self._loop = asyncio.get_running_loop()
        self._on_text = on_text
        self._clock = clock
        self._held = ""
        self._passed_at = float("-inf")
        self.future: asyncio.Future[Generation] = self._loop.create_future()

    def on_text(self, text: str) -> None:
        """Pass on new visible text, or hold it back until there is more."""
        if self._on_text is None:
            return
        self._held += text
        if self._clock() - self._passed_at >= _PAUSE_S:
            self._pass_on()

    def on_finish(self, generation: Generation) -> None:
        """Deliver the rest of the text and the finished generation."""
        if self._held:
            self._pass_on()
        self._call(self._set_result, generation)

    def on_error(self, error: Exception) -> None:
        """Deliver the failure of the sequence."""
        self._call(self._set_error, error)

    def _pass_on(self) -> None:
        text, self._held, self._passed_at = self._held, "", self._clock()
        self._call(self._show, text)

    def _call(self, function: Callable[..., None], argument: object) -> None:
        if not self._loop.is_closed():  # the caller may be gone
            self._loop.call_soon_threadsafe(function, argument)

    def _show(self, text: object) -> None:
        if self._on_text is not None and not self.future.done():
            self._on_text(str(text))

    def _set_result(self, generation: Generation) -> None:
        if not self.future.done():  # cancelled while the last step ran
            self.future.set_result(generation)

    def _set_error(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)
