"""Whether a command may name a channel: judged by what the server is like, whatever a client offered. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.commands import Command, OptionKind
from bot.desk import Value

_ELSEWHERE, _CLOSED = "discord.no_such_channel", "discord.closed_channel"


def channel_problem(
    command: Command, arguments: Mapping[str, Value], guild: discord.Guild | None, here: int | None
) -> str | None:
    """Return the key of the text that says why a command cannot have its channel; None where it can, or names none.

    It has to be one of that server in which she may read and write; where none is named it is the channel `here`. What takes a
    channel back (`state` off) may name one that is gone.
    """
    named = next((option.name for option in command.options if option.kind is OptionKind.CHANNEL), None)
    if named is None or arguments.get("state") == "off":
        return None
    number = str(arguments.get(named, here))
    channel = guild.get_channel_or_thread(int(number)) if guild is not None and number.isdecimal() else None
    if not isinstance(channel, discord.TextChannel | discord.Thread | discord.ForumChannel):
        return _ELSEWHERE
    if command.word == "modlog" and isinstance(channel, discord.ForumChannel):
        return _ELSEWHERE  # a forum takes posts, not messages
    return None if _may_write(channel) else _CLOSED


def _may_write(channel: discord.TextChannel | discord.Thread | discord.ForumChannel) -> bool:
    try:
        granted = channel.permissions_for(channel.guild.me)
    except discord.ClientException:  # a thread whose channel she cannot see
        return False
    in_thread = isinstance(channel, discord.Thread | discord.ForumChannel)
    return granted.view_channel and (granted.send_messages_in_threads if in_thread else granted.send_messages)
