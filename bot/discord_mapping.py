"""Discord's events as ours: who acts, where, with which rights, and what they say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

from bot.answers import Actor, Place, ReportedMessage, Rights
from bot.commands import DISCORD
from bot.desk import Value
from storage.records import ConversationKey, UserKey

_TALK_TYPES = (discord.MessageType.default, discord.MessageType.reply)
_PEOPLE, _ROLES, _CHANNELS, _EMOJI = (
    re.compile(pattern) for pattern in (r"<@!?(\d+)>", r"<@&(\d+)>", r"<#(\d+)>", r"<a?(:\w+:)\d+>")
)
_SUBCOMMANDS = (1, 2)


def user_key(number: int) -> UserKey:
    """Return the key of a user of Discord."""
    return UserKey(platform=DISCORD, id=str(number))


def place_of(guild_id: int | None, channel_id: int | None) -> Place:
    """Return where something happens; a thread is a channel of its own, and so is a private conversation."""
    channel = str(channel_id or 0)
    community = None if guild_id is None else str(guild_id)
    return Place(conversation=ConversationKey(platform=DISCORD, id=channel), community=community, channel=channel)


def rights_of(user: discord.User | discord.Member, permissions: discord.Permissions, *, is_owner: bool) -> Rights:
    """Return what a person may do in a server: its managers are admins; who may time people out is a moderator.

    Roles that a server's admins made moderators by `/setup role` are judged in the handlers, from `roles`.
    """
    roles = getattr(user, "_roles", ())  # ids; Member.roles would need the roles themselves
    is_admin = permissions.administrator or permissions.manage_guild
    return Rights(
        is_moderator=is_admin or permissions.moderate_members,
        is_admin=is_admin,
        is_owner=is_owner,
        roles=tuple(str(role) for role in roles),
    )


def actor_of_message(message: discord.Message, client_locale: str = "") -> Actor:
    """Return who wrote a message. Talking needs no rights; `client_locale` is known from elsewhere, a message tells none."""
    guild_id = None if message.guild is None else message.guild.id
    return Actor(
        user=user_key(message.author.id),
        place=place_of(guild_id, message.channel.id),
        name=message.author.display_name,
        client_locale=client_locale,
    )


def actor_of_interaction(interaction: discord.Interaction, owners: frozenset[str]) -> Actor:
    """Return who ran a command, pressed a button or answered a form."""
    is_owner = str(interaction.user.id) in owners
    in_server = interaction.guild_id is not None
    permissions = interaction.permissions if in_server else discord.Permissions.none()
    return Actor(
        user=user_key(interaction.user.id),
        place=place_of(interaction.guild_id, interaction.channel_id),
        rights=rights_of(interaction.user, permissions, is_owner=is_owner),
        name=interaction.user.display_name,
        client_locale=interaction.locale.value,
    )


def is_from_person(message: discord.Message) -> bool:
    """Tell whether a person wrote a message: no bot, no webhook, and no report such as "… joined the server"."""
    return not message.author.bot and message.webhook_id is None and message.type in _TALK_TYPES


def is_private(message: discord.Message) -> bool:
    """Tell whether only its author and she read a message. One of a server that she does not know (any more) names no server either."""
    return isinstance(message.channel, discord.DMChannel)


def is_addressed(message: discord.Message, me: int) -> bool:
    """Tell whether a message is for her: in private, naming her, or replying to one of hers."""
    if is_private(message) or any(person.id == me for person in message.mentions):
        return True
    original = message.reference.resolved if message.reference is not None else None
    return isinstance(original, discord.Message) and original.author.id == me


def spoken_text(message: discord.Message, me: int) -> str:
    """Return what a message says: her own name left out, other mentions as plain names; a lone sticker says its name."""
    people = {person.id: person.display_name for person in message.mentions}
    roles = {role.id: role.name for role in message.role_mentions}
    channels = {channel.id: channel.name for channel in message.channel_mentions}
    text = _PEOPLE.sub(lambda found: _named(found, people, me), message.content)
    text = _ROLES.sub(lambda found: _named(found, roles, me), text)
    text = _CHANNELS.sub(lambda found: _named(found, channels, me), text)
    text = re.sub(r"[ \t]{2,}", " ", _EMOJI.sub(r"\1", text)).strip()
    return text or next((sticker.name for sticker in message.stickers), "")


def _named(found: re.Match[str], names: Mapping[int, str], me: int) -> str:
    number = int(found[1])
    return "" if number == me else names.get(number, "")


def reported_message(message: Mapping[str, Any], guild_id: int | None) -> ReportedMessage:
    """Return a message, as Discord sends it with a command of its context menu, as it is reported."""
    author = message["author"]
    return ReportedMessage(
        author=user_key(int(author["id"])),
        author_name=str(author.get("global_name") or author["username"]),
        text=str(message["content"]),
        link=f"https://discord.com/channels/{guild_id or '@me'}/{message['channel_id']}/{message['id']}",
    )


def command_of(data: Mapping[str, Any]) -> tuple[str, dict[str, Value], str]:
    """Return a command's name (`memory forget` for a subcommand), its options, and the option that is being typed."""
    name, options = str(data["name"]), list(data.get("options", []))
    if options and options[0]["type"] in _SUBCOMMANDS:
        name, options = f"{name} {options[0]['name']}", options[0].get("options", [])
    focused = next((str(option["name"]) for option in options if option.get("focused")), "")
    return name, {str(option["name"]): option["value"] for option in options}, focused


def form_values(components: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the answers to a form by field, whether its inputs stand in rows or under labels."""
    return {str(part["custom_id"]): str(part.get("value") or "") for part in _inputs(components)}


def _inputs(components: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for component in components:
        inner = component.get("components") or ([component["component"]] if "component" in component else [])
        if inner:
            yield from _inputs(inner)
        elif "custom_id" in component:
            yield component
