"""How an answer of the desk is shown for an interaction: deferred or not, in place of a message, in parts, as a form."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

import discord

from bot.answers import Answer, ButtonStyle, Form
from bot.discord_components import KEPT_FORM, button_row, desk_buttons, file_of, modal_of
from bot.discord_post import DiscordPost
from bot.discord_trouble import is_gone
from bot.errors import DeliveryError
from bot.plain_text import discord_answer
from bot.text_parts import split_text

_log = logging.getLogger(__name__)
_LIMIT = 2000
_ALREADY_ACKNOWLEDGED = 40060
_TOO_LATE = (10015, 10062, 50027)  # an interaction can be answered for 15 minutes, and for the first time within 3 s
_MOST_FORMS = 1000


class Responder:
    """Shows answers. What it does to one interaction stands in `interaction.extras`."""

    def __init__(self, post: DiscordPost) -> None:
        """Announce in other channels by `post`."""
        self._post = post
        self._forms: OrderedDict[str, Form] = OrderedDict()

    def kept_form(self, number: str) -> Form | None:
        """Return the form behind a button that opens one."""
        return self._forms.get(number.removeprefix(KEPT_FORM)) if number.startswith(KEPT_FORM) else None

    async def defer(self, interaction: discord.Interaction, *, is_private: bool) -> None:
        """Say that an answer follows; whether only this person sees it is decided here.

        Raises:
            discord.HTTPException: it came too late.
        """
        await self._acknowledge(interaction, "private" if is_private else "public", ephemeral=is_private, thinking=True)

    async def defer_update(self, interaction: discord.Interaction) -> None:
        """Say that the message whose button was pressed may change.

        Raises:
            discord.HTTPException: it came too late.
        """
        await self._acknowledge(interaction, "update")

    async def show(self, interaction: discord.Interaction, answer: Answer) -> None:
        """Show an answer in the way that is left after what was done before, and make its announcements.

        Raises:
            discord.HTTPException: Discord does not take it.
        """
        if answer.form is not None:
            await self._show_form(interaction, answer.form)
        elif answer.text or answer.attachment is not None:
            await self._show_message(interaction, answer)
        elif answer.replaces and interaction.message is not None and not interaction.response.is_done():
            await self.defer_update(interaction)
        await self.announce(answer)

    async def _acknowledge(self, interaction: discord.Interaction, how: str, **options: bool) -> None:
        interaction.extras["deferred"] = how
        try:
            await interaction.response.defer(**options)
        except discord.HTTPException as error:
            if error.code != _ALREADY_ACKNOWLEDGED:  # else an earlier try arrived, and only its answer was lost
                raise

    async def _show_form(self, interaction: discord.Interaction, form: Form) -> None:
        if "deferred" not in interaction.extras:
            await interaction.response.send_modal(modal_of(form))
            return
        self._forms[form.token] = form
        if len(self._forms) > _MOST_FORMS:
            self._forms.popitem(last=False)
        row = button_row([(form.title, KEPT_FORM + form.token, ButtonStyle.PRIMARY)])
        await self._show_parts(
            interaction, [discord_answer(form.title)], {"view": row}, is_private=True, replaces=False
        )

    async def _show_message(self, interaction: discord.Interaction, answer: Answer) -> None:
        parts = split_text(discord_answer(answer.text), _LIMIT) or [""]
        if answer.address:
            parts.append(f"<{answer.address}>")  # in brackets it has no preview
        files = [file for file in (answer.picture, answer.attachment) if file is not None]
        tail: dict[str, Any] = {}
        if (view := desk_buttons(answer.buttons)) is not None:
            tail["view"] = view
        if files:
            tail["files"] = [file_of(file) for file in files]
        try:
            await self._show_parts(interaction, parts, tail, is_private=answer.is_private, replaces=answer.replaces)
        except discord.HTTPException as error:
            channel = interaction.channel_id
            in_server = interaction.guild_id is not None
            if error.code not in _TOO_LATE or channel is None or (in_server and answer.is_private):
                raise
            shown = interaction.extras.get("parts", 0)
            await self._write_late(channel, parts[shown:], view, [(file.name, file.data) for file in files])

    async def _write_late(
        self, channel: int, parts: list[str], view: discord.ui.View | None, files: list[tuple[str, bytes]]
    ) -> None:
        """Write an answer as a message of its own: its turn waited for longer than its interaction lives."""
        for part in parts[:-1]:
            await self._post.send(channel, part)
        await self._post.send(channel, parts[-1], view=view, files=files)

    async def _show_parts(
        self,
        interaction: discord.Interaction,
        parts: list[str],
        tail: dict[str, Any],
        *,
        is_private: bool,
        replaces: bool,
    ) -> None:
        """Show the parts of a text one after another; `tail` goes with the last one."""
        for number, part in enumerate(parts):
            options = tail if number == len(parts) - 1 else {}
            if number == 0:
                await self._show_first(interaction, part, options, is_private=is_private, replaces=replaces)
            else:
                await interaction.followup.send(part, ephemeral=is_private, wait=True, **options)
            interaction.extras["parts"] = number + 1

    async def _show_first(
        self, interaction: discord.Interaction, text: str, options: dict[str, Any], *, is_private: bool, replaces: bool
    ) -> None:
        deferred = interaction.extras.get("deferred")
        view = options.get("view")
        files = options.get("files", [])
        if deferred is None and replaces and interaction.message is not None:
            await interaction.response.edit_message(content=text, view=view, attachments=files)
        elif deferred is None:
            await self._send_first(interaction, text, options, is_private=is_private)
        elif deferred == "update" and not replaces:
            await interaction.followup.send(text, ephemeral=is_private, wait=True, **options)
        elif deferred == "public" and is_private:
            await interaction.delete_original_response()
            await interaction.followup.send(text, ephemeral=True, wait=True, **options)
        else:
            await interaction.edit_original_response(content=text, view=view, attachments=files)

    async def _send_first(
        self, interaction: discord.Interaction, text: str, options: dict[str, Any], *, is_private: bool
    ) -> None:
        try:
            await interaction.response.send_message(text, ephemeral=is_private, **options)
        except discord.HTTPException as error:
            if error.code != _ALREADY_ACKNOWLEDGED:
                raise
        interaction.extras["deferred"] = "private" if is_private else "public"

    async def announce(self, answer: Answer) -> None:
        """Write the announcements; one that cannot be written fails nobody."""
        for announcement in answer.announcements:
            parts = split_text(discord_answer(announcement.text), _LIMIT)
            try:
                for number, part in enumerate(parts):
                    view = desk_buttons(announcement.buttons) if number == len(parts) - 1 else None
                    await self._post.send(int(announcement.channel), part, view=view)
            except (DeliveryError, discord.HTTPException, ValueError) as error:
                gone = isinstance(error, discord.HTTPException) and is_gone(error)
                _log.warning("an announcement was not written: %s", "no such channel" if gone else type(error).__name__)
