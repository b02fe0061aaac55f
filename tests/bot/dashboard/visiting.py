"""The dashboard over a real database, with a platform whose rights a test decides, and a browser without a window: an HTTP client."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
from starlette.types import ASGIApp

from bot.answers import Announcement, Answer, Rights
from bot.dashboard.build import build_dashboard
from bot.dashboard.settings import dashboard_settings
from bot.dashboard.warming import Warming
from bot.handlers.communities import PersonaDefaults
from bot.handlers.reception import Reception, ReceptionSettings
from storage.database import Database
from storage.records import UserKey
from tests.bot.conftest import SEOUL, FixedClock
from tests.bot.handlers.lobby import MODERATOR, OWNER, Lobby
from tests.fakes import NORMAL, make_firewall

URL = "http://127.0.0.1:8710"
COMMUNITY = "9"
KEY = bytes(range(32))


@dataclass(kw_only=True)
class Platform:
    """Says what people may do, as a front end would: by user and community."""

    known: dict[tuple[str, str | None], Rights] = field(default_factory=dict)
    is_away: bool = False
    announced: list[Announcement] = field(default_factory=list)

    async def rights_of(self, user: UserKey, community: str | None) -> Rights | None:
        return None if self.is_away else self.known.get((user.id, community), Rights())

    async def announce(self, answer: Answer) -> None:
        self.announced += answer.announcements


@dataclass(kw_only=True)
class House:
    """The dashboard, the desk that gives out its links, and the platform that both ask."""

    lobby: Lobby
    platform: Platform
    web: ASGIApp
    warming: Warming
    url: str = URL
    addresses: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def link(
        self, user: str, community: str | None = COMMUNITY, rights: Rights = MODERATOR, *, locale: str = "en"
    ) -> str:
        """Let somebody run /dashboard; return the address they are given."""
        self.platform.known.setdefault((user, community), rights)
        person = self.lobby.person(user, community=community, rights=rights, locale=locale)
        answer = await person.run("dashboard")
        assert answer.is_private
        assert answer.address.startswith(f"{self.url}/enter/"), answer
        return answer.address

    def browser(self, *, address: str | None = None) -> Browser:
        """Return a fresh browser at some address, one of its own where none is given."""
        address = address or f"198.51.100.{next(self.addresses)}"
        transport = httpx.ASGITransport(app=self.web, client=(address, 50000))
        return Browser(
            client=httpx.AsyncClient(transport=transport, base_url=self.url, headers={"accept-language": "en"})
        )

    async def enter(self, user: str, community: str | None = COMMUNITY, rights: Rights = MODERATOR) -> Browser:
        """Return a browser in which somebody is signed in."""
        browser = self.browser()
        response = await browser.follow(await self.link(user, community, rights))
        assert response.status_code == 303, response.text
        return browser

    async def owner(self, user: str = "1") -> Browser:
        """Return a browser in which an owner is signed in for the whole platform."""
        return await self.enter(user, None, OWNER)


@dataclass(kw_only=True)
class Browser:
    """An HTTP client that keeps cookies and fills in forms."""

    client: httpx.AsyncClient

    async def get(self, path: str, **options: object) -> httpx.Response:
        return await self.client.get(path, **options)  # type: ignore[arg-type]

    async def text(self, path: str) -> str:
        """Return a page that must be there."""
        response = await self.get(path)
        assert response.status_code == 200, (response.status_code, response.text)
        return response.text

    async def seen(self, path: str) -> str:
        """Return what stands on a page, without its markup."""
        return plain(await self.text(path))

    async def post(self, path: str, page: str = "/", **fields: str) -> httpx.Response:
        """Send a form as a page of this session would, with the token that it carries."""
        token = hidden(await self.text(page), "csrf")
        return await self.client.post(path, data={"csrf": token, **fields})

    async def follow(self, link: str) -> httpx.Response:
        """Open a link and press its button."""
        page = await self.get(link)
        return await self.client.post(link, data={"entry": hidden(page.text, "entry")})


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert found is not None, page
    return html.unescape(found[1])


def plain(page: str) -> str:
    """Return the text of a page's main part."""
    main = page.partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main.partition(">")[2])).split())


def open_house(database: Database, clock: FixedClock, *, url: str = URL) -> House:
    """Put desk, platform and dashboard together."""
    persona = PersonaDefaults(profile="embedded", temperature=0.6, face_mode="picture")
    settings = ReceptionSettings(locale="ko", zone=SEOUL, persona=persona, dashboard_url=url)
    reception = Reception(database, clock, settings, make_firewall())
    platform = Platform()
    for name in ("discord", "telegram"):
        reception.offer_rights(name, platform.rights_of)
        reception.offer_announcer(name, platform.announce)
    chosen = dashboard_settings(host="127.0.0.1", port=8710, url=url, hosts="")
    built = build_dashboard(
        database, reception, clock, chosen, key=KEY, locale="ko", zone=SEOUL, normal_category=NORMAL
    )
    lobby = Lobby(desk=reception, database=database, clock=clock)
    return House(lobby=lobby, platform=platform, url=url, web=built.web, warming=built.warming)


def later(clock: FixedClock, by: timedelta) -> datetime:
    """Move the clock on; return the new time."""
    clock.advance(by)
    return clock()
