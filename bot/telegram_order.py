"""Updates of one chat one after another, those of different chats at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from telegram import Update
from telegram.ext import BaseUpdateProcessor

_MOST_AT_ONCE = 4096


class OrderedByChat(BaseUpdateProcessor):
    """Hands an update on when all earlier ones of its chat are through; a slow chat delays no other."""

    def __init__(self, most_at_once: int = _MOST_AT_ONCE) -> None:
        """Hold up to `most_at_once` updates, waiting ones included."""
        super().__init__(most_at_once)
        self._locks: dict[int, asyncio.Lock] = {}
        self._waiting: dict[int, int] = {}

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Process `coroutine` in its chat's order. `asyncio.Lock` wakes those who wait in the order they came."""
        chat = update.effective_chat if isinstance(update, Update) else None
        if chat is None:
            await coroutine
            return
        lock = self._locks.setdefault(chat.id, asyncio.Lock())
        self._waiting[chat.id] = self._waiting.get(chat.id, 0) + 1
        try:
            async with lock:
                await coroutine
        finally:
            self._waiting[chat.id] -= 1
            if not self._waiting[chat.id]:
                del self._waiting[chat.id], self._locks[chat.id]

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to free."""
