"""Every command, declared once: its name, options, who may use it and where. Both platforms register what stands here.

Texts come from the catalogues by key (`bot/command_texts.py`); `bot/command_words.py` reads words such as `/memory forget 2`
into options. What a command does stands in `bot/handlers`, wired in `bot/handlers/reception.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.answers import Rights

DISCORD, TELEGRAM = "discord", "telegram"
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.1, 1.2
LONGEST_TEXT = 500  # characters of a reason, a note or an edited memory


class OptionKind(StrEnum):
    """What an option takes. A user, channel or role is the platform's id as text."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    USER = "user"
    CHANNEL = "channel"
    ROLE = "role"


class Role(StrEnum):
    """Who may use a command; each role holds those before it."""

    EVERYONE = "everyone"
    MODERATOR = "moderator"
    ADMIN = "admin"
    OWNER = "owner"


class Context(StrEnum):
    """Where a command may be used: with her alone, or in a server or group."""

    PRIVATE = "private"
    COMMUNITY = "community"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a command.

    `text_key` names it in the catalogues: `<text_key>.name` and `<text_key>.description`. Bounds hold for integers and numbers,
    `max_length` for texts; `choices` are values, and `choice.<value>` is the label of one.
    """

    name: str
    kind: OptionKind = OptionKind.TEXT
    required: bool = True
    choices: tuple[str, ...] = ()
    autocomplete: bool = False
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = LONGEST_TEXT

    @property
    def text_key(self) -> str:
        """The beginning of the option's keys in the catalogues."""
        return f"option.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command. A subcommand's name is two words, `memory forget`; its group is the first.

    `ephemeral` says that its answer is for this person alone; of the others, a refusal still is.
    `opens_form` says that it may answer with a form, which Discord shows only as the first answer: do not defer it.
    """

    name: str
    options: tuple[Option, ...] = ()
    who: Role = Role.EVERYONE
    ephemeral: bool = True
    contexts: tuple[Context, ...] = (Context.PRIVATE, Context.COMMUNITY)
    platforms: tuple[str, ...] = (DISCORD, TELEGRAM)
    opens_form: bool = False

    @property
    def group(self) -> str:
        """The first word of the name, which Telegram registers."""
        return self.name.partition(" ")[0]

    @property
    def word(self) -> str:
        """The second word of the name; empty for a command without subcommands."""
        return self.name.partition(" ")[2]

    @property
    def text_key(self) -> str:
        """The beginning of the command's keys in the catalogues: `.name` and `.description` follow."""
        return f"command.{self.name.replace(' ', '.')}"

    def option(self, name: str) -> Option | None:
        """Return the option of that name."""
        return next((option for option in self.options if option.name == name), None)


_NUMBER = Option(name="number", kind=OptionKind.INTEGER, autocomplete=True, minimum=1, maximum=100_000)
_USER = Option(name="user", kind=OptionKind.USER)
_REASON = Option(name="reason")
_STATE = Option(name="state", kind=OptionKind.CHOICE, choices=("on", "off"), required=False)
_CHANNEL = Option(name="channel", kind=OptionKind.CHANNEL, required=False)
_ACTION = Option(name="action", kind=OptionKind.CHOICE, choices=("open", "revoke"), required=False)
_COMMUNITY = (Context.COMMUNITY,)
_MODERATOR, _ADMIN = Role.MODERATOR, Role.ADMIN

# The first subcommand of a group is what the bare group does on Telegram.
COMMANDS: tuple[Command, ...] = (
    Command(name="start", platforms=(TELEGRAM,), ephemeral=False),
    Command(name="help", options=(Option(name="command", required=False, autocomplete=True, max_length=32),)),
    Command(name="about"),
    Command(name="settings", platforms=(TELEGRAM,)),
    Command(name="memory list"),
    Command(name="memory edit", options=(_NUMBER, Option(name="value", max_length=80))),
    Command(name="memory forget", options=(_NUMBER,)),
    Command(name="memory pin", options=(_NUMBER,)),
    Command(name="memory pause", options=(_STATE,)),
    Command(name="reset"),
    Command(name="language", options=(Option(name="language", kind=OptionKind.CHOICE, choices=("ko", "en", "auto")),)),
    Command(name="timezone", options=(Option(name="zone", autocomplete=True, max_length=64),)),
    Command(name="privacy"),
    Command(name="mydata"),
    Command(name="forgetme"),
    Command(name="interview status"),
    Command(
        name="interview start",
        options=(Option(name="bank", required=False, autocomplete=True, max_length=64),),
        ephemeral=False,
    ),
    Command(name="interview hint", ephemeral=False),
    Command(name="interview skip", ephemeral=False),
    Command(name="interview pause", ephemeral=False),
    Command(name="interview resume", ephemeral=False),
    Command(name="interview end", ephemeral=False),
    Command(name="status"),
    Command(
        name="appeal",
        options=(Option(name="sanction", kind=OptionKind.INTEGER, required=False, autocomplete=True, minimum=1),),
        opens_form=True,
    ),
    Command(name="report", platforms=(TELEGRAM,), contexts=_COMMUNITY),
    Command(name="sanctions open", who=_MODERATOR),
    Command(name="sanctions user", who=_MODERATOR, options=(_USER,)),
    Command(name="sanctions category", who=_MODERATOR, options=(Option(name="category", autocomplete=True),)),
    Command(
        name="lift",
        who=_MODERATOR,
        options=(
            Option(name="sanction", kind=OptionKind.INTEGER, autocomplete=True, minimum=1),
            _REASON,
            Option(name="remaining", required=False, max_length=16),
        ),
    ),
    Command(
        name="overturn",
        who=_MODERATOR,
        options=(Option(name="sanction", kind=OptionKind.INTEGER, autocomplete=True, minimum=1), _REASON),
    ),
    Command(name="warn", who=_MODERATOR, options=(_USER, _REASON)),
    Command(name="block", who=_MODERATOR, options=(_USER, Option(name="length", max_length=16), _REASON)),
    Command(name="note", who=_MODERATOR, options=(_USER, Option(name="text"))),
    Command(name="dashboard", who=_MODERATOR, options=(_ACTION,)),
    Command(name="setup show", who=_ADMIN, contexts=_COMMUNITY),
    Command(name="setup channel", who=_ADMIN, contexts=_COMMUNITY, options=(_CHANNEL, _STATE)),
    Command(
        name="setup role",
        who=_ADMIN,
        contexts=_COMMUNITY,
        platforms=(DISCORD,),
        options=(Option(name="role", kind=OptionKind.ROLE), _STATE),
    ),
    Command(name="setup modlog", who=_ADMIN, contexts=_COMMUNITY, options=(_CHANNEL, _STATE)),
    Command(
        name="setup face",
        who=_ADMIN,
        contexts=_COMMUNITY,
        options=(Option(name="mode", kind=OptionKind.CHOICE, choices=("picture", "emoji", "off", "default")),),
    ),
    Command(name="persona show", who=_ADMIN, contexts=_COMMUNITY),
    Command(
        name="persona temperature",
        who=_ADMIN,
        contexts=_COMMUNITY,
        options=(
            Option(
                name="temperature",
                kind=OptionKind.NUMBER,
                required=False,
                minimum=LOWEST_TEMPERATURE,
                maximum=HIGHEST_TEMPERATURE,
            ),
        ),
    ),
    Command(name="stats", who=_ADMIN),
    Command(name="sync", who=Role.OWNER),
)

# Of a message's context menu on Discord; on Telegram it is /report as a reply. Both call `Desk.report`.
REPORT_MENU_KEY = "menu.report"


def commands_of(platform: str) -> tuple[Command, ...]:
    """Return the commands that a platform registers, in the order in which they are declared."""
    return tuple(command for command in COMMANDS if platform in command.platforms)


def find_command(name: str) -> Command | None:
    """Return the command of that name (`memory forget` for a subcommand)."""
    return next((command for command in COMMANDS if command.name == name), None)


def may_use(who: Role, rights: Rights) -> bool:
    """Tell whether somebody with `rights` may use what is for `who`."""
    match who:
        case Role.EVERYONE:
            return True
        case Role.MODERATOR:
            return rights.is_moderator or rights.is_admin or rights.is_owner
        case Role.ADMIN:
            return rights.is_admin or rights.is_owner
        case Role.OWNER:
            return rights.is_owner
