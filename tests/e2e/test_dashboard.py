"""The dashboard in a real Chromium: going in, filtering, deciding, with the keyboard alone, on a phone, in the dark."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.bot.dashboard.visiting import House
from tests.bot.handlers.lobby import OWNER
from tests.e2e.dashboard_rig import (
    MISSING,
    PATIENCE_MS,
    Screen,
    fill,
    find_chromium,
    open_chromium,
    open_screen,
    open_served_house,
)

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(find_chromium() is None, reason=MISSING),
]
expect.set_options(timeout=PATIENCE_MS)
PATHS = ("/", "/cases/150", "/appeals", "/charts", "/audit", "/?state=lifted&q=nothing", "/nowhere")
SCRIPT = '<script>window.__xss = 1</script><img src=x onerror="window.__xss = 1">'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("dashboard")
    async with open_served_house(folder) as house:
        await fill(house.lobby.database)
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_chromium(find_chromium() or "") as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def screen(browser: Browser, house: House) -> AsyncIterator[Screen]:
    async with open_screen(browser, house) as screen:
        yield screen
        assert screen.complaints == []


async def test_link_opens_the_log_and_works_once(screen: Screen, house: House) -> None:
    page, link = screen.page, await house.link("5005")
    await page.goto(link)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Enter the moderators' page")
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sanction log")
    await expect(page.get_by_role("table", name="Sanction log").get_by_role("row")).to_have_count(51)
    await page.goto(link)
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link does not work")


async def test_filter_answers_while_it_is_typed_and_chosen(screen: Screen) -> None:
    await screen.enter()
    page = screen.page
    await page.get_by_label("Words in the evidence").fill("부모")
    await expect(page).to_have_url(re.compile("q=%EB%B6%80"))
    await expect(page.locator(".case-row .said").nth(1)).to_contain_text("부모")
    await page.get_by_label("State").select_option("overturned")
    await expect(page.locator("#results .badge:not(.state-overturned)")).to_have_count(0)
    await expect(page).to_have_url(re.compile("state=overturned"))
    await expect(page.locator("#found")).to_contain_text("found")
    await page.reload()
    assert await page.get_by_label("Words in the evidence").input_value() == "부모"
    assert await page.get_by_label("State").input_value() == "overturned"


async def test_older_pages_are_reached_without_scripts_too(browser: Browser, house: House) -> None:
    async with open_screen(browser, house, scripts=False) as screen:
        await screen.enter()
        page = screen.page
        await page.get_by_role("link", name="Older").click()
        await expect(page.get_by_role("link", name="#110")).to_be_visible()
        await page.get_by_label("State").select_option("expired")
        await page.get_by_role("button", name="Search").click()
        await page.wait_for_url("**/?*state=expired*")
        assert set(await page.locator("#results .badge").all_inner_texts()) == {"expired"}


async def test_case_is_decided_with_the_keyboard_alone(screen: Screen, house: House) -> None:
    await screen.enter()
    page, keys = screen.page, screen.page.keyboard
    await keys.press("Tab")
    assert await focused(screen) == "Skip to the content"
    await keys.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.get_by_label("State").focus()
    await page.get_by_label("State").select_option("active")
    await page.get_by_label("Kind").select_option("block")
    await expect(page.locator("#results .kind-warning")).to_have_count(0)
    for _ in range(30):
        await keys.press("Tab")
        if (await focused(screen)).startswith("#"):
            break
    number = await focused(screen)
    await keys.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(number)
    for _ in range(30):
        await keys.press("Tab")
        if await focused(screen) == "Lift":
            break
    await keys.press("Enter")
    await keys.press("Tab")
    await keys.type("오해였어요")
    await keys.press("Tab")
    assert await focused(screen) == "Lift"
    await keys.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text(number)
    await expect(page.locator("h1 .badge")).to_have_text("lifted")


async def focused(screen: Screen) -> str:
    text = await screen.page.evaluate("document.activeElement.innerText || document.activeElement.id")
    return str(text).strip()


async def test_appeal_is_upheld_from_the_queue(screen: Screen) -> None:
    await screen.enter("6006")
    await screen.go("/appeals")
    page = screen.page
    waiting = await page.get_by_role("article").count()
    assert waiting > 0
    first = page.get_by_role("article").first
    await first.get_by_label("Reason (the user gets it)").fill("다시 봐도 같은 결론이에요")
    await first.get_by_role("button", name="Uphold").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await expect(page.locator(".timeline")).to_contain_text("다시 봐도 같은 결론이에요")
    await screen.go("/appeals")
    await expect(page.get_by_role("article")).to_have_count(waiting - 1)


@pytest.mark.parametrize("language", ["ko", "en"])
async def test_phone_of_360_pixels_has_nothing_to_scroll_sideways(
    browser: Browser, house: House, language: str
) -> None:
    async with open_screen(browser, house, width=360, height=740, language=language) as screen:
        await screen.enter("5005" if language == "ko" else "7007")
        for path in PATHS:
            await screen.go(path)
            content, window = await screen.widths()
            assert content <= window, (path, content)
        assert screen.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_to_object_to(browser: Browser, house: House, dark: bool) -> None:
    """Light is looked at for everything, dark for what may differ from it: the colours."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": ["cat.color"]} if dark else {})
    async with open_screen(browser, house, dark=dark) as screen:
        await screen.enter("1", None, OWNER)
        for path in ("/", "/cases/150", "/appeals", "/charts", "/audit"):
            await screen.go(path)
            for summary in await screen.page.locator("summary").all() if path == "/cases/150" else []:
                await summary.click()
            found = await Axe().run(screen.page, options=options)
            assert found.response["passes"]
            assert found.violations_count == 0, (path, found.generate_report())
        assert screen.complaints == []


async def test_dark_is_dark(browser: Browser, house: House) -> None:
    shades = []
    for dark in (False, True):
        async with open_screen(browser, house, dark=dark) as screen:
            await screen.enter()
            shades.append(await screen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shades == ["rgb(246, 244, 251)", "rgb(15, 10, 32)"]


async def test_stored_script_never_runs(screen: Screen) -> None:
    page = screen.page
    await screen.enter("8008")
    await screen.go("/cases/149")
    for summary in await page.locator("summary").all():
        await summary.click()
    form = page.locator("details", has=page.get_by_role("button", name="Overturn"))
    await form.get_by_label("Reason").fill(SCRIPT)
    await form.get_by_role("button", name="Overturn").click()
    await expect(page.locator(".timeline")).to_contain_text("<script>")
    for path in ("/", "/cases/149", "/audit", "/?q=%3Cscript%3Ewindow.__xss%3D1%3C/script%3E"):
        await screen.go(path)
        assert await page.evaluate("window.__xss") is None


async def test_policy_stops_a_script_that_got_in(browser: Browser, house: House) -> None:
    """What no test has found: should markup get into a page, the browser still runs none of it."""
    async with open_screen(browser, house) as screen:
        await screen.enter()
        await screen.page.evaluate(
            "markup => { const made = document.createElement('div'); made.innerHTML = markup; document.body.append(made);"
            " const script = document.createElement('script'); script.textContent = 'window.__xss = 1';"
            " document.body.append(script); }",
            '<img src="/nowhere" onerror="window.__xss = 1">',
        )
        await screen.page.wait_for_timeout(300)
        assert await screen.page.evaluate("window.__xss") is None
        assert any("Content Security Policy" in complaint for complaint in screen.complaints)


async def test_cookie_is_out_of_reach_of_the_page(screen: Screen) -> None:
    await screen.enter()
    assert await screen.page.evaluate("document.cookie") == ""


async def test_language_is_switched_on_the_page(screen: Screen) -> None:
    await screen.enter()
    await screen.page.get_by_role("button", name="한국어").click()
    await expect(screen.page.get_by_role("heading", level=1)).to_have_text("제재 기록")
    assert await screen.page.locator("html").get_attribute("lang") == "ko"
