"""The dashboard served by uvicorn over a log that looks like a log, and a real Chromium to look at it with."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from bot.answers import Rights
from bot.dashboard.front_end import DashboardFrontEnd
from bot.dashboard.settings import dashboard_settings
from storage.appeals import AppealStore
from storage.database import Database, open_database
from storage.records import AppealState, Evidence, Sanction, SanctionKind, UserKey
from storage.sanctions import SanctionStore
from storage.settings import StorageSettings
from tests.bot.conftest import NOW, FixedClock
from tests.bot.dashboard.visiting import House, open_house
from tests.bot.handlers.lobby import MODERATOR, user_key
from tests.fakes import HATE, LOVE, NORMAL, PAEDRIP, POLITICS

MISSING = (
    "Chromium is not there: apt-get install chromium (Debian, Ubuntu: chromium-browser), or name one in OHLORA_CHROMIUM; "
    "the dashboard was not looked at with a browser"
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_EXPECTED = (
    "Failed to load resource",
    "htmx:sendAbort",
    "htmx:afterRequest",
)  # a refusal; a request that the next one replaced
PATIENCE_MS = 60_000  # on a machine that has other work
COMMUNITY = "9"
THRESHOLDS = {NORMAL: 0.5, LOVE: 0.98, POLITICS: 0.95, PAEDRIP: 0.9, HATE: 0.9}
_SAID = {
    LOVE: ("오로라야 나랑 사귈래?", "진짜 사랑해, 우리 만나자", "내 여자친구 해 줘"),
    POLITICS: ("너는 어느 당 지지해?", "다음 대통령 누가 될 것 같아?", "국회의원들 어떻게 생각해?"),
    PAEDRIP: ("너네 부모님이 그렇게 가르쳤냐", "부모 얼굴이 궁금하다"),
    HATE: ("저런 사람들은 다 사라져야 돼", "그 동네 애들은 다 도둑이야"),
}
_REPLIES = {LOVE: "미안, 그건 좀 부담스러워 😅", POLITICS: "미안, 정치 얘기는 부담돼서 안 할래 🙏"}
_LENGTHS = {LOVE: (None, 1, 24), POLITICS: (None, 72, 168), PAEDRIP: (168, 720), HATE: (24, 168, 2160)}


def find_chromium() -> str | None:
    """Return where Chromium is."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("OHLORA_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@dataclass(kw_only=True)
class Screen:
    """A page of a browser, and what it complained of."""

    page: Page
    house: House
    language: str = "en"
    complaints: list[str] = field(default_factory=list)

    async def enter(self, user: str = "5005", community: str | None = COMMUNITY, rights: Rights = MODERATOR) -> None:
        """Go in by a link, as a moderator does; some time after the one before, since attempts are counted."""
        self.house.lobby.clock.advance(timedelta(seconds=6))
        await self.page.goto(await self.house.link(user, community, rights, locale=self.language))
        await self.page.get_by_role("button").click()
        await self.page.wait_for_url(f"{self.house.url}/")

    async def go(self, path: str) -> None:
        await self.page.goto(self.house.url + path)

    async def widths(self) -> tuple[int, int]:
        """Return how wide the content is, and how wide the window."""
        content, window = await self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        return int(content), int(window)


@asynccontextmanager
async def open_screen(
    browser: Browser,
    house: House,
    *,
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
    language: str = "en",
    scripts: bool = True,
) -> AsyncIterator[Screen]:
    """Open a window of its own, with cookies of its own."""
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale="ko-KR" if language == "ko" else "en-GB",
        timezone_id="Asia/Seoul",
        java_script_enabled=scripts,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    screen = Screen(page=page, house=house, language=language)

    def listen(message: ConsoleMessage) -> None:
        is_expected = message.text.startswith(_EXPECTED)
        if message.type in ("error", "warning") and not is_expected:
            screen.complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: screen.complaints.append(str(error)))
    try:
        yield screen
    finally:
        await context.close()


@asynccontextmanager
async def open_chromium(path: str) -> AsyncIterator[Browser]:
    """Start Chromium without a window and with a fresh profile."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_served_house(folder: Path) -> AsyncIterator[House]:
    """Serve the dashboard over a fresh database on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with open_database(StorageSettings.for_data_dir(folder)) as database:
        house = open_house(database, FixedClock(NOW), url=f"http://127.0.0.1:{port}")
        front = DashboardFrontEnd(
            house.web, dashboard_settings(host="127.0.0.1", port=port, url="", hosts=""), house.warming.run
        )
        serving = asyncio.create_task(front.run(), name="dashboard under test")
        try:
            await front.serving.wait()
            yield house
        finally:
            await front.close()
            await serving


async def fill(database: Database, *, sanctions: int = 160, days: int = 75, seed: int = 3) -> None:
    """Write a log: what people said, over some weeks, some of it appealed and decided."""
    rng = random.Random(seed)
    moments = sorted(NOW - timedelta(days=days) * rng.random() for _ in range(sanctions))
    moderator = UserKey(platform="discord", id="5005")
    async with database.begin() as session:
        store, appeals = SanctionStore(session), AppealStore(session)
        for number, moment in enumerate(moments, start=1):
            case = await store.add(make_sanction(rng, number, moment))
            assert case.id is not None
            if number > sanctions - 40 and rng.random() < 0.12:
                await appeals.open(
                    case, "농담이었는데 오해가 생긴 것 같아요. 다시 봐 주세요.", moment + timedelta(hours=2)
                )
            elif case.kind is SanctionKind.BLOCK and rng.random() < 0.15:
                later = moment + timedelta(hours=1)
                reason = "맥락을 보니 오해였어요."
                await appeals.open(case, "그런 뜻이 아니었어요.", later)
                await store.overturn(case.id, moderator, reason, later)
                await appeals.decide(case.id, AppealState.GRANTED, moderator, reason, later)


def make_sanction(rng: random.Random, number: int, moment: datetime, users: int = 23) -> Sanction:
    """Make one sanction as the engine would have given it."""
    category = rng.choices((LOVE, POLITICS, PAEDRIP, HATE), (5, 4, 1, 2))[0]
    level = rng.choices((1, 2, 3), (6, 3, 1))[0]
    hours = _LENGTHS[category][min(level, len(_LENGTHS[category])) - 1]
    scores = {name: round(rng.uniform(0.02, 0.4), 3) for name in THRESHOLDS}
    scores[category] = round(rng.uniform(THRESHOLDS[category], 0.999), 3)
    return Sanction(
        user=user_key(str(100_000_000_000_000_000 + 7_919 * rng.randrange(users))),
        category=category,
        level=level,
        kind=SanctionKind.WARNING if hours is None else SanctionKind.BLOCK,
        started_at=moment,
        expires_at=None if hours is None else moment + timedelta(hours=hours),
        evidence=Evidence(
            text=rng.choice(_SAID[category]),
            reply=_REPLIES.get(category),
            scores=scores,
            thresholds=THRESHOLDS,
            profile="embedded",
            policy_version="2026-11-1",
            request_id=f"{number:016x}",
            declined=("미안",) if category in _REPLIES else None,
        ),
        community=COMMUNITY,
        rung_before=level - 1,
    )
