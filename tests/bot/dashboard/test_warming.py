"""Check what is done ahead: evidence is opened for who looks at the log, for nobody before, and it ends with the front end."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import httpx
import pytest

from bot.dashboard.front_end import DashboardFrontEnd
from bot.dashboard.pages import Pages
from bot.dashboard.settings import dashboard_settings
from bot.dashboard.warming import Warming
from storage.case_log import EvidenceSearch
from storage.database import Database
from storage.records import Scope
from storage.sanctions import SanctionStore
from tests.bot.conftest import SEOUL, FixedClock
from tests.bot.dashboard.visiting import House
from tests.bot.handlers.conftest import MakeCase

LIMIT_S = 60
WEEK = timedelta(days=7)


async def test_evidence_is_opened_for_the_scope_that_is_looked_at_and_for_nobody_before(
    database: Database, clock: FixedClock, make_case: MakeCase
) -> None:
    async with database.begin() as session:
        for community in ("9", "9", "8"):
            await SanctionStore(session).add(make_case(block=WEEK, community=community))
    search = EvidenceSearch()
    warming = Warming(database, search, Pages(locale="ko", zone=SEOUL), clock)
    running = asyncio.create_task(warming.run())
    async with asyncio.timeout(LIMIT_S):
        warming.expect_search(Scope(platform="somewhere else"))
        await warming.settled()
        assert search.size == 0
        warming.expect_search(Scope(platform="discord", community="9"))
        await warming.settled()
        assert search.size == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_words_are_found_by_a_search_after_the_log_was_looked_at(
    house: House, make_case: MakeCase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await house.lobby.sanction(make_case(block=WEEK, community="9"))
    front = DashboardFrontEnd(
        house.web, dashboard_settings(host="127.0.0.1", port=0, url="", hosts=""), house.warming.run
    )
    serving = asyncio.create_task(front.run())
    async with asyncio.timeout(LIMIT_S):
        await front.serving.wait()
        browser = await house.enter("5005")
        await browser.get("/")
        await house.warming.settled()
        assert "/cases/1" in await browser.text("/?q=부담")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{front.port}") as client:
            assert (await client.get("/")).status_code == 401
        await front.close()
        await serving
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "dashboard warming"]
    assert not [line for line in caplog.messages if "were not prepared" in line or "not opened ahead" in line]
