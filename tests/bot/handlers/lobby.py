"""People before the desk: who comes, what they do there, and what stands in the database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.answers import Actor, Answer, Button, Place, Rights
from bot.desk import Value
from bot.handlers.reception import Reception
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import ConversationKey, Memory, Sanction, UserKey
from storage.sanctions import SanctionStore
from tests.bot.conftest import FixedClock

MODERATOR, ADMIN, OWNER = Rights(is_moderator=True), Rights(is_admin=True), Rights(is_owner=True)


@dataclass(kw_only=True)
class Lobby:
    """The desk over a real database; people are of Discord unless a test says otherwise."""

    desk: Reception
    database: Database
    clock: FixedClock

    def person(
        self,
        name: str = "1001",
        *,
        community: str | None = None,
        rights: Rights | None = None,
        locale: str = "en",
        platform: str = "discord",
        channel: str = "77",
    ) -> Person:
        place = Place(conversation=ConversationKey(platform=platform, id=channel), community=community, channel=channel)
        actor = Actor(
            user=UserKey(platform=platform, id=name), place=place, rights=rights or Rights(), client_locale=locale
        )
        return Person(desk=self.desk, actor=actor)

    async def remember(self, key: str, value: str, user: str = "1001") -> None:
        async with self.database.begin() as session:
            await MemoryStore(session).remember(user_key(user), key, value, self.clock(), None)

    async def memories(self, user: str = "1001") -> list[Memory]:
        async with self.database.read() as session:
            return await MemoryStore(session).of_user(user_key(user))

    async def sanction(self, sanction: Sanction) -> Sanction:
        async with self.database.begin() as session:
            return await SanctionStore(session).add(sanction)

    async def sanctions(self, user: str = "1001") -> list[Sanction]:
        async with self.database.read() as session:
            return await SanctionStore(session).of_user(user_key(user))

    async def is_blocked(
        self, user: str = "1001", community: str | None = None, after: timedelta = timedelta()
    ) -> bool:
        async with self.database.read() as session:
            block = await SanctionStore(session).active_block(user_key(user), self.clock() + after, community)
            return block is not None


@dataclass(kw_only=True)
class Person:
    """Somebody at the desk, in one place and with certain rights."""

    desk: Reception
    actor: Actor

    async def run(self, command: str, /, **arguments: Value) -> Answer:
        return await self.desk.run(self.actor, command, arguments)

    async def ask(self, command: str, /, **arguments: Value) -> str:
        return (await self.run(command, **arguments)).text

    async def press(self, answer: Answer, label: str) -> Answer:
        return await self.desk.press(self.actor, button(answer, label).token)

    async def fill_in(self, answer: Answer, **values: str) -> Answer:
        assert answer.form is not None, answer
        return await self.desk.submit(self.actor, answer.form.token, values)

    async def complete(self, command: str, option: str, typed: str = "") -> Mapping[str, str]:
        return {each.value: each.label for each in await self.desk.complete(self.actor, command, option, typed)}


def button(answer: Answer, label: str) -> Button:
    """Return the button of an answer that bears `label`."""
    found = [each for row in answer.buttons for each in row if each.label == label]
    assert len(found) == 1, (label, labels(answer))
    return found[0]


def labels(answer: Answer) -> list[list[str]]:
    """Return what an answer's buttons bear, row by row."""
    return [[each.label for each in row] for row in answer.buttons]


def user_key(name: str) -> UserKey:
    """Return the key of a user of Discord."""
    return UserKey(platform="discord", id=name)
