"""/setup and /persona: what the admins of a server or group choose for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.answers import Answer
from bot.command_texts import choice_label
from bot.commands import DISCORD
from bot.desk import Value
from bot.handlers.visit import Run, Visit
from storage.community_settings import CommunitySettingsStore
from storage.database import Database
from storage.records import CommunitySettings

MOST_LISTED = 50  # talk channels or moderator roles of one community
_DEFAULT = "default"
_CHANNEL, _ROLE = "#", "@&"  # how Discord's mentions begin


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaDefaults:
    """What holds where a community chose nothing: the profile, its temperature, and the owner's face mode."""

    profile: str
    temperature: float
    face_mode: str


class CommunityHandler:
    """Shows and keeps the settings of the community that an admin is in."""

    def __init__(self, database: Database, defaults: PersonaDefaults) -> None:
        """Read and write `database`."""
        self._database = database
        self._defaults = defaults

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {
            "setup show": self.show,
            "setup channel": self.set_channel,
            "setup role": self.set_role,
            "setup modlog": self.set_modlog,
            "setup face": self.set_face,
            "persona show": self.show_persona,
            "persona temperature": self.set_temperature,
        }

    async def show(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Show all settings of the community."""
        settings, texts = await self._read(visit), visit.texts
        none = texts.get("community.none")
        return visit.say(
            "community.overview",
            channels=", ".join(_shown(visit, channel) for channel in settings.talk_channels) or none,
            roles=", ".join(_shown(visit, role, _ROLE) for role in settings.moderator_roles) or none,
            modlog=none if settings.modlog_channel is None else _shown(visit, settings.modlog_channel),
            face=choice_label(texts.language, settings.face_mode or self._defaults.face_mode),
            temperature=self._temperature(settings),
        )

    async def set_channel(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Let her answer every message of a channel (the one this is in), or no longer."""
        channel = _channel(visit, arguments)
        is_on = arguments.get("state") != "off"

        def change(settings: CommunitySettings) -> CommunitySettings:
            return replace(settings, talk_channels=_listed(settings.talk_channels, channel, is_on))

        await self._change(visit, change)
        return visit.say("community.channel_on" if is_on else "community.channel_off", channel=_shown(visit, channel))

    async def set_role(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Count a role among the moderators, or no longer."""
        role = str(arguments["role"])
        is_on = arguments.get("state") != "off"

        def change(settings: CommunitySettings) -> CommunitySettings:
            return replace(settings, moderator_roles=_listed(settings.moderator_roles, role, is_on))

        await self._change(visit, change)
        return visit.say("community.role_on" if is_on else "community.role_off", role=_shown(visit, role, _ROLE))

    async def set_modlog(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Keep the moderation log in a channel (the one this is in), or nowhere."""
        if arguments.get("state") == "off":
            await self._change(visit, lambda settings: replace(settings, modlog_channel=None))
            return visit.say("community.modlog_off")
        channel = _channel(visit, arguments)
        await self._change(visit, lambda settings: replace(settings, modlog_channel=channel))
        return visit.say("community.modlog_on", channel=_shown(visit, channel))

    async def set_face(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Choose how her face goes with a reply."""
        mode = str(arguments["mode"])
        await self._change(visit, lambda settings: replace(settings, face_mode=None if mode == _DEFAULT else mode))
        return visit.say("community.face", mode=choice_label(visit.texts.language, mode))

    async def show_persona(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Show which profile speaks here, and how freely."""
        settings = await self._read(visit)
        return visit.say("persona.show", profile=self._defaults.profile, temperature=self._temperature(settings))

    async def set_temperature(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Choose the temperature of her lines; without one, the profile's own."""
        chosen = arguments.get("temperature")
        temperature = None if chosen is None else round(float(chosen), 2)
        settings = await self._change(visit, lambda settings: replace(settings, temperature=temperature))
        return visit.say("persona.temperature", temperature=self._temperature(settings))

    def _temperature(self, settings: CommunitySettings) -> str:
        return f"{self._defaults.temperature if settings.temperature is None else settings.temperature:g}"

    async def _read(self, visit: Visit) -> CommunitySettings:
        if visit.community is None:
            return CommunitySettings()
        async with self._database.read() as session:
            return await CommunitySettingsStore(session).get(visit.community)

    async def _change(
        self, visit: Visit, change: Callable[[CommunitySettings], CommunitySettings]
    ) -> CommunitySettings:
        if visit.community is None:
            raise ValueError("the settings of a community are changed inside it")
        async with self._database.begin() as session:
            store = CommunitySettingsStore(session)
            settings = change(await store.get(visit.community))
            await store.save(visit.community, settings, visit.user, visit.now)
            return settings


def _shown(visit: Visit, name: str, sign: str = _CHANNEL) -> str:
    """Write a channel or role so that people know it: Discord puts its name in place of `<#id>`; elsewhere it is the id."""
    return f"<{sign}{name}>" if visit.user.platform == DISCORD else name


def _channel(visit: Visit, arguments: Mapping[str, Value]) -> str:
    place = visit.actor.place
    return str(arguments.get("channel", place.channel or place.conversation.id))


def _listed(known: tuple[str, ...], name: str, is_on: bool) -> tuple[str, ...]:
    """Add a name to a list, dropping the oldest of too many, or take it out."""
    others = tuple(each for each in known if each != name)
    return (*others, name)[-MOST_LISTED:] if is_on else others
