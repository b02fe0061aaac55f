"""Forms on Telegram: one question after another, each answered by a reply to it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.answers import Actor, Form, FormField

KEPT_S = 900.0
_MOST_FORMS = 10_000


class Taken(StrEnum):
    """What came of an answer."""

    NEXT = "next"
    DONE = "done"
    EMPTY = "empty"
    TOO_LONG = "too_long"


@dataclass(kw_only=True)
class OpenForm:
    """A form that somebody is being asked. `question` is the id of the message that asks, once it is sent.

    `actor` is who opened the form and where, which may be a group while the questions are asked in private.
    """

    form: Form
    actor: Actor
    expires: float
    question: int | None = None
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def field(self) -> FormField:
        """The question that is asked now."""
        return self.form.fields[len(self.answers)]

    @property
    def values(self) -> Mapping[str, str]:
        """The answers so far, by the names of their fields."""
        return self.answers

    def take(self, text: str) -> Taken:
        """Take the answer to the question that is asked now; the same one is asked again when it does not fit."""
        text = text.strip()
        if not text and self.field.is_required:
            return Taken.EMPTY
        if len(text) > self.field.max_length:
            return Taken.TOO_LONG
        self.answers[self.field.name] = text
        return Taken.DONE if len(self.answers) == len(self.form.fields) else Taken.NEXT


class FormDesk:
    """The forms that are open, one for each person in a chat."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Let forms lapse after 15 minutes of `clock`."""
        self._clock = clock
        self._open: OrderedDict[tuple[int, int], OpenForm] = OrderedDict()

    def begin(self, chat: int, user: int, form: Form, actor: Actor) -> OpenForm:
        """Open a form; an earlier one of this person in this chat lapses."""
        opened = OpenForm(form=form, actor=actor, expires=self._clock() + KEPT_S)
        self._open.pop((chat, user), None)
        self._open[chat, user] = opened
        while len(self._open) > _MOST_FORMS:
            self._open.popitem(last=False)
        return opened

    def find(self, chat: int, user: int, replied: int | None = None) -> OpenForm | None:
        """Return the form that a person is being asked; with `replied`, only if that message is its question."""
        opened = self._open.get((chat, user))
        if opened is not None and self._clock() >= opened.expires:
            self.close(chat, user)
            return None
        if opened is not None and replied is not None and opened.question != replied:
            return None
        return opened

    def close(self, chat: int, user: int) -> bool:
        """Forget a form; False where none was open."""
        return self._open.pop((chat, user), None) is not None
