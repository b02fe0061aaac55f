"""What a platform does for cases: cards in modlogs, and words to users."""

from __future__ import annotations

from typing import Protocol

from bot.answers import Button
from storage.records import UserKey

Buttons = tuple[tuple[Button, ...], ...]


class CasePost(Protocol):
    """What a platform does for cases. Every call may fail from whatever the platform's client fails from, and is then made again."""

    async def post_card(self, channel: str, text: str, buttons: Buttons, name: str) -> str:
        """Write a card and return its message's id; a second try has the same `name`, so that the platform can know it again.

        Raises:
            PlaceGone: the channel takes nothing from her.
        """
        ...

    async def edit_card(self, channel: str, message: str, text: str, buttons: Buttons) -> None:
        """Put a card in place of what a message says.

        Raises:
            PlaceGone: the message, or its channel, is gone.
        """
        ...

    async def tell_user(self, user: UserKey, text: str, name: str) -> None:
        """Write to somebody in private.

        Raises:
            PlaceGone: they take nothing from her.
        """
        ...
