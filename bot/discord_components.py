"""Buttons, forms and files of an answer as discord.py's objects."""

from __future__ import annotations

import io
from collections.abc import Sequence

import discord

from bot.answers import Attachment, Button, ButtonStyle, Form, FormField
from bot.plain_text import one_line

_STYLES = {
    ButtonStyle.PLAIN: discord.ButtonStyle.secondary,
    ButtonStyle.PRIMARY: discord.ButtonStyle.primary,
    ButtonStyle.DANGER: discord.ButtonStyle.danger,
}
_LABEL, _TITLE, _FIELD_LABEL, _PLACEHOLDER, _VALUE = 80, 45, 45, 100, 4000
_ROWS, _ROW, _FIELDS = 5, 5, 5
# Who a pressed button or an answered form is for.
DESK, DESK_FORM, KEPT_FORM, TURN, FORM = "d:", "f:", "o:", "t:", "m:"


def button_row(buttons: Sequence[tuple[str, str, ButtonStyle]]) -> discord.ui.View:
    """Return a row of buttons from label, id and style."""
    view = _still_view()
    for label, number, style in buttons:
        view.add_item(discord.ui.Button(label=one_line(label, _LABEL), custom_id=number, style=_STYLES[style]))
    return view


def desk_buttons(rows: Sequence[Sequence[Button]]) -> discord.ui.View | None:
    """Return the buttons of an answer, None where there are none; Discord takes five rows of five."""
    view = _still_view()
    for number, row in enumerate(rows[:_ROWS]):
        for button in row[:_ROW]:
            prefix = DESK_FORM if button.opens_form else DESK
            view.add_item(
                discord.ui.Button(
                    label=one_line(button.label, _LABEL),
                    custom_id=prefix + button.token,
                    style=_STYLES[button.style],
                    row=number,
                )
            )
    return view if view.children else None


def modal_of(form: Form) -> discord.ui.Modal:
    """Return a form as a window; Discord takes five questions of 4000 characters."""
    modal = discord.ui.Modal(title=one_line(form.title, _TITLE), custom_id=FORM + form.token)
    for field in form.fields[:_FIELDS]:
        modal.add_item(discord.ui.Label(text=one_line(field.label, _FIELD_LABEL), component=_input(field)))
    modal.stop()
    return modal


def file_of(attachment: Attachment) -> discord.File:
    """Return a file to send; it is read from memory, so that a retry sends it again."""
    return discord.File(io.BytesIO(attachment.data), filename=attachment.name)


def _still_view() -> discord.ui.View:
    """Return a view that is only shown: presses come to the client by their id, also after a restart."""
    view = discord.ui.View(timeout=None)
    view.stop()
    return view


def _input(field: FormField) -> discord.ui.TextInput[discord.ui.Modal]:
    return discord.ui.TextInput(
        custom_id=field.name,
        style=discord.TextStyle.paragraph if field.is_long else discord.TextStyle.short,
        placeholder=one_line(field.placeholder, _PLACEHOLDER) or None,
        required=field.is_required,
        max_length=min(field.max_length, _VALUE),
    )
