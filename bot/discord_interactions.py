"""Commands, buttons, forms and suggestions on Discord: each is brought to the desk, and its answer shown in time.

Discord wants the first answer within 3 s: whatever may take longer is deferred at once. A form can only be a first answer, so
what may open one (`opens_form`) is not deferred.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

import discord

from bot.answers import Actor, Answer, Choice
from bot.commands import DISCORD, OptionKind, find_command, may_use
from bot.desk import Desk
from bot.discord_channels import channel_problem
from bot.discord_components import DESK, DESK_FORM, FORM, TURN, modal_of
from bot.discord_mapping import actor_of_interaction, command_of, form_values, reported_message
from bot.discord_responses import Responder
from bot.discord_trouble import told
from bot.discord_turns import AGAIN, CANCEL, SHOW, DiscordTurns
from bot.handlers.chat import new_request_id
from bot.talk import Talk
from storage.records import UserKey

_log = logging.getLogger(__name__)
_SUGGEST_WITHIN_S = 2.0
_MOST_CHOICES, _LONGEST_CHOICE = 25, 100
_MESSAGE_MENU = 3
_MOST_LOCALES = 10_000


class DiscordInteractions:
    """Takes every interaction of a client."""

    def __init__(
        self, *, desk: Desk, talk: Talk, turns: DiscordTurns, responder: Responder, owners: frozenset[str]
    ) -> None:
        """Answer by `responder`; `owners` are ids of users."""
        self._desk = desk
        self._talk = talk
        self._turns = turns
        self._responder = responder
        self._owners = owners
        self._locales: OrderedDict[str, str] = OrderedDict()

    def locale_of(self, user: str) -> str:
        """Return the language of a person's client as last seen; messages do not tell it."""
        return self._locales.get(user, "")

    def forget(self, user: UserKey) -> None:
        """Drop what is kept of a person."""
        if user.platform == DISCORD:
            self._locales.pop(user.id, None)

    async def take(self, interaction: discord.Interaction) -> None:
        """Answer one interaction; whatever fails, its person gets a line with a number to ask about."""
        actor = actor_of_interaction(interaction, self._owners)
        self._locales[actor.user.id] = actor.client_locale
        self._locales.move_to_end(actor.user.id)
        if len(self._locales) > _MOST_LOCALES:
            self._locales.popitem(last=False)
        try:
            await self._answer(interaction, actor)
        except Exception as error:  # the edge of an interaction: the client goes on
            number = new_request_id()
            _log.error("request_id=%s an interaction failed: %s", number, told(error))
            _log.debug("request_id=%s", number, exc_info=error)
            await self._apologise(interaction, actor, number)

    async def _answer(self, interaction: discord.Interaction, actor: Actor) -> None:
        data = cast("Mapping[str, Any]", interaction.data or {})
        match interaction.type:
            case discord.InteractionType.application_command if data.get("type") == _MESSAGE_MENU:
                await self._report(interaction, actor, data)
            case discord.InteractionType.application_command:
                await self._run(interaction, actor, data)
            case discord.InteractionType.autocomplete:
                await self._suggest(interaction, actor, data)
            case discord.InteractionType.component:
                await self._press(interaction, actor, str(data["custom_id"]))
            case discord.InteractionType.modal_submit:
                await self._submit(interaction, actor, data)

    async def _run(self, interaction: discord.Interaction, actor: Actor, data: Mapping[str, Any]) -> None:
        name, options, _ = command_of(data)
        command = find_command(name)
        if command is None or not command.opens_form:
            await self._responder.defer(interaction, is_private=command is None or command.ephemeral)
        if command is not None and may_use(command.who, actor.rights):
            guild = interaction.client.get_guild(interaction.guild_id or 0)
            if problem := channel_problem(command, options, guild, interaction.channel_id):
                texts = await self._talk.texts(actor)
                await self._responder.show(interaction, Answer(text=texts.get(problem)))
                return
        await self._responder.show(interaction, await self._desk.run(actor, name, options))

    async def _report(self, interaction: discord.Interaction, actor: Actor, data: Mapping[str, Any]) -> None:
        await self._responder.defer(interaction, is_private=True)
        message = data["resolved"]["messages"][str(data["target_id"])]
        answer = await self._desk.report(actor, reported_message(message, interaction.guild_id))
        await self._responder.show(interaction, answer)

    async def _press(self, interaction: discord.Interaction, actor: Actor, number: str) -> None:
        if number.startswith(TURN):
            await self._press_turn(interaction, actor, number.removeprefix(TURN))
        elif number.startswith(DESK_FORM):
            await self._responder.show(interaction, await self._desk.press(actor, number.removeprefix(DESK_FORM)))
        elif number.startswith(DESK):
            await self._responder.defer_update(interaction)
            await self._responder.show(interaction, await self._desk.press(actor, number.removeprefix(DESK)))
        elif (form := self._responder.kept_form(number)) is not None:
            await interaction.response.send_modal(modal_of(form))
        else:
            words = await self._talk.words(actor)
            await self._responder.show(interaction, Answer(text=words.too_late))

    async def _press_turn(self, interaction: discord.Interaction, actor: Actor, number: str) -> None:
        kind, request_id, asker = number.split(":")
        if asker != actor.user.id:
            words = await self._talk.words(actor)
            await self._responder.show(interaction, Answer(text=words.not_yours))
            return
        if kind == SHOW and (text := self._turns.private_text(request_id)) is not None:
            await self._responder.show(interaction, Answer(text=text))
            return
        await self._responder.defer_update(interaction)
        message = interaction.message
        is_done = kind == CANCEL and self._turns.cancel(request_id)
        if kind == AGAIN and message is not None and interaction.channel_id is not None:
            is_done = self._turns.again(
                actor, request_id, channel=interaction.channel_id, message=message.id, text=message.content
            )
        if not is_done:
            words = await self._talk.words(actor)
            await self._responder.show(interaction, Answer(text=words.too_late))

    async def _submit(self, interaction: discord.Interaction, actor: Actor, data: Mapping[str, Any]) -> None:
        if interaction.message is not None:
            await self._responder.defer_update(interaction)
        else:
            await self._responder.defer(interaction, is_private=True)
        token = str(data["custom_id"]).removeprefix(FORM)
        answer = await self._desk.submit(actor, token, form_values(data["components"]))
        await self._responder.show(interaction, answer)

    async def _suggest(self, interaction: discord.Interaction, actor: Actor, data: Mapping[str, Any]) -> None:
        """Suggest values for the option that is being typed; nothing when that takes too long."""
        name, options, focused = command_of(data)
        found: list[Choice] = []
        try:
            async with asyncio.timeout(_SUGGEST_WITHIN_S):
                found = await self._desk.complete(actor, name, focused, str(options.get(focused, "")))
        except TimeoutError:
            _log.info("suggestions for an option came too late")
        command = find_command(name)
        option = command.option(focused) if command is not None else None
        kind = option.kind if option is not None else OptionKind.TEXT
        choices = [
            discord.app_commands.Choice(name=choice.label[:_LONGEST_CHOICE] or choice.value, value=value)
            for choice in found
            if (value := _choice_value(kind, choice.value)) is not None
        ]
        await interaction.response.autocomplete(choices[:_MOST_CHOICES])

    async def _apologise(self, interaction: discord.Interaction, actor: Actor, number: str) -> None:
        if interaction.type is discord.InteractionType.autocomplete:
            return
        try:
            texts = await self._talk.texts(actor)
            await self._responder.show(interaction, Answer(text=texts.get("rejection.error", request_id=number)))
        except Exception as error:
            _log.warning("request_id=%s nor could that be said: %s", number, told(error))


def _choice_value(kind: OptionKind, value: str) -> str | int | float | None:
    """Return a suggestion as the type of its option; None where it is none."""
    try:
        match kind:
            case OptionKind.INTEGER:
                return int(value)
            case OptionKind.NUMBER:
                return float(value)
    except ValueError:
        return None
    return value[:_LONGEST_CHOICE]
