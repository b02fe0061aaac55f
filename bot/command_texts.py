"""The texts of commands: names, descriptions, choices and how a command is written."""

from __future__ import annotations

from bot.command_words import Misread
from bot.commands import COMMANDS, Command, Option, OptionKind
from bot.rendering import Texts, read_catalogue


def command_name(language: str, command: Command) -> str:
    """Return the last word of a command's name in a language."""
    return read_catalogue(language)[f"{command.text_key}.name"]


def command_description(language: str, command: Command) -> str:
    """Return what a command does, in at most 100 characters."""
    return read_catalogue(language)[f"{command.text_key}.description"]


def group_name(language: str, group: str) -> str:
    """Return the name of a group of subcommands, or of a command that has none."""
    return read_catalogue(language)[f"command.{group}.name"]


def group_description(language: str, group: str) -> str:
    """Return what a group of subcommands is for."""
    return read_catalogue(language)[f"command.{group}.description"]


def option_name(language: str, option: Option) -> str:
    """Return an option's name in a language."""
    return read_catalogue(language)[f"{option.text_key}.name"]


def option_description(language: str, option: Option) -> str:
    """Return what an option takes, in at most 100 characters."""
    return read_catalogue(language)[f"{option.text_key}.description"]


def choice_label(language: str, value: str) -> str:
    """Return the label of one of an option's choices."""
    return read_catalogue(language)[f"choice.{value}"]


def write_usage(texts: Texts, command: Command) -> str:
    """Write how a command is typed: `/memory forget <number>`."""
    parts = [f"/{command.name}"]
    for option in command.options:
        name = option_name(texts.language, option)
        if option.kind is OptionKind.CHOICE:
            name = "|".join(option.choices)
        parts.append(f"<{name}>" if option.required else f"[{name}]")
    return " ".join(parts)


def write_misread(texts: Texts, misread: Misread) -> str:
    """Say what could not be read, and how the command is written."""
    if misread.command is None:
        words = ", ".join(command.word for command in COMMANDS if command.group == misread.group)
        return texts.get("usage.subcommand", group=misread.group, words=words)
    usage = write_usage(texts, misread.command)
    if misread.option is None:
        return texts.get("usage.plain", usage=usage)
    return texts.get(
        "usage.option",
        usage=usage,
        option=option_name(texts.language, misread.option),
        description=option_description(texts.language, misread.option),
    )
