"""Put the dashboard together: door, rooms, guard."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.types import ASGIApp

from bot.dashboard.app import Entrance, Room, build_web
from bot.dashboard.appeals_page import AppealsPage
from bot.dashboard.attempts import Attempts
from bot.dashboard.audit_page import AuditPage
from bot.dashboard.case_page import CasePage
from bot.dashboard.charts_page import ChartsPage
from bot.dashboard.decisions import Decisions
from bot.dashboard.door import Door
from bot.dashboard.log_page import LogPage
from bot.dashboard.pages import Pages
from bot.dashboard.replay_page import ReplayPage
from bot.dashboard.settings import DashboardSettings
from bot.dashboard.signing import Signatures
from bot.dashboard.user_page import UserPage
from bot.dashboard.warming import Warming
from bot.handlers.reception import Reception
from engine.types import Clock
from storage.case_log import EvidenceSearch
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The web app, and what prepares it while it is served."""

    web: ASGIApp
    warming: Warming


def build_dashboard(
    database: Database,
    reception: Reception,
    clock: Clock,
    settings: DashboardSettings,
    *,
    key: bytes,
    locale: str,
    zone: ZoneInfo,
    normal_category: str,
) -> Dashboard:
    """Return the web app over `database`.

    `key` signs cookies; `locale` and `zone` are for whom nothing is known of; `normal_category` is the profile's name of what
    is no offence.
    """
    pages, signatures, search = Pages(locale=locale, zone=zone), Signatures(key), EvidenceSearch()
    reception.when_forgotten(lambda _: search.forget())
    warming = Warming(database, search, pages, clock)
    door = Door(database, reception, signatures, clock)
    entrance = Entrance(door, pages, signatures, Attempts(clock), settings)
    replay = ReplayPage(database, pages, normal_category=normal_category)
    case = CasePage(database, Decisions(reception), pages)
    rooms = (
        Room(path="/", show=LogPage(database, search, pages, warming).show),
        Room(path="/cases/{number}", show=case.show, do=case.decide),
        Room(path="/appeals", show=AppealsPage(database, pages).show),
        Room(path="/users/{user}", show=UserPage(database, pages).show),
        Room(path="/charts", show=ChartsPage(database, pages).show),
        Room(path="/replay", show=replay.show, do=replay.replay),
        Room(path="/audit", show=AuditPage(database, pages).show),
    )
    return Dashboard(web=build_web(entrance, pages, rooms, settings), warming=warming)
