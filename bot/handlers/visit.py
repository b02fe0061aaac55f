"""One use of the desk: who, where, in which language, and what a button or a form does then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.answers import Actor, Answer, Button, ButtonStyle, Choice
from bot.button_book import LIFETIME, ButtonBook
from bot.commands import Role
from bot.desk import Value
from bot.rendering import Texts
from storage.records import CommunityKey, Scope, UserKey, UserSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who uses the desk, with rights that the community's own roles are counted into; `now` is aware UTC.

    `pseudonym` is who this person is in records of before they asked to be forgotten.
    """

    actor: Actor
    texts: Texts
    settings: UserSettings
    now: datetime
    pseudonym: UserKey | None = None

    @property
    def user(self) -> UserKey:
        """Who it is."""
        return self.actor.user

    def is_me(self, user: UserKey) -> bool:
        """Tell whether a record names this person, by id or pseudonym."""
        return user in (self.user, self.pseudonym)

    @property
    def community(self) -> CommunityKey | None:
        """The server or group that this is in, None in private."""
        place = self.actor.place
        if place.community is None:
            return None
        return CommunityKey(platform=self.user.platform, id=place.community)

    @property
    def scope(self) -> Scope:
        """What a moderator sees and does from here: this community; in private, where only owners have the right, everything."""
        return Scope(platform=self.user.platform, community=self.actor.place.community)

    def say(self, key: str, /, **values: object) -> Answer:
        """Answer with one text of the catalogues."""
        return Answer(text=self.texts.get(key, **values))


Run = Callable[[Visit, Mapping[str, Value]], Awaitable[Answer]]
Act = Callable[[Visit, Mapping[str, str]], Awaitable[Answer]]
Complete = Callable[[Visit, str], Awaitable[list[Choice]]]
Book = ButtonBook[Act]


def chosen_zone(settings: UserSettings, default: ZoneInfo) -> ZoneInfo:
    """Return the zone that a person chose; `default` where they chose none, or one that this machine no longer knows."""
    try:
        return ZoneInfo(settings.time_zone) if settings.time_zone else default
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return default


def make_button(
    book: Book,
    visit: Visit,
    label: str,
    act: Act,
    *,
    who: Role = Role.EVERYONE,
    style: ButtonStyle = ButtonStyle.PLAIN,
    once: bool = False,
    opens_form: bool = False,
) -> Button:
    """Make a button that only this person may press, within 15 minutes."""
    token = book.issue(act, presser=visit.user, who=who, lifetime=LIFETIME, once=once)
    return Button(label=label, token=token, style=style, opens_form=opens_form)


def matching(choices: list[Choice], typed: str) -> list[Choice]:
    """Return the choices whose number begins with what was typed, or, where that is no number, whose label holds it."""
    wanted = typed.removeprefix("#").casefold()
    if wanted.isdigit():
        return [choice for choice in choices if choice.value.startswith(wanted)]
    return [choice for choice in choices if wanted in choice.label.casefold()]
