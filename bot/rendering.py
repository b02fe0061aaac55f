"""Our types as text for people: the only user-facing wording, from the catalogues in bot/locales."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.messages.pofile import read_po

from engine.types import ChatOutcome, ChatReply, Expression, Eyes, Mouth, Notice, Pose, Rejection
from storage.records import Sanction, SanctionKind

LOCALES_DIR = Path(__file__).resolve().parent / "locales"
LANGUAGES = ("ko", "en")
_EYE_SIGNS = {Eyes.SMALL: "ᴗ", Eyes.NORMAL: "•", Eyes.WIDE: "◉", Eyes.VERY_WIDE: "✦"}
_MOUTH_SIGNS = {Mouth.NORMAL: "‿", Mouth.WIDE: "▽", Mouth.VERY_WIDE: "◯"}
_POSE_SPACES = {Pose.NONE: (1, 1), Pose.NORMAL: (0, 2), Pose.FAR: (0, 4)}


@cache
def read_catalogue(language: str) -> Mapping[str, str]:
    """Read the texts of a language (ko or en) by key."""
    with (LOCALES_DIR / f"{language}.po").open("rb") as stream:
        return {str(message.id): str(message.string) for message in read_po(stream) if message.id}


class Texts:
    """The texts of one language and one time zone."""

    def __init__(self, locale: str, zone: ZoneInfo) -> None:
        """Take Korean for ko…, English for every other `locale`; moments are written in `zone`."""
        self.language = "ko" if locale.lower().startswith("ko") else "en"
        self._zone = zone
        self._texts = read_catalogue(self.language)

    def get(self, key: str, **values: Any) -> str:
        """Return the text of `key` with its `{values}` filled in."""
        return self._texts[key].format(**values)

    def moment(self, value: datetime) -> str:
        """Write a moment in the reader's language and time zone."""
        form = "yyyy년 M월 d일 aaaa h:mm" if self.language == "ko" else "d MMM yyyy, HH:mm zzz"
        return format_datetime(value.astimezone(self._zone), form, locale=self.language)

    def category(self, name: str) -> str:
        """Write a category's name."""
        return self._texts.get(f"category.{name}", name)

    def notice(self, notice: Notice) -> str:
        """Write what a user must be told of a sanction."""
        categories = ", ".join(self.category(name) for name in notice.categories)
        if notice.kind is SanctionKind.BLOCK and notice.expires_at is not None:
            until = self.moment(notice.expires_at)
            return self.get("block.notice", categories=categories, level=notice.level, until=until)
        return self.get("warning.notice", categories=categories, level=notice.level)

    def outcome(self, outcome: ChatOutcome, request_id: str) -> str:
        """Write the line that answers a message: her reply, or why there is none."""
        if isinstance(outcome, ChatReply):
            return outcome.text
        return self._rejection(outcome, request_id)

    def _rejection(self, rejection: Rejection, request_id: str) -> str:
        if rejection.notice is not None:
            return self.notice(rejection.notice)
        return self.get(f"rejection.{rejection.reason}", request_id=request_id)

    def sanction(self, number: int, sanction: Sanction, now: datetime) -> str:
        """Write one line of a user's sanction log."""
        values = {
            "number": number,
            "category": self.category(sanction.category),
            "level": sanction.level,
            "started": self.moment(sanction.started_at),
        }
        if sanction.expires_at is None:
            return self.get("sanctions.warning", **values)
        state = self.get("sanctions.active" if sanction.expires_at > now else "sanctions.over")
        return self.get("sanctions.block", **values, until=self.moment(sanction.expires_at), state=state)


def draw_face(expression: Expression) -> str:
    """Draw a face in one line of text: eyes, mouth, and the head turned by moving them aside."""
    eye, mouth = _EYE_SIGNS[expression.eyes], _MOUTH_SIGNS[expression.mouth]
    before, behind = _POSE_SPACES[expression.pose]
    return f"({' ' * before}{eye} {mouth} {eye}{' ' * behind})"


def printable(text: str) -> str:
    """Return `text` without control characters, so that no text can steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
