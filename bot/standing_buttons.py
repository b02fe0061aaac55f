"""Buttons that outlive a restart: their token says itself what they stand for, such as `~case:17`.

Anybody can make such a token up, so it proves nothing: what a button does looks up only what the presser may see, and
their role is read anew on every press. Buttons that only one person may press for a while stand in `bot/button_book.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.answers import Answer, Button, ButtonStyle
from bot.button_book import PressRefusal
from bot.commands import Role, may_use
from bot.handlers.visit import Visit

_SIGN = "~"
_LONGEST = 32  # bytes of a token, which Telegram carries with a prefix
StandingAct = Callable[[Visit, str], Awaitable[Answer]]


def standing_button(
    label: str, name: str, about: str, *, style: ButtonStyle = ButtonStyle.PLAIN, opens_form: bool = False
) -> Button:
    """Make a button that does what is offered under `name`, with `about` (an id).

    Raises:
        ValueError: the token would be too long for a platform.
    """
    token = f"{_SIGN}{name}:{about}"
    if len(token.encode()) > _LONGEST:
        raise ValueError(f"the token {token} is longer than {_LONGEST} bytes")
    return Button(label=label, token=token, style=style, opens_form=opens_form)


class StandingButtons:
    """What standing buttons do, by name."""

    def __init__(self) -> None:
        self._acts: dict[str, tuple[StandingAct, Role]] = {}

    def offer(self, name: str, act: StandingAct, *, who: Role = Role.EVERYONE) -> None:
        """Let buttons of that name do `act`, for those who have the role `who` when they press."""
        self._acts[name] = (act, who)

    def is_one(self, token: str) -> bool:
        """Tell whether a token is a standing button's."""
        return token.startswith(_SIGN)

    async def press(self, visit: Visit, token: str) -> Answer:
        """Do what a standing button stands for, if this person has the role for it."""
        name, _, about = token.removeprefix(_SIGN).partition(":")
        act, who = self._acts.get(name, (None, Role.EVERYONE))
        if act is None:
            return visit.say(f"press.{PressRefusal.EXPIRED}")
        if not may_use(who, visit.actor.rights):
            return visit.say(f"press.{PressRefusal.NOT_ALLOWED}")
        return await act(visit, about)
