"""Check who gets into the dashboard, for how long, and what ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.answers import Rights
from bot.dashboard.signing import Signatures
from storage.community_settings import CommunitySettingsStore
from storage.database import Database
from storage.records import CommunityKey, CommunitySettings, UserKey
from tests.bot.conftest import NOW, FixedClock
from tests.bot.dashboard.visiting import House, hidden, open_house, plain
from tests.bot.handlers.lobby import MODERATOR, Lobby

ADMIN = UserKey(platform="discord", id="2")
HOUR = timedelta(hours=1)


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


# --- links ---


async def test_link_lets_its_account_in_once(house: House) -> None:
    link = await house.link("3003")
    browser = house.browser()
    assert (await browser.follow(link)).status_code == 303
    assert "discord 3003" in (await browser.text("/"))
    again = await house.browser().follow(link)
    assert again.status_code == 403
    assert "does not work" in again.text


async def test_looking_at_a_link_spends_nothing(house: House) -> None:
    link = await house.link("3003")
    for _ in range(3):  # Discord, Telegram and a virus scanner
        assert (await house.browser().get(link)).status_code == 200
    assert (await house.browser().client.head(link)).status_code == 200
    assert (await house.browser().follow(link)).status_code == 303


async def test_of_two_who_come_with_one_link_one_gets_in(house: House) -> None:
    link = await house.link("3003")
    answers = await asyncio.gather(*(house.browser().follow(link) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [403] * 7


async def test_link_lasts_five_minutes(house: House, clock: FixedClock) -> None:
    link = await house.link("3003")
    clock.advance(timedelta(minutes=5))
    assert (await house.browser().follow(link)).status_code == 403


async def test_new_link_takes_the_place_of_the_old(house: House) -> None:
    old = await house.link("3003")
    new = await house.link("3003")
    assert (await house.browser().follow(old)).status_code == 403
    assert (await house.browser().follow(new)).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "%00", "..%2f..%2f", "' OR 1=1 --", "%F0%9F%92%97" * 20])
async def test_forged_link_lets_nobody_in(house: House, token: str) -> None:
    await house.link("3003")
    browser = house.browser()
    page = await browser.get(await house.link("3003"))
    answer = await browser.client.post(f"/enter/{token}", data={"entry": hidden(page.text, "entry")})
    assert answer.status_code in (403, 404)
    assert not any(name for name in browser.client.cookies if name.endswith("ohlora"))


async def test_link_is_not_spent_by_a_form_of_another_site(house: House) -> None:
    link = await house.link("3003")
    own = house.browser()
    await own.get(link)
    assert (await own.client.post(link, data={"other": "field"})).status_code == 403
    assert (await own.client.post(link, data={"entry": "made up"})).status_code == 403
    other = await house.browser().get(link)
    assert (await own.client.post(link, data={"entry": hidden(other.text, "entry")})).status_code == 403
    assert (await house.browser().follow(link)).status_code == 303


async def test_attempts_are_counted_for_each_address(house: House, clock: FixedClock) -> None:
    guesser, other = house.browser(address="192.0.2.7"), house.browser(address="192.0.2.8")
    answers = [(await guesser.client.post("/enter/guess", data={"entry": "x"})).status_code for _ in range(12)]
    assert answers == [403] * 10 + [429] * 2
    assert (await other.follow(await house.link("3003"))).status_code == 303
    clock.advance(timedelta(seconds=60))
    assert (await guesser.client.post("/enter/guess", data={"entry": "x"})).status_code == 403


async def test_database_holds_no_token(house: House, database: Database) -> None:
    first, second = await house.link("3003"), await house.link("4004")
    browser = house.browser()
    await browser.follow(first)
    session = next(value for name, value in browser.client.cookies.items() if name == "ohlora").partition(".")[0]
    async with database.read() as reading:
        rows = (await reading.execute(text("SELECT * FROM dashboard_passes"))).all()
    assert len(rows) == 2
    for secret in (token_of(first), token_of(second), session):
        assert secret not in repr(rows)


async def test_row_alone_lets_nobody_in(house: House) -> None:
    """Whoever can write the database, but has no key, cannot make a cookie."""
    browser = await house.enter("3003")
    signed = browser.client.cookies["ohlora"]
    token, _, signature = signed.rpartition(".")
    stranger = house.browser()
    for forged in (
        token,
        f"{token}.",
        f"{token}.{'A' * len(signature)}",
        signed[:-1],
        f"{token}x.{signature}",
        "." * 40,
    ):
        stranger.client.cookies.set("ohlora", forged)
        assert (await stranger.get("/")).status_code == 401
    stranger.client.cookies.set("ohlora", signed)
    assert (await stranger.get("/")).status_code == 200


# --- who may ask ---


async def test_link_is_for_moderators_only(house: House) -> None:
    answer = await house.lobby.person("1001", community="9").run("dashboard")
    assert answer.address == ""
    assert answer.text == "You may not use this command."


async def test_moderator_sees_nothing_from_private(house: House) -> None:
    answer = await house.lobby.person("3003", rights=Rights()).run("dashboard")
    assert answer.address == ""


async def test_where_there_is_no_dashboard_the_command_says_so(lobby: Lobby) -> None:
    answer = await lobby.person("3003", community="9", rights=MODERATOR).run("dashboard")
    assert answer.address == ""
    assert "switched off" in answer.text


# --- sessions ---


async def test_without_a_session_no_page_is_shown(house: House) -> None:
    for path in ("/", "/cases/1", "/appeals", "/users/1001", "/charts", "/audit"):
        answer = await house.browser().get(path)
        assert (answer.status_code, "not signed in" in answer.text) == (401, True), path


async def test_session_ends_after_four_hours(house: House, clock: FixedClock) -> None:
    browser = await house.enter("3003")
    clock.advance(4 * HOUR - timedelta(seconds=1))
    assert (await browser.get("/")).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await browser.get("/")).status_code == 401


async def test_who_loses_the_role_is_out_at_once_and_stays_out(house: House) -> None:
    browser = await house.enter("3003")
    house.platform.known["3003", "9"] = Rights()
    answer = await browser.get("/")
    assert answer.status_code == 403
    assert "session was ended" in answer.text
    house.platform.known["3003", "9"] = MODERATOR
    assert (await browser.get("/")).status_code == 401


async def test_owner_who_is_none_any_more_is_out(house: House) -> None:
    browser = await house.owner()
    house.platform.known["1", None] = Rights(is_moderator=True, is_admin=True)
    assert (await browser.get("/")).status_code == 403


async def test_role_that_a_community_counts_as_moderator_is_enough(house: House, database: Database) -> None:
    key = CommunityKey(platform="discord", id="9")
    async with database.begin() as session:
        store = CommunitySettingsStore(session)
        await store.save(key, CommunitySettings(moderator_roles=("77",)), ADMIN, NOW)
    helper = Rights(roles=("77",))
    browser = await house.enter("3003", rights=helper)
    assert (await browser.get("/")).status_code == 200
    async with database.begin() as session:
        await CommunitySettingsStore(session).save(key, CommunitySettings(), ADMIN, NOW)
    assert (await browser.get("/")).status_code == 403


async def test_while_the_platform_does_not_answer_nobody_is_let_in_and_nobody_thrown_out(house: House) -> None:
    browser = await house.enter("3003")
    house.platform.is_away = True
    assert (await browser.get("/")).status_code == 503
    house.platform.is_away = False
    assert (await browser.get("/")).status_code == 200


async def test_revoking_ends_every_session_and_link(house: House) -> None:
    here, there, link = await house.enter("3003"), await house.enter("3003"), await house.link("3003")
    other = await house.enter("4004")
    person = house.lobby.person("3003", community="9", rights=MODERATOR)
    assert "sessions revoked: 3" in await person.ask("dashboard", action="revoke")
    assert [(await browser.get("/")).status_code for browser in (here, there, other)] == [401, 401, 200]
    assert (await house.browser().follow(link)).status_code == 403


async def test_leaving_ends_this_session_or_all(house: House) -> None:
    first, second, third = [await house.enter("3003") for _ in range(3)]
    left = await first.post("/leave")
    assert "You have left" in left.text
    assert [(await browser.get("/")).status_code for browser in (first, second, third)] == [401, 200, 200]
    await second.post("/leave", everywhere="yes")
    assert (await third.get("/")).status_code == 401


async def test_forgotten_user_has_no_session(house: House) -> None:
    browser = await house.enter("3003")
    person = house.lobby.person("3003")
    asked = await person.run("forgetme")
    label = next(button.label for row in asked.buttons for button in row)
    await person.press(asked, label)
    assert (await browser.get("/")).status_code == 401


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    browser = house.browser()
    answer = await browser.follow(await house.link("3003"))
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("ohlora="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


async def test_by_https_cookies_are_secure_and_of_this_host_only(database: Database, clock: FixedClock) -> None:
    house = open_house(database, clock, url="https://aurora.example")
    answer = await house.browser().follow(await house.link("3003"))
    cookie = next(value for value in answer.headers.get_list("set-cookie") if "ohlora=" in value)
    assert cookie.startswith("__Host-ohlora=")
    assert "Secure" in cookie
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


# --- forms ---


@pytest.mark.parametrize("path", ["/leave", "/language", "/cases/1"])
async def test_form_without_the_sessions_token_does_nothing(house: House, path: str) -> None:
    browser, other = await house.enter("3003"), await house.enter("4004")
    foreign = hidden(await other.text("/"), "csrf")
    for data in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "ü"}, {"csrf": browser.client.cookies["ohlora"]}):
        answer = await browser.client.post(path, data=data)
        assert answer.status_code in (403, 415), data
    assert (await browser.get("/")).status_code == 200


async def test_language_is_chosen_on_the_page(house: House) -> None:
    browser = await house.enter("3003")
    assert '<html lang="en">' in await browser.text("/")
    assert (await browser.post("/language", language="ko")).status_code == 303
    assert '<html lang="ko">' in await browser.text("/")
    assert (await browser.post("/language", language="xx")).status_code == 400
    assert (await browser.post("/language", language="<script>")).status_code == 400


async def test_page_at_the_door_speaks_the_browsers_language(house: House) -> None:
    korean = await house.browser().get("/", headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"})
    assert plain(korean.text).startswith("로그인이 필요해요")
    odd = await house.browser().get("/", headers={"accept-language": "<script>"})
    assert '<html lang="ko">' in odd.text


async def test_key_of_another_installation_opens_nothing(house: House) -> None:
    browser = await house.enter("3003")
    token = browser.client.cookies["ohlora"].rpartition(".")[0]
    browser.client.cookies.clear()
    browser.client.cookies.set("ohlora", Signatures(b"\1" * 32).sign(token, "session"))
    assert (await browser.get("/")).status_code == 401
