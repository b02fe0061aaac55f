"""Buttons under Telegram's messages: the desk's, and those of a conversation (cancel, say it again)."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import KeyboardButtonStyle

from bot.answers import Button, ButtonStyle
from bot.plain_text import one_line
from bot.talk import Conversing

DESK, TALK = "d:", "t:"  # in front of a token, so that a press finds whose it is; 64 bytes are allowed in all
_LONGEST_LABEL = 64
_STYLES = {ButtonStyle.PRIMARY: KeyboardButtonStyle.PRIMARY, ButtonStyle.DANGER: KeyboardButtonStyle.DANGER}


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTurn:
    """The button that gives a waiting message up."""

    talking: Conversing


@dataclass(frozen=True, slots=True, kw_only=True)
class SayAgain:
    """The button that has a message answered again; `heard` is the id of that message."""

    request_id: str
    heard: int | None


TalkAct = CancelTurn | SayAgain


def desk_keyboard(rows: tuple[tuple[Button, ...], ...]) -> InlineKeyboardMarkup | None:
    """Return the desk's buttons as a keyboard; None where there are none."""
    keyboard = [[_desk_button(button) for button in row] for row in rows if row]
    return InlineKeyboardMarkup(keyboard) if keyboard else None


def talk_keyboard(label: str, token: str) -> InlineKeyboardMarkup:
    """Return one button of a conversation."""
    button = InlineKeyboardButton(one_line(label, _LONGEST_LABEL), callback_data=f"{TALK}{token}")
    return InlineKeyboardMarkup([[button]])


def reply_keyboard(again: tuple[str, str] | None, memory: Button | None) -> InlineKeyboardMarkup | None:
    """Return what stands below a reply: label and token of the button to say it again, and the mark of what was remembered."""
    row = []
    if again is not None:
        row.append(InlineKeyboardButton(one_line(again[0], _LONGEST_LABEL), callback_data=f"{TALK}{again[1]}"))
    if memory is not None:
        row.append(_desk_button(memory))
    return InlineKeyboardMarkup([row]) if row else None


def without_talk(keyboard: InlineKeyboardMarkup | None) -> InlineKeyboardMarkup | None:
    """Return a keyboard without the buttons of a conversation: the mark of what was remembered works for ever."""
    rows = () if keyboard is None else keyboard.inline_keyboard
    kept = [[button for button in row if not str(button.callback_data or "").startswith(TALK)] for row in rows]
    kept = [row for row in kept if row]
    return InlineKeyboardMarkup(kept) if kept else None


def link_keyboard(label: str, url: str) -> InlineKeyboardMarkup:
    """Return one button that opens `url`."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(one_line(label, _LONGEST_LABEL), url=url)]])


def _desk_button(button: Button) -> InlineKeyboardButton:
    label = one_line(button.label, _LONGEST_LABEL)
    return InlineKeyboardButton(label, callback_data=f"{DESK}{button.token}", style=_STYLES.get(button.style))
