"""What buttons and forms stand for: opaque tokens, who may use them, until when, and what they do.

Kept in memory only: after a restart a press is answered as expired, like one that came too late.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from bot.answers import Actor
from bot.commands import Role, may_use
from engine.types import Clock
from storage.records import UserKey

LIFETIME = timedelta(minutes=15)
CAPACITY = 10_000
_TOKEN_BYTES = 12  # 16 characters: Telegram takes 64 bytes, of which a client may want some for itself

A = TypeVar("A")


class PressRefusal(StrEnum):
    """Why a press does nothing."""

    EXPIRED = "expired"
    STRANGER = "stranger"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry(Generic[A]):
    act: A
    presser: UserKey | None
    who: Role
    expires_at: datetime
    once: bool


class ButtonBook(Generic[A]):
    """Gives tokens for what is to be done, and hands it out to those who may."""

    def __init__(self, clock: Clock, capacity: int = CAPACITY) -> None:
        """Keep at most `capacity` tokens; beyond that the expired are forgotten, then the oldest."""
        self._clock = clock
        self._capacity = capacity
        self._entries: OrderedDict[str, _Entry[A]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def issue(
        self,
        act: A,
        *,
        presser: UserKey | None,
        who: Role = Role.EVERYONE,
        lifetime: timedelta = LIFETIME,
        once: bool = False,
    ) -> str:
        """Return a token for `act`: only `presser` may use it (anybody where that is None) who has the role `who` at that time.

        A token that works `once` is spent by its first rightful use.
        """
        now = self._clock()
        self._make_room(now)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._entries[token] = _Entry(act=act, presser=presser, who=who, expires_at=now + lifetime, once=once)
        return token

    def redeem(self, token: str, actor: Actor) -> A | PressRefusal:
        """Return what the token stands for, or why this person may not use it."""
        entry = self._entries.get(token)
        if entry is None or entry.expires_at <= self._clock():
            self._entries.pop(token, None)
            return PressRefusal.EXPIRED
        if entry.presser is not None and entry.presser != actor.user:
            return PressRefusal.STRANGER
        if not may_use(entry.who, actor.rights):
            return PressRefusal.NOT_ALLOWED
        if entry.once:
            del self._entries[token]
        return entry.act

    def forget(self, user: UserKey) -> None:
        """Forget every token that only this person may use."""
        for token in [token for token, entry in self._entries.items() if entry.presser == user]:
            del self._entries[token]

    def _make_room(self, now: datetime) -> None:
        """Drop what has expired at the old end; when the book is full, whatever has expired, and only then the oldest.

        Tokens of interviews live longer than others: those that expired behind them go before they do.
        """
        while self._entries and next(iter(self._entries.values())).expires_at <= now:
            self._entries.popitem(last=False)
        if len(self._entries) < self._capacity:
            return
        for token in [token for token, entry in self._entries.items() if entry.expires_at <= now]:
            del self._entries[token]
        while len(self._entries) >= self._capacity:
            self._entries.popitem(last=False)
