"""The desk that both platforms bring commands, buttons, forms and reports to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.answers import Actor, Answer, Choice, ReportedMessage, Rights
from bot.case_post import CasePost
from bot.spoken import FaceMode
from storage.records import CommunityKey, ConversationKey, UserKey

Value = str | int | float | bool
Sync = Callable[[], Awaitable[int]]
Announce = Callable[[Answer], Awaitable[None]]
AskRights = Callable[[UserKey, str | None], Awaitable[Rights | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a person is talked with in a place: language (ko or en) and zone are theirs, the rest is the community's.

    `temperature` is None for the profile's own.
    """

    language: str
    zone: ZoneInfo
    temperature: float | None = None
    face_mode: FaceMode = FaceMode.OFF


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

    async def manner_of(self, actor: Actor) -> Manner:
        """Return how a person is talked with there: what was chosen, else the language of their client, else the owner's settings.

        Raises:
            StorageError: the settings cannot be read.
        """
        ...

    async def talks_freely(self, community: CommunityKey, channels: Sequence[str]) -> bool:
        """Tell whether she answers every message of one of these channels (`/setup channel`).

        Raises:
            StorageError: the settings cannot be read.
        """
        ...

    async def is_new(self, platform: str, update_id: str) -> bool:
        """Note an update of a platform; False when it was noted before, also before a restart.

        Raises:
            StorageError: it cannot be noted.
        """
        ...

    def offer_post(self, platform: str, post: CasePost) -> None:
        """Take what writes cards of cases and answers to appeals on a platform."""
        ...

    async def news_for(self, actor: Actor) -> list[str]:
        """Return what a person could not be told before, to be told now where only they see it; it counts as told.

        Raises:
            StorageError: it cannot be read.
        """
        ...

    def offer_sync(self, platform: str, sync: Sync) -> None:
        """Take what registers a platform's commands anew and returns how many; `/sync` there calls it."""
        ...

    def offer_rights(self, platform: str, ask: AskRights) -> None:
        """Take what tells a user's present rights in a community (None: with her alone), at most seconds old.

        It returns None where the platform does not tell. The dashboard asks on every request: no event of a platform brings them.
        """
        ...

    def offer_announcer(self, platform: str, announce: Announce) -> None:
        """Take what writes an answer's announcements on a platform: what is decided on the dashboard is told there too."""
        ...

    def when_forgotten(self, forget: Callable[[UserKey], None]) -> None:
        """Call `forget` before a user is erased by /forgetme: drop (and cancel) what is kept in memory about them."""
        ...

    def when_reset(self, forget: Callable[[ConversationKey], None]) -> None:
        """Call `forget` when a conversation is begun anew by /reset: what was said before is answered no more."""
        ...
