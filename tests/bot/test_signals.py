"""Check what the first and the second signal do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.signals import ENDED_AT_ONCE, SIGNALS, stop_on_signals

ROOT = Path(__file__).resolve().parents[2]
STUBBORN = """
import asyncio
from bot.signals import stop_on_signals
async def main():
    with stop_on_signals() as stop:
        print("ready", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", SIGNALS)
async def test_first_signal_asks_to_stop(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(30):
            await stop.wait()


async def test_second_signal_ends_at_once() -> None:
    ended = asyncio.Event()
    with stop_on_signals(ended.set) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await stop.wait()
            assert not ended.is_set()
            os.kill(os.getpid(), signal.SIGINT)
            await ended.wait()


def test_second_signal_ends_a_process_that_hangs() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert process.returncode == ENDED_AT_ONCE
        assert "Traceback" not in err
    finally:
        process.kill()
        process.wait()
