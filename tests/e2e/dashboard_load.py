"""Measure how long pages of the dashboard take over 10,000 sanctions of 2,000 users: `make dashboard-load`.

Each figure is that of one request through uvicorn and an HTTP client in the same process, so both count. CPU is the time that the
process computed for a request, on average: what it takes on a machine that has other work. The first search is made as soon as the
evidence was opened ahead, and how long that took beside the requests for the log is told.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import httpx

from storage.sanctions import SanctionStore
from tests.bot.conftest import NOW
from tests.bot.dashboard.visiting import Browser, House
from tests.bot.handlers.lobby import OWNER
from tests.e2e.dashboard_rig import make_sanction, open_served_house

SANCTIONS, USERS, RUNS = 10_000, 2_000, 15
PATHS = {
    "log, first page": "/",
    "log, a late page": "/?before=200",
    "by state": "/?state=expired",
    "by user": "/?user=100000000000007919",
    "by category and days": "/?category=정치&since=2026-01-01&until=2026-02-01",
    "words that many said": "/?q=대통령",
    "words that nobody said": "/?q=없는 말이야",
    "case": "/cases/5000",
    "charts, 30 days": "/charts",
    "charts, 52 weeks": "/charts?span=year",
    "audit": "/audit",
}
FIRST_SEARCH = "words that many said"


async def measure(folder: Path) -> None:
    """Fill a log and time every page."""
    async with open_served_house(folder) as house:
        await fill(house)
        async with httpx.AsyncClient(base_url=house.url, timeout=600) as client:
            browser = Browser(client=client)
            await browser.follow(await house.link("1", None, OWNER))
            entered = time.perf_counter()
            print(
                f"{SANCTIONS} sanctions of {USERS} users; milliseconds, median and slowest of {RUNS}; the first apart; CPU"
            )
            for name, path in PATHS.items():
                if name == FIRST_SEARCH:
                    await house.warming.settled()
                    print(f"evidence was opened {time.perf_counter() - entered:.1f} s after entering")
                before = time.process_time()
                took = [await timed(browser, path) for _ in range(RUNS + 1)]
                cpu = (time.process_time() - before) * 1000 / (RUNS + 1)
                first, rest = took[0], sorted(took[1:])
                print(
                    f"{name:26} {statistics.median(rest):7.1f} {rest[-1]:7.1f}   first {first:7.1f}   CPU {cpu:6.1f}",
                    flush=True,
                )


async def timed(browser: Browser, path: str) -> float:
    """Return how many milliseconds a page takes."""
    begun = time.perf_counter()
    answer = await browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return (time.perf_counter() - begun) * 1000


async def fill(house: House) -> None:
    """Write the log."""
    rng = random.Random(1)
    moments = sorted(NOW - timedelta(days=350) * rng.random() for _ in range(SANCTIONS))
    async with house.lobby.database.begin() as session:
        store = SanctionStore(session)
        for number, moment in enumerate(moments, start=1):
            await store.add(make_sanction(rng, number, moment, users=USERS))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data:
        asyncio.run(measure(Path(data)))
