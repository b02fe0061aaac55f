"""Read the words behind a command into its options: `/memory forget 2`, `/block 1001 3d spam`. Pure.

Options stand in their declared order. The last required text takes the rest of the line; what is optional behind it is given as
`name=value`. Subcommands and choices are understood by their names in every language of the catalogues.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bot.commands import Command, Option, OptionKind, commands_of
from bot.desk import Value
from bot.rendering import LANGUAGES, read_catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A command with its options, ready for `Desk.run(command.name, arguments)`."""

    command: Command
    arguments: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """What could not be read: `option` is missing or wrong; without a command, no subcommand of `group` was named."""

    group: str
    command: Command | None = None
    option: Option | None = None


def read_words(platform: str, group: str, rest: str, *, replied_user: str | None = None) -> Read | Misread | None:
    """Read what follows `/group`; None where the platform has no such command.

    `replied_user` is the id of the author of the message that the command replies to: it stands for the first user option.
    """
    commands = [command for command in commands_of(platform) if command.group == group]
    if not commands:
        return None
    first, _, behind = _split(rest)
    if len(commands) == 1 and not commands[0].word:
        return _read_options(commands[0], rest.strip(), replied_user)
    if not first:
        return _read_options(commands[0], "", replied_user)
    for command in commands:
        if first.casefold() in _names(f"{command.text_key}.name", command.word):
            return _read_options(command, behind, replied_user)
    return Misread(group=group)


def bind(command: Command, arguments: Mapping[str, Value]) -> Read | Misread:
    """Check given values against the options of a command; texts become numbers where an option wants one."""
    bound: dict[str, Value] = {}
    for option in command.options:
        given = arguments.get(option.name)
        if given is None or given == "":
            if option.required:
                return Misread(group=command.group, command=command, option=option)
            continue
        value = _convert(option, given)
        if value is None:
            return Misread(group=command.group, command=command, option=option)
        bound[option.name] = value
    return Read(command=command, arguments=bound)


def _read_options(command: Command, rest: str, replied_user: str | None) -> Read | Misread:
    given: dict[str, Value] = {}
    rest = _take_named(command, rest, given)
    waiting = [option for option in command.options if option.name not in given]
    user = next((option for option in waiting if option.kind is OptionKind.USER), None)
    if replied_user is not None and user is not None:
        given[user.name] = replied_user
        waiting.remove(user)
    whole = next((option for option in reversed(waiting) if option.required and _takes_rest(option)), None)
    for option in waiting:
        if not rest:
            break
        if option is whole or (_takes_rest(option) and option is waiting[-1]):
            given[option.name], rest = rest, ""
            break
        given[option.name], _, rest = _split(rest)
    if rest:  # more words than options
        return Misread(group=command.group, command=command, option=command.options[-1] if command.options else None)
    return bind(command, given)


def _take_named(command: Command, rest: str, given: dict[str, Value]) -> str:
    """Take `name=value` words of optional options out of the line."""
    optional = {option.name for option in command.options if not option.required}
    kept = []
    for line in rest.split("\n"):
        words = []
        for word in line.split(" "):
            name, sign, value = word.partition("=")
            if sign and name in optional and name not in given:
                given[name] = value
            else:
                words.append(word)
        kept.append(" ".join(words))
    return "\n".join(kept).strip()


def _takes_rest(option: Option) -> bool:
    return option.kind is OptionKind.TEXT


def _split(text: str) -> tuple[str, str, str]:
    """Return the first word, an empty part and what stands behind it."""
    parts = text.split(None, 1)
    return (parts[0] if parts else "", "", parts[1].strip() if len(parts) > 1 else "")


def _convert(option: Option, given: Value) -> Value | None:
    match option.kind:
        case OptionKind.INTEGER | OptionKind.NUMBER:
            return _number(option, given)
        case OptionKind.CHOICE:
            text = str(given).strip().casefold()
            return next((value for value in option.choices if text in _names(f"choice.{value}", value)), None)
        case OptionKind.TEXT:
            text = str(given).strip()
            return text if 0 < len(text) <= option.max_length else None
        case OptionKind.USER | OptionKind.CHANNEL | OptionKind.ROLE:
            text = str(given).strip()
            return text if _is_id(text) else None


def _number(option: Option, given: Value) -> Value | None:
    try:
        value = float(str(given).strip().removeprefix("#"))
    except ValueError:
        return None
    if not math.isfinite(value) or (option.kind is OptionKind.INTEGER and not value.is_integer()):
        return None
    if option.minimum is not None and value < option.minimum:
        return None
    if value > (option.maximum if option.maximum is not None else 2**31 - 1):
        return None
    return int(value) if option.kind is OptionKind.INTEGER else value


def _is_id(text: str) -> bool:
    """Tell whether `text` may be an id of a platform: digits, a sign in front for groups, `:` before a topic."""
    return 0 < len(text) <= 64 and text.isascii() and text.replace(":", "").removeprefix("-").isdigit()


def _names(key: str, name: str) -> set[str]:
    return {name.casefold(), *(read_catalogue(language)[key].casefold() for language in LANGUAGES)}
