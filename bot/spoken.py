"""What she says to a message, and the words around it, ready for a platform to make harmless and send."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.answers import Attachment, Button
from engine.types import Expression


class FaceMode(StrEnum):
    """How her face goes with a reply."""

    PICTURE = "picture"
    EMOJI = "emoji"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What she says to a message: `text` is her reply, or why there is none; `warning` stands below a reply.

    `face` is her face in a line of text. `is_private` says that it concerns this person alone; `can_regenerate` that
    `Talk.regenerate` takes `request_id`; `memory` is the mark of what was remembered, a button of the desk's. `buttons` are those of an
    interview, `files` go behind the text: pictures first.
    """

    request_id: str
    is_reply: bool
    text: str
    warning: str | None = None
    expression: Expression | None = None
    face: str | None = None
    face_mode: FaceMode = FaceMode.OFF
    is_private: bool = False
    is_cancelled: bool = False
    buttons: tuple[tuple[Button, ...], ...] = ()
    files: tuple[Attachment, ...] = ()
    can_regenerate: bool = False
    memory: Button | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkWords:
    """The labels and short lines around a conversation, in one person's language."""

    cancel: str
    regenerate: str
    not_yours: str
    too_late: str
