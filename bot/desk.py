"""The desk that both platforms bring commands, buttons, forms and reports to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.answers import Actor, Answer, Choice, ReportedMessage
from storage.records import UserKey

Value = str | int | float | bool
Sync = Callable[[], Awaitable[int]]


class Desk(Protocol):
    """Answers whatever a person does besides talking. No call raises for what a person did wrong: the answer says it."""

    async def run(self, actor: Actor, command: str, arguments: Mapping[str, Value]) -> Answer:
        """Run a command, `memory forget` for a subcommand; arguments by option name."""
        ...

    async def press(self, actor: Actor, token: str) -> Answer:
        """Do what the button stands for, if this person may press it."""
        ...

    async def submit(self, actor: Actor, token: str, values: Mapping[str, str]) -> Answer:
        """Take the answers to a form."""
        ...

    async def complete(self, actor: Actor, command: str, option: str, typed: str) -> list[Choice]:
        """Suggest values while an option is typed; at most 25."""
        ...

    async def report(self, actor: Actor, message: ReportedMessage) -> Answer:
        """Take a report of a message."""
        ...

    async def language_of(self, user: UserKey, client_locale: str) -> str:
        """Return the language (ko or en) that a person is answered in: chosen, else of their client, else the default."""
        ...

    async def talks_freely(self, place_channel: str, community: str) -> bool:
        """Tell whether she answers every message of a channel there (`/setup channel`)."""
        ...

    async def face_mode(self, community: str | None) -> str:
        """Return picture, emoji or off: the community's choice, else the owner's setting."""
        ...

    async def is_new(self, platform: str, update_id: str) -> bool:
        """Note an update of a platform; False when it was noted before, also before a restart."""
        ...

    # Added by E1. Talk (E4): the zone that turns are held in. Clients (E2, E3): what /sync calls; without it /sync says that the
    # platform is not connected.

    async def zone_of(self, user: UserKey) -> ZoneInfo:
        """Return the time zone that a person chose, else the owner's setting."""
        ...

    def offer_sync(self, platform: str, sync: Sync) -> None:
        """Take what registers a platform's commands anew and returns how many; `/sync` there calls it."""
        ...

    def when_forgotten(self, forget: Callable[[UserKey], None]) -> None:
        """Call `forget` before a user is erased by /forgetme: drop (and cancel) what is kept in memory about them. E4: for `Talk`."""
        ...

    # E1 to E4: pass `community=actor.place.community` to `ChatHandler.submit`; blocks by a community's moderators hold only there.

    # Added by E4. Desk (E1): implement it over the persona settings. Clients need not call it, `Talk` does.

    async def temperature_of(self, community: str | None) -> float | None:
        """Return the temperature that a community's admins set by `/persona temperature`, None for the profile's own."""
        ...
