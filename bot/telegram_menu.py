"""The menus of commands that Telegram shows, by language and by where and for whom. They only suggest: rights are checked on use."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)

from bot.command_texts import command_description, group_description
from bot.commands import TELEGRAM, Command, Context, Role, commands_of
from bot.rendering import LANGUAGES

_LONGEST = 256  # characters of a description
DEFAULT_LANGUAGE = "en"  # shown to those whose client speaks none of our languages


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """One menu; an empty `language` is for all who have no menu of their own language."""

    scope: BotCommandScope
    language: str
    commands: tuple[BotCommand, ...]


def build_menus() -> tuple[Menu, ...]:
    """Build every menu from the declared commands: in private, in groups, and for administrators of groups."""
    scopes: tuple[tuple[BotCommandScope, Context, frozenset[Role]], ...] = (
        (BotCommandScopeAllPrivateChats(), Context.PRIVATE, frozenset({Role.EVERYONE})),
        (BotCommandScopeAllGroupChats(), Context.COMMUNITY, frozenset({Role.EVERYONE})),
        (
            BotCommandScopeAllChatAdministrators(),
            Context.COMMUNITY,
            frozenset({Role.EVERYONE, Role.MODERATOR, Role.ADMIN}),
        ),
    )
    return tuple(
        Menu(scope=scope, language=code, commands=_commands(language, context, roles))
        for scope, context, roles in scopes
        for language, code in [(DEFAULT_LANGUAGE, ""), *((language, language) for language in LANGUAGES)]
    )


def _commands(language: str, context: Context, roles: frozenset[Role]) -> tuple[BotCommand, ...]:
    shown: dict[str, BotCommand] = {}
    for command in commands_of(TELEGRAM):
        if context in command.contexts and command.who in roles:
            shown.setdefault(command.group, BotCommand(command.group, _description(language, command)[:_LONGEST]))
    return tuple(shown.values())


def _description(language: str, command: Command) -> str:
    return group_description(language, command.group) if command.word else command_description(language, command)
