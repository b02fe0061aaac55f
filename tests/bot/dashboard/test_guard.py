"""Check what holds for every request and every answer: names, methods, sizes, headers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.dashboard.guard import CONTENT_POLICY, MOST_BODY, host_name
from bot.dashboard.settings import dashboard_settings
from bot.errors import SettingsError
from tests.bot.dashboard.visiting import House

HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/enter/x", "/cases/abc", "/static/nowhere.js"])
async def test_every_answer_bears_the_headers(house: House, path: str) -> None:
    answer = await house.browser().get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_policy_allows_no_script_and_no_style_that_is_not_a_file_of_ours() -> None:
    assert "default-src 'none'" in CONTENT_POLICY
    assert "unsafe" not in CONTENT_POLICY
    assert "frame-ancestors 'none'" in CONTENT_POLICY


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[::1", "", "localhost:x"]
)
async def test_other_names_are_refused(house: House, host: str) -> None:
    browser = await house.enter("3003")
    answer = await browser.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "discord" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8710", "LOCALHOST", "localhost:9", "[::1]:8710", "127.0.0.1"])
async def test_its_own_names_are_known(house: House, host: str) -> None:
    browser = await house.enter("3003")
    assert (await browser.get("/", headers={"host": host})).status_code == 200


async def test_headers_that_anybody_can_write_change_nothing(house: House) -> None:
    browser = await house.enter("3003")
    told = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "forwarded": "host=evil.example",
        "x-original-url": "/audit",
        "x-rewrite-url": "/audit",
        "x-http-method-override": "DELETE",
    }
    answer = await browser.get("/", headers=told)
    assert answer.status_code == 200
    assert "evil.example" not in answer.text
    assert "strict-transport-security" not in answer.headers
    guesser = house.browser(address="192.0.2.7")
    codes = {
        (
            await guesser.client.post("/enter/x", data={"entry": "x"}, headers={"x-forwarded-for": f"10.0.0.{n}"})
        ).status_code
        for n in range(11)
    }
    assert 429 in codes


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
async def test_other_methods_are_refused(house: House, method: str) -> None:
    browser = await house.enter("3003")
    assert (await browser.client.request(method, "/")).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_form_from_another_site_is_refused(house: House, headers: dict[str, str]) -> None:
    browser = await house.enter("3003")
    assert (await browser.client.post("/leave", data={"csrf": "x"}, headers=headers)).status_code == 403
    assert (await browser.get("/")).status_code == 200


async def test_body_that_is_announced_too_large_is_refused(house: House) -> None:
    browser = await house.enter("3003")
    answer = await browser.client.post("/leave", content=b"csrf=" + b"a" * MOST_BODY)
    assert answer.status_code == 413


async def test_body_that_does_not_say_its_size_is_cut_off(house: House) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"csrf="
        for _ in range(10_000):
            yield b"a" * 1024

    browser = await house.enter("3003")
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await browser.client.post("/leave", content=endless(), headers=form)
    assert answer.status_code in (400, 413)
    assert (await browser.get("/")).status_code == 200


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 40, "0x10", "٣"])
async def test_size_that_is_no_size_is_refused(house: House, length: str) -> None:
    browser = await house.enter("3003")
    headers = {"content-length": length.encode(), "content-type": b"application/x-www-form-urlencoded"}
    assert (await browser.client.post("/leave", content=b"", headers=headers)).status_code == 413  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "multipart/form-data"])
async def test_body_that_is_no_form_is_refused(house: House, kind: str) -> None:
    browser = await house.enter("3003")
    answer = await browser.client.post("/leave", content=b'{"csrf": "x"}', headers={"content-type": kind})
    assert answer.status_code in (400, 415)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/htmx.LICENSE.txt",
        "/cases/٣",
        "/cases/99999999999999999999999",
        "/cases/-1",
        "/cases/1%00",
        "/users/",
        "/users/a/b",
        "/%2e%2e/",
        "/enter/",
    ],
)
async def test_odd_paths_lead_nowhere(house: House, path: str) -> None:
    browser = await house.enter("3003")
    answer = await browser.client.request("GET", path)
    assert answer.status_code == 404
    assert "import" not in answer.text


async def test_files_are_served_for_long_under_an_address_that_changes_with_them(house: House) -> None:
    page = (await house.browser().get("/")).text
    address = page.partition('href="/static/dashboard.css')[2].partition('"')[0]
    answer = await house.browser().get(f"/static/dashboard.css{address}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert (await house.browser().get("/static/dashboard.css")).headers["cache-control"] == "no-cache"


def test_pages_hold_no_inline_script_and_no_inline_style() -> None:
    from pathlib import Path

    import bot.dashboard

    templates = sorted((Path(bot.dashboard.__file__).parent / "templates").glob("*.html"))
    assert len(templates) > 5
    for template in templates:
        text = template.read_text(encoding="utf-8")
        assert " style=" not in text, template
        assert "<style" not in text, template
        assert text.count("<script") == text.count('<script src="{{ asset('), template
        assert not [word for word in text.split() if word.lower().startswith("on") and "=" in word], template
        assert "|safe" not in text, template


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a.example", "a.example"),
        ("A.EXAMPLE:80", "a.example"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("a:b", ""),
        ("]", ""),
    ],
)
def test_host_header_is_read(value: str, name: str) -> None:
    assert host_name(value) == name


def test_address_that_others_reach_needs_a_name() -> None:
    with pytest.raises(SettingsError, match="OHLORA_DASHBOARD_URL"):
        dashboard_settings(host="0.0.0.0", port=8710, url="", hosts="")
    settings = dashboard_settings(host="0.0.0.0", port=8710, url="https://aurora.example/", hosts="Inner.example, ")
    assert settings.url == "https://aurora.example"
    assert settings.names == {"aurora.example", "inner.example", "127.0.0.1", "localhost", "::1"}
    assert dashboard_settings(host="::1", port=1, url="", hosts="").url == "http://[::1]:1"
