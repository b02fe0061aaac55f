"""The one thread that owns the accelerator: it takes work from the event loop and shares its time among the batches."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from models.errors import DeviceClosed

_log = logging.getLogger(__name__)


class Worker(ABC):
    """Something that has work and advances by steps on the device thread."""

    @abstractmethod
    def has_work(self) -> bool:
        """Tell whether a step would do anything."""

    @abstractmethod
    def step(self) -> None:
        """Do a bounded piece of work; failures go to those who asked for it."""

    @abstractmethod
    def close(self, error: Exception) -> None:
        """Fail everything that is unfinished."""


class DeviceThread:
    """Runs steps of `workers` while any has work; sleeps otherwise.

    Workers share the thread's time, not its steps: the next step is of the one that has had least of it, so the long steps of one base
    do not hold up the short ones of another. One that had nothing to do gets no more for that.

    `async with DeviceThread(workers)` starts and stops it. Work enters as functions that run on the thread between steps.
    """

    def __init__(self, workers: Sequence[Worker], *, stop_timeout_s: float = 10.0) -> None:
        """Prepare the thread; it starts on entering the context."""
        self._workers = workers
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stop_timeout_s = stop_timeout_s
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)

    async def __aenter__(self) -> DeviceThread:
        """Start the thread."""
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop after the current step; what is unfinished fails with `DeviceClosed`."""
        self._closed = True
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join, self._stop_timeout_s)

    def submit(self, work: Callable[[], None]) -> None:
        """Run `work` on the thread before its next step.

        Raises:
            DeviceClosed: the thread has stopped.
        """
        if self._closed:
            raise DeviceClosed("the models are shut down")
        self._inbox.put(work)

    def _run(self) -> None:
        used = dict.fromkeys(self._workers, 0.0)  # seconds
        while self._take_in():
            busy = [worker for worker in self._workers if worker.has_work()]
            if not busy:
                continue
            worker = min(busy, key=used.__getitem__)
            for idle in used.keys() - set(busy):
                used[idle] = max(used[idle], used[worker])
            begun = time.perf_counter()
            try:
                worker.step()
            except Exception as error:
                _log.exception("a device step failed")
                worker.close(error)
            used[worker] += time.perf_counter() - begun
        for worker in self._workers:
            worker.close(DeviceClosed("the models are shut down"))

    def _take_in(self) -> bool:
        """Run what the inbox holds, waiting only when no worker has work; False means stop."""
        wait = not any(worker.has_work() for worker in self._workers)
        while True:
            try:
                work = self._inbox.get(block=wait)
            except queue.Empty:
                return True
            if work is None:
                return False
            work()
            wait = False
