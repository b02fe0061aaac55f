"""What stands on Discord's servers: people, channels, messages, interactions, and what the bot did wrong."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.discord_objects import EPHEMERAL, Channel, Json, Person, registered, snowflake
from tests.e2e.discord_spec import load_spec

TOKEN = "MTIz.right.token"
DEADLINE_S = 3.0  # for the first answer to an interaction


@dataclass(kw_only=True)
class Interaction:
    """Something a person did that the bot answers; `acks` are its first answers, `original` the message they made."""

    person: Person
    channel: Channel
    type: int
    id: str = field(default_factory=snowflake)
    token: str = field(default_factory=lambda: f"interaction-{snowflake()}")
    made_at: float
    message: str | None = None
    ack: Json | None = None
    original: str | None = None
    was_deferred: bool = False
    shown: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Fault:
    """An answer in place of the right one; `after_effect` does what was asked and then hides it."""

    status: int
    retry_after: float = 0.05
    after_effect: bool = False
    is_cut: bool = False


Faults = Callable[[str, str], Fault | None]


class World:
    """The state behind the fake server. Wait on it with `until`."""

    def __init__(self) -> None:
        self.bot = Person(name="로라", is_bot=True)
        self.owner = Person(name="owner")
        self.members: dict[str, Person] = {self.owner.id: self.owner}  # who can be looked up in the server
        self.application_id = self.bot.id
        self.guild_id = snowflake()
        self.channels: dict[str, Channel] = {}
        self.without_history: set[str] = set()  # channels in which the bot may not read what was written
        self.messages: dict[str, Json] = {}
        self.deleted: list[str] = []
        self.files: dict[str, list[tuple[str, bytes]]] = {}
        self.edits: dict[str, list[tuple[float, str]]] = {}
        self.posted: list[str] = []  # ids of the bot's messages, in order
        self.typing: list[tuple[float, str]] = []
        self.commands: list[Json] = []
        self.syncs = 0
        self.interactions: dict[str, Interaction] = {}
        self.requests: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.nonces: dict[tuple[str, str], tuple[str, float]] = {}  # which message, and when it was sent
        self.faults: Faults = lambda method, path: None
        self.held: dict[tuple[str, str], float] = {}  # until when nothing is to be asked again
        self.planned: deque[Fault] = deque()
        self.has_message_content = False
        self.skipped_s = 0.0
        self.tokens = {TOKEN}
        self.spec = load_spec()
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Return the time in seconds that deadlines go by; `skipped_s` is what passed in no time."""
        return time.monotonic() + self.skipped_s

    def tell(self) -> None:
        """Wake whoever waits in `until`."""
        self._changed.set()

    async def until(self, holds: Callable[[], object], *, limit_s: float = 60.0) -> None:
        """Wait until `holds()`; whatever changes the world wakes this."""
        async with asyncio.timeout(limit_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def violate(self, problem: str | None) -> None:
        """Note what the bot (or this fake) did against the specification."""
        if problem is not None:
            self.violations.append(problem)

    def register(self, commands: list[Json]) -> None:
        """Keep the bot's commands."""
        self.commands = registered(commands, self.application_id)

    def channel(self, name: str = "general", *, thread_of: Channel | None = None) -> Channel:
        """Make a channel of the server, before the bot connects."""
        parent = None if thread_of is None else thread_of.id
        channel = Channel(name=name, guild=self.guild_id, parent=parent)
        self.channels[channel.id] = channel
        return channel

    def private(self, person: Person) -> Channel:
        """Return the private channel between a person and the bot."""
        for channel in self.channels.values():
            if channel.recipient is person:
                return channel
        channel = Channel(name=person.name, guild=None, recipient=person)
        self.channels[channel.id] = channel
        return channel

    def replies(self, channel: Channel) -> list[Json]:
        """Return the bot's messages that stand in a channel, in order, without those that only one person sees."""
        found = (self.messages.get(number) for number in self.posted)
        return [
            message
            for message in found
            if message is not None and message["channel_id"] == channel.id and not message["flags"] & EPHEMERAL
        ]

    def texts(self, channel: Channel) -> list[str]:
        """Return what the bot's messages in a channel say."""
        return [message["content"] for message in self.replies(channel)]

    def standing(self) -> list[Json]:
        """Return all of the bot's messages that nobody deleted (a notice of a wait is deleted when the reply comes)."""
        return [self.messages[number] for number in self.posted if number in self.messages]
