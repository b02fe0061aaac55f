"""What a person chooses: /language, /timezone, /memory pause, /settings; and /reset, which begins a conversation anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale

from bot.answers import Answer, Choice
from bot.command_texts import choice_label
from bot.desk import Value
from bot.handlers.visit import Act, Book, Complete, Run, Visit, make_button
from bot.rendering import LANGUAGES, Texts
from storage.conversations import ConversationStore
from storage.database import Database
from storage.records import ConversationKey, UserKey, UserSettings
from storage.user_settings import UserSettingsStore

Change = Callable[[UserSettings], UserSettings]
_AUTO = "auto"


class PreferenceHandler:
    """Shows and keeps a user's settings."""

    def __init__(self, database: Database, book: Book) -> None:
        """Read and write `database`."""
        self._database = database
        self._book = book
        self._listeners: list[Callable[[ConversationKey], None]] = []

    def when_reset(self, forget: Callable[[ConversationKey], None]) -> None:
        """Call `forget` when a conversation is begun anew: what stands in memory about it goes too."""
        self._listeners.append(forget)

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {
            "language": self.choose_language,
            "timezone": self.choose_zone,
            "memory pause": self.pause,
            "settings": self.show,
            "reset": self.reset,
        }

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        return {("timezone", "zone"): self.complete_zone}

    async def choose_language(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Keep the language of notices and answers."""
        chosen = str(arguments["language"])
        locale = None if chosen == _AUTO else chosen
        await self._change(visit.user, lambda settings: replace(settings, locale=locale))
        if locale is None:
            return visit.say("preferences.language_auto")
        return Answer(text=Texts(locale, visit.actor.zone).get("preferences.language"))

    async def choose_zone(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Keep the time zone that she and her notices go by."""
        name = find_zone(str(arguments["zone"]))
        if name is None:
            return visit.say("preferences.no_zone")
        await self._change(visit.user, lambda settings: replace(settings, time_zone=name))
        texts = Texts(visit.texts.language, ZoneInfo(name))
        return Answer(text=texts.get("preferences.zone", zone=name, now=texts.moment(visit.now)))

    async def pause(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Stop remembering new things (on) or go on with it (off); without a word, the other of the two."""
        is_paused = not visit.settings.is_paused
        if "state" in arguments:
            is_paused = arguments["state"] == "on"
        await self._change(visit.user, lambda settings: replace(settings, is_paused=is_paused))
        return visit.say("preferences.paused" if is_paused else "preferences.recording")

    async def show(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Show all settings with buttons that change them."""
        return await self._overview(visit, replaces=False)

    async def reset(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Forget where this conversation stood."""
        conversation = visit.actor.place.conversation
        async with self._database.begin() as session:
            await ConversationStore(session).forget_summary(conversation, visit.now)
        for forget in self._listeners:
            forget(conversation)
        return visit.say("preferences.reset")

    async def complete_zone(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest time zones whose name, or whose city's name in Korean, holds what was typed."""
        wanted, cities = _plain(typed), _korean_cities()
        found = [name for name in _zones() if wanted in _plain(name) or wanted in _plain(cities.get(name, ""))]
        shown = cities if visit.texts.language == "ko" else {}
        return [
            Choice(label=f"{shown[name]} ({name})" if name in shown else name, value=name)
            for name in sorted(found, key=lambda name: (len(name), name))
        ]

    async def _overview(self, visit: Visit, *, replaces: bool) -> Answer:
        texts, settings = visit.texts, visit.settings
        text = texts.get(
            "preferences.overview",
            language=choice_label(texts.language, settings.locale or _AUTO),
            zone=visit.actor.zone.key,
            now=texts.moment(visit.now),
            recording=choice_label(texts.language, "off" if settings.is_paused else "on"),
        )
        languages = tuple(
            make_button(self._book, visit, choice_label(texts.language, value), self._changing(_with_language(value)))
            for value in (*LANGUAGES, _AUTO)
        )
        label = texts.get("preferences.resume_button" if settings.is_paused else "preferences.pause_button")
        pause = make_button(self._book, visit, label, self._changing(_with_pause(not settings.is_paused)))
        return Answer(text=text, buttons=(languages, (pause,)), replaces=replaces)

    def _changing(self, change: Change) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            settings = await self._change(visit.user, change)
            language = settings.locale or visit.actor.client_locale or visit.texts.language
            renewed = replace(visit, settings=settings, texts=Texts(language, visit.actor.zone))
            return await self._overview(renewed, replaces=True)

        return act

    async def _change(self, user: UserKey, change: Change) -> UserSettings:
        async with self._database.begin() as session:
            store = UserSettingsStore(session)
            settings = change(await store.get(user))
            await store.save(user, settings)
            return settings


def _with_language(value: str) -> Change:
    return lambda settings: replace(settings, locale=None if value == _AUTO else value)


def _with_pause(is_paused: bool) -> Change:
    return lambda settings: replace(settings, is_paused=is_paused)


def find_zone(typed: str) -> str | None:
    """Return the time zone of that name, written in any case and with spaces for underscores; or the only one of that city.

    Cities are known by their English and their Korean names.
    """
    wanted, korean = _plain(typed), _korean_cities()
    exact = [name for name in _zones() if _plain(name) == wanted]
    named = ((name, name.rpartition("/")[2], korean.get(name)) for name in _zones() if "/" in name)
    cities = [name for name, *cities in named if wanted in [_plain(city) for city in cities if city]]
    found = exact or cities
    return found[0] if len(found) == 1 else None


@cache
def _zones() -> tuple[str, ...]:
    """Return the zones that people live in: by region and city, and UTC."""
    regions = (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    return tuple(sorted(name for name in available_timezones() if name == "UTC" or name.split("/")[0] in regions))


@cache
def _korean_cities() -> Mapping[str, str]:
    """Return the Korean names of cities by time zone, of those zones whose city the CLDR names."""
    return {name: zone["city"] for name, zone in Locale("ko").time_zones.items() if "city" in zone}


def _plain(name: str) -> str:
    return name.strip().replace(" ", "_").casefold()
