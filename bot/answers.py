"""What crosses between the platforms and the handlers: who acts and where, and what they are answered with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from engine.types import DEFAULT_TIME_ZONE
from storage.records import ConversationKey, UserKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something happens. `community` is the server or group, None in private; `channel` the channel, chat or topic."""

    conversation: ConversationKey
    community: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the platform and the list of owners say of a person in a place, read anew on every use."""

    is_moderator: bool = False
    is_admin: bool = False
    is_owner: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. `client_locale` is the language of their client (ko, en-US, …), empty where it is unknown."""

    user: UserKey
    place: Place
    rights: Rights = field(default_factory=Rights)
    name: str = ""
    client_locale: str = ""
    zone: ZoneInfo = DEFAULT_TIME_ZONE


class ButtonStyle(StrEnum):
    """How a button looks where the platform can show it."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button; `token` is opaque and at most 32 bytes: hand it back to `Desk.press`.

    `opens_form` says that the press is answered with a form, which Discord shows only as the first answer: do not defer it.
    """

    label: str
    token: str
    style: ButtonStyle = ButtonStyle.PLAIN
    opens_form: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One question of a form."""

    name: str
    label: str
    placeholder: str = ""
    is_long: bool = False
    is_required: bool = True
    max_length: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Questions that a person answers in the platform's own way; their answers go to `Desk.submit` with `token`."""

    token: str
    title: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with an answer."""

    name: str
    data: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person is answered: text in plain words (no markup), rows of buttons, a file, or a form in place of all that.

    `is_private` asks for an answer that only this person sees; `replaces` puts it in place of the message whose button was pressed.
    `address` is a web address of ours below the text, which stays one that can be opened: texts are made harmless.
    `picture` is a PNG that is shown with the text.
    """

    text: str = ""
    address: str = ""
    buttons: tuple[tuple[Button, ...], ...] = ()
    attachment: Attachment | None = None
    picture: Attachment | None = None
    form: Form | None = None
    is_private: bool = True
    replaces: bool = False
    announcements: tuple[Announcement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A text for another channel of the same platform, for example a community's modlog."""

    channel: str
    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One suggestion while an option is typed."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMessage:
    """A message that somebody reports to the moderators; `link` opens it."""

    author: UserKey
    author_name: str
    text: str
    link: str
