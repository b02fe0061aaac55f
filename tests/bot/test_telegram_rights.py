"""Rights in Telegram chats: administrators, owners, and what is kept."""

from __future__ import annotations

from typing import Any

from telegram import ChatMember
from telegram.error import NetworkError

from bot.answers import Rights
from bot.telegram_rights import ChatRights
from tests.e2e.telegram_world import administrator, person

OWNER, ADMIN, MODERATOR, STRANGER = (person(number) for number in (1, 2, 3, 4))
MEMBERS = [
    administrator(OWNER, status="creator"),
    administrator(ADMIN, "can_change_info"),
    administrator(MODERATOR, "can_restrict_members"),
]


class Chat:
    """A chat whose administrators can be asked, or not."""

    def __init__(self) -> None:
        self.members: list[Any] = list(MEMBERS)
        self.asked = 0
        self.is_down = False
        self.now = 0.0

    async def ask(self, _chat: int) -> list[ChatMember]:
        self.asked += 1
        if self.is_down:
            raise NetworkError("down")
        return [ChatMember.de_json(member) for member in self.members]

    def rights(self, owners: frozenset[str] = frozenset()) -> ChatRights:
        return ChatRights(self.ask, owners, clock=lambda: self.now)


async def test_owner_and_who_may_change_the_group_are_admins_other_administrators_moderators() -> None:
    rights = Chat().rights()
    found = [await rights.of(user["id"], -1) for user in (OWNER, ADMIN, MODERATOR, STRANGER)]
    assert [(right.is_admin, right.is_moderator) for right in found] == [
        (True, True), (True, True), (False, True), (False, False),
    ]  # fmt: skip
    assert not any(right.is_owner for right in found)


async def test_owner_of_the_bot_is_known_everywhere_and_nobody_is_asked_in_private() -> None:
    chat = Chat()
    rights = chat.rights(frozenset({"4"}))
    assert (await rights.of(4, None)).is_owner
    assert chat.asked == 0
    assert (await rights.of(4, -1)).is_owner


async def test_administrators_are_asked_again_after_a_minute() -> None:
    chat = Chat()
    rights = chat.rights()
    assert (await rights.of(3, -1)).is_moderator
    chat.members = []
    chat.now = 59.0
    assert (await rights.of(3, -1)).is_moderator
    assert chat.asked == 1
    chat.now = 61.0
    assert not (await rights.of(3, -1)).is_moderator


async def test_nobody_has_rights_while_telegram_does_not_answer() -> None:
    chat = Chat()
    chat.is_down = True
    rights = chat.rights()
    assert await rights.of(1, -1) == Rights()
    chat.is_down = False
    assert (await rights.of(1, -1)).is_admin


async def test_chats_that_do_not_tell_leave_nothing_behind() -> None:
    chat = Chat()
    chat.is_down = True
    rights = chat.rights()
    for number in range(1, 50):
        await rights.of(4, -number)
    assert not rights._locks
