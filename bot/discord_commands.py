"""The declared commands in the form in which Discord registers them (pure)."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from bot.command_texts import (
    choice_label,
    command_description,
    command_name,
    group_description,
    group_name,
    option_description,
    option_name,
)
from bot.commands import DISCORD, REPORT_MENU_KEY, Command, Context, Option, OptionKind, Role, commands_of
from bot.rendering import read_catalogue

Json = dict[str, Any]

_CHAT_INPUT, _MESSAGE_MENU, _SUBCOMMAND = 1, 3, 1
_IN_SERVERS, _WITH_THE_BOT = 0, 1
_MODERATE_MEMBERS, _MANAGE_GUILD, _ADMINISTRATOR = 1 << 40, 1 << 5, 1 << 3
_KINDS = {
    OptionKind.TEXT: 3,
    OptionKind.CHOICE: 3,
    OptionKind.INTEGER: 4,
    OptionKind.USER: 6,
    OptionKind.CHANNEL: 7,
    OptionKind.ROLE: 8,
    OptionKind.NUMBER: 10,
}
_TALK_CHANNELS = [0, 5, 10, 11, 12, 15]  # text, announcements, threads, forum
# Who sees a command before a server's own settings say otherwise; who may use it is checked in the handlers.
_SEEN_BY = {Role.MODERATOR: _MODERATE_MEMBERS, Role.ADMIN: _MANAGE_GUILD, Role.OWNER: _ADMINISTRATOR}


def command_payload() -> list[Json]:
    """Return every command of Discord with its English and Korean texts, ready to register."""
    groups = groupby(commands_of(DISCORD), key=lambda command: command.group)
    return [*(_slash_command(group, list(members)) for group, members in groups), _report_menu()]


def report_menu_name() -> str:
    """Return the name under which Discord calls the command of a message's context menu."""
    return read_catalogue("en")[REPORT_MENU_KEY]


def _slash_command(group: str, members: list[Command]) -> Json:
    subcommands = [member for member in members if member.word]
    described: Json = {
        "type": _CHAT_INPUT,
        "name": group,
        "name_localizations": {"ko": group_name("ko", group)},
        "description": group_description("en", group),
        "description_localizations": {"ko": group_description("ko", group)},
        "options": [_subcommand(member) for member in subcommands] or _options(members[0]),
    }
    return described | _audience(members)


def _audience(members: list[Command]) -> Json:
    """Return where a command is shown, and to whom unless a server's admins decide otherwise."""
    contexts = {context for member in members for context in member.contexts}
    places = {Context.COMMUNITY: _IN_SERVERS, Context.PRIVATE: _WITH_THE_BOT}
    roles = {member.who for member in members}
    seen_by = next((_SEEN_BY.get(role) for role in Role if role in roles), None)
    audience: Json = {"contexts": sorted(places[context] for context in contexts), "integration_types": [0]}
    return audience if seen_by is None else {**audience, "default_member_permissions": seen_by}


def _subcommand(command: Command) -> Json:
    return {
        "type": _SUBCOMMAND,
        "name": command.word,
        "name_localizations": {"ko": command_name("ko", command)},
        "description": command_description("en", command),
        "description_localizations": {"ko": command_description("ko", command)},
        "options": _options(command),
    }


def _options(command: Command) -> list[Json]:
    """Return a command's options; Discord wants the required ones first."""
    return [_option(option) for option in sorted(command.options, key=lambda option: not option.required)]


def _option(option: Option) -> Json:
    described: Json = {
        "type": _KINDS[option.kind],
        "name": option.name,
        "name_localizations": {"ko": option_name("ko", option)},
        "description": option_description("en", option),
        "description_localizations": {"ko": option_description("ko", option)},
        "required": option.required,
    }
    if option.autocomplete:
        described["autocomplete"] = True
    match option.kind:
        case OptionKind.CHOICE:
            described["choices"] = [_choice(value) for value in option.choices]
        case OptionKind.TEXT:
            described["max_length"] = option.max_length
        case OptionKind.CHANNEL:
            described["channel_types"] = _TALK_CHANNELS
        case OptionKind.INTEGER | OptionKind.NUMBER:
            bounds = {"min_value": option.minimum, "max_value": option.maximum}
            kind = int if option.kind is OptionKind.INTEGER else float
            described |= {name: kind(bound) for name, bound in bounds.items() if bound is not None}
    return described


def _choice(value: str) -> Json:
    return {"name": choice_label("en", value), "name_localizations": {"ko": choice_label("ko", value)}, "value": value}


def _report_menu() -> Json:
    return {
        "type": _MESSAGE_MENU,
        "name": report_menu_name(),
        "name_localizations": {"ko": read_catalogue("ko")[REPORT_MENU_KEY]},
        "contexts": [_IN_SERVERS],
        "integration_types": [0],
    }
