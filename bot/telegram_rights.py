"""What a person may do in a Telegram chat: its administrators, asked of Telegram and kept for a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from weakref import WeakValueDictionary

from telegram import ChatMember, ChatMemberAdministrator
from telegram.error import TelegramError

from bot.answers import Rights

_log = logging.getLogger(__name__)
KEPT_S = 60.0
_MOST_CHATS = 1000
AskAdministrators = Callable[[int], Awaitable[Sequence[ChatMember]]]


class ChatRights:
    """Tells the rights of people. Every administrator is a moderator; the owner and who may change the group, its admin."""

    def __init__(
        self, ask: AskAdministrators, owners: frozenset[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask Telegram by `ask(chat)`; `owners` are the user ids of the bot's owners."""
        self._ask = ask
        self._owners = owners
        self._clock = clock
        self._kept: OrderedDict[int, tuple[float, Mapping[int, Rights]]] = OrderedDict()  # by group: when it was asked
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def of(self, user: int, group: int | None) -> Rights:
        """Return the rights of `user` in `group`, or with her alone. Nobody has rights while Telegram does not answer."""
        return await self.told(user, group) or self._with_her_alone(user)

    async def told(self, user: int, group: int | None, *, kept_s: float = KEPT_S) -> Rights | None:
        """Return the same from what was asked at most `kept_s` ago; None while Telegram does not answer."""
        alone = self._with_her_alone(user)
        if group is None:
            return alone
        administrators = await self._administrators(group, kept_s)
        if administrators is None:
            return None
        known = administrators.get(user, Rights())
        return replace(known, is_owner=alone.is_owner)

    def _with_her_alone(self, user: int) -> Rights:
        return Rights(is_owner=str(user) in self._owners)

    async def _administrators(self, group: int, kept_s: float) -> Mapping[int, Rights] | None:
        lock = self._locks.setdefault(group, asyncio.Lock())
        async with lock:  # one question at a time for each group
            kept = self._kept.get(group)
            if kept is not None and self._clock() < kept[0] + kept_s:
                return kept[1]
            try:
                members = await self._ask(group)
            except TelegramError as error:
                _log.warning("administrators of a group are unknown: %s", type(error).__name__)
                return None
            found = {member.user.id: _rights(member) for member in members}
            self._kept[group] = (self._clock(), found)
            self._kept.move_to_end(group)
            while len(self._kept) > _MOST_CHATS:
                self._kept.popitem(last=False)
            return found


def _rights(member: ChatMember) -> Rights:
    is_admin = member.status == ChatMember.OWNER or (
        isinstance(member, ChatMemberAdministrator) and bool(member.can_change_info)
    )
    return Rights(is_moderator=True, is_admin=is_admin)
