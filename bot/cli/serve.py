"""`main.py run`: build the engine, the desk and every front end that has a token, and serve them."""

from __future__ import annotations

import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

from bot.app import App, AppSettings, FrontEnd
from bot.cli.lifetimes import Engine, make_clock, open_engine
from bot.cli.options import show_note
from bot.cli.upkeep import retention, upkeep
from bot.command_book import CommandBook
from bot.dashboard.settings import DashboardSettings, dashboard_settings
from bot.desk import Desk
from bot.errors import SettingsError
from bot.face_drawing import Theme
from bot.face_pictures import FacePictures
from bot.handlers.chat import ChatHandler
from bot.handlers.communities import PersonaDefaults
from bot.handlers.reception import Reception, ReceptionSettings
from bot.log_format import LogFormat, configure_logging
from bot.settings import PLATFORMS, Settings
from bot.signals import stop_on_signals
from bot.talk import Talk
from engine.types import Clock
from models.profile import load_profile
from storage.database import Database

_log = logging.getLogger(__name__)
_LAST_WORDS_S = 20.0  # for a front end to write what is left


def prepare_logging(settings: Settings) -> None:
    """Log what a service logs: INFO unless the owner chose a level, in the chosen format, never a token."""
    level = settings.log_level if "log_level" in settings.model_fields_set else "INFO"
    secrets = [token for platform in PLATFORMS if (token := settings.token(platform))]
    configure_logging(level, LogFormat(settings.log_format), secrets)


def configured_platforms(settings: Settings) -> list[str]:
    """Return the platforms that have a token.

    Raises:
        SettingsError: there is none.
    """
    configured = [platform for platform in PLATFORMS if settings.token(platform)]
    if not configured:
        raise SettingsError(
            "no token is set: put one into OHLORA_DISCORD_TOKEN or OHLORA_TELEGRAM_TOKEN (docs/discord.md and "
            "docs/telegram.md say where they come from), or talk with her by `main.py chat`"
        )
    return configured


async def serve(settings: Settings) -> None:
    """Serve every platform that has a token until SIGINT or SIGTERM.

    Raises:
        SettingsError: no platform has a token, or a setting is wrong.
        ModelError, StorageError, EngineError: she cannot wake up.
    """
    configured = configured_platforms(settings)
    clock = make_clock(None, ZoneInfo(settings.time_zone))
    with stop_on_signals() as stop:
        async with open_engine(settings, clock, seed=None) as engine, upkeep(settings, engine.database, clock):
            app = build_app(settings, engine, clock)
            show_note(f"serving {' and '.join(configured)}; Ctrl-C or SIGTERM stops, a second one ends at once")
            await app.serve(stop)
    _log.info("stopped")


def build_app(settings: Settings, engine: Engine, clock: Clock) -> App:
    """Put the desk, the talk and the configured front ends together."""
    zone = ZoneInfo(settings.time_zone)
    persona = PersonaDefaults(
        profile=settings.profile,
        temperature=load_profile(settings.profile).adapters["output_message"].sampling_temperature,
        face_mode=settings.face_mode,
    )
    dashboard = _dashboard_settings(settings) if settings.dashboard_enabled else None
    desk_settings = ReceptionSettings(
        locale=settings.locale,
        zone=zone,
        persona=persona,
        owners=frozenset(settings.owner_keys),
        appeal_cooldown=timedelta(hours=settings.appeal_cooldown_h),
        dashboard_url="" if dashboard is None else dashboard.url,
        retention=retention(settings),
    )
    reception = Reception(engine.database, clock, desk_settings, engine.firewall)
    chat = ChatHandler(engine.queue, clock, engine.refusals)
    talk = Talk(chat, reception, default_locale=settings.locale, default_zone=zone)
    talk.dress_interviews(reception.hold_interviews(chat, engine.banks).extras)
    reception.when_forgotten(talk.forget)
    reception.when_forgotten(engine.retriever.forget)
    reception.settle_before_forgetting(talk.settle)
    reception.when_reset(talk.reset)
    faces = FacePictures(theme=Theme(settings.face_theme))
    front_ends: dict[str, FrontEnd] = {}
    if settings.token("discord"):
        front_ends["discord"] = _discord(settings, reception, talk, faces)
    if settings.token("telegram"):
        front_ends["telegram"] = _telegram(settings, reception, talk, faces, clock)
    if dashboard is not None:
        front_ends["dashboard"] = _dashboard(settings, dashboard, reception, engine.database, clock)
    limits = AppSettings(drain_timeout_s=settings.drain_timeout_s, close_timeout_s=_LAST_WORDS_S)
    return App(front_ends, talk, limits, beside=(reception.rounds.run,))


def _discord(settings: Settings, desk: Desk, talk: Talk, faces: FacePictures) -> FrontEnd:
    from bot.discord_bot import DiscordFrontEnd, DiscordSettings

    chosen = DiscordSettings(
        token=settings.token("discord") or "",
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        message_content=settings.discord_message_content,
        owners=_owners(settings, "discord"),
    )
    commands = CommandBook(settings.data_dir / "discord_commands.txt")
    return DiscordFrontEnd(chosen, desk=desk, talk=talk, faces=faces, commands=commands)


def _telegram(settings: Settings, desk: Desk, talk: Talk, faces: FacePictures, clock: Clock) -> FrontEnd:
    from bot.telegram_bot import TelegramFrontEnd, TelegramSettings

    return TelegramFrontEnd(
        token=settings.token("telegram") or "",
        desk=desk,
        talk=talk,
        faces=faces,
        clock=clock,
        commands=CommandBook(settings.data_dir / "telegram_commands.txt"),
        settings=TelegramSettings(api_url=settings.telegram_api_url, owners=_owners(settings, "telegram")),
    )


def _dashboard_settings(settings: Settings) -> DashboardSettings:
    return dashboard_settings(
        host=settings.dashboard_host,
        port=settings.dashboard_port,
        url=settings.dashboard_url,
        hosts=settings.dashboard_hosts,
    )


def _dashboard(
    settings: Settings, chosen: DashboardSettings, reception: Reception, database: Database, clock: Clock
) -> FrontEnd:
    from bot.dashboard.build import build_dashboard
    from bot.dashboard.front_end import DashboardFrontEnd
    from bot.dashboard.signing import open_key

    dashboard = build_dashboard(
        database,
        reception,
        clock,
        chosen,
        key=open_key(settings.data_dir / "dashboard.key"),
        locale=settings.locale,
        zone=ZoneInfo(settings.time_zone),
        normal_category=load_profile(settings.profile).ethics.normal_category,
    )
    return DashboardFrontEnd(dashboard.web, chosen, dashboard.warming.run)


def _owners(settings: Settings, platform: str) -> frozenset[str]:
    return frozenset(owner.id for owner in settings.owner_keys if owner.platform == platform)
