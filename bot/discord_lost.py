"""Sends whose answer was lost: after a long outage Discord no longer knows their nonces, and they are looked for before another try."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import discord

from bot.delivery import TroubleKind
from bot.discord_trouble import diagnose

NONCE_LIVES_S = 120.0  # Discord knows a nonce for "the past few minutes"
_MOST_KEPT = 1000
_MOST_LOOKED_AT = 100


@dataclass(slots=True, kw_only=True)
class _Lost:
    """A send that may have arrived: since when, after which message, with which texts."""

    since: float
    after: int
    texts: list[str] = field(default_factory=list)


class LostSends:
    """Keeps the sends that may have arrived, by nonce, in memory only."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Measure how old a try is by `monotonic`, in seconds."""
        self._monotonic = monotonic
        self._newest = 0
        self._kept: OrderedDict[str, _Lost] = OrderedDict()

    def saw(self, message: int) -> None:
        """Note a message of any channel: what is sent from now on is newer."""
        self._newest = max(self._newest, message)

    @contextmanager
    def trying(self, nonce: str, text: str) -> Iterator[None]:
        """Keep a send if its answer gets lost within the context, and drop it when it arrives."""
        lost = self._kept.pop(nonce, None)
        begun = lost or _Lost(since=self._monotonic(), after=self._newest)
        try:
            yield
        except Exception as error:
            trouble = diagnose(error)
            is_uncertain = trouble is not None and trouble.kind is TroubleKind.UNCERTAIN
            if is_uncertain:
                begun.texts.append(text)
            if is_uncertain or lost is not None:
                self._keep(nonce, begun)
            raise

    async def find(self, place: discord.PartialMessageable, me: int, nonce: str) -> int | None:
        """Return the number of the message that a lost send left after all; None where it left none, or Discord still knows its nonce.

        Raises:
            discord.DiscordException, aiohttp.ClientError, OSError: Discord does not tell.
        """
        lost = self._kept.get(nonce)
        if lost is None or not lost.after or self._monotonic() - lost.since < NONCE_LIVES_S:
            return None
        try:
            async for message in place.history(limit=_MOST_LOOKED_AT, after=discord.Object(lost.after)):
                is_it = str(message.nonce) == nonce or message.content in lost.texts
                if message.author.id == me and is_it:
                    del self._kept[nonce]
                    return message.id
        except (discord.Forbidden, discord.NotFound):
            return None  # where she may not read what was written, another try is the lesser evil
        return None

    def _keep(self, nonce: str, lost: _Lost) -> None:
        self._kept[nonce] = lost
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
