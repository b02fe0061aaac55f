"""The desk's answers as Telegram's messages: texts, buttons, files, questions of a form."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from telegram import ForceReply, Message
from telegram.error import BadRequest, TelegramError

from bot.answers import Actor, Answer
from bot.errors import DeliveryError
from bot.plain_text import one_line, telegram_text
from bot.talk import Talk
from bot.telegram_buttons import desk_keyboard
from bot.telegram_forms import FormDesk, OpenForm, Taken
from bot.telegram_mapping import Spot, read_spot
from bot.telegram_private import PrivateWay
from bot.telegram_sender import LONGEST_ALERT, LONGEST_CAPTION, TelegramSender
from bot.text_parts import utf16_length

_log = logging.getLogger(__name__)
_LONGEST_PLACEHOLDER = 64
_MESSAGE_LINK = re.compile(r"(https://t\.me/(?:c/)?\w{1,32}/\d{1,20}(?:\?thread=\d{1,20})?)")


def desk_text(text: str) -> str:
    """Return a text of the desk for Telegram: harmless, save that links to messages of Telegram can be opened."""
    parts = _MESSAGE_LINK.split(text)
    return "".join(part if number % 2 else telegram_text(part) for number, part in enumerate(parts))


def alert_of(answer: Answer) -> str | None:
    """Return the text of an answer that a press may show in a box: short, private, and nothing else."""
    is_plain = not (answer.buttons or answer.attachment or answer.picture or answer.form or answer.replaces)
    text = desk_text(answer.text)
    return text if is_plain and answer.is_private and 0 < len(text) <= LONGEST_ALERT else None


class TelegramAnswers:
    """Writes answers where they belong."""

    def __init__(self, sender: TelegramSender, talk: Talk, forms: FormDesk, private: PrivateWay) -> None:
        """Take language from `talk`, keep open forms in `forms`."""
        self._sender = sender
        self._talk = talk
        self._forms = forms
        self._private = private

    async def give(
        self, answer: Answer, actor: Actor, spot: Spot, *, heard: int | None = None, pressed: Message | None = None
    ) -> None:
        """Write an answer. `heard` is the message it answers, `pressed` the one whose button was pressed. Logs what fails."""
        try:
            if answer.form is not None:
                await self._ask_first(
                    self._forms.begin(int(actor.user.id), int(actor.user.id), answer.form, actor), spot
                )
            elif answer.replaces and pressed is not None:
                await self._replace(answer, spot, pressed)
            elif answer.is_private:
                await self._private.bring(actor, spot, lambda where: self._write(answer, where), heard=heard)
            else:
                await self._write(answer, spot, heard if spot.is_group else None)
            await self.announce(answer)
        except (TelegramError, DeliveryError) as error:
            _log.warning("an answer did not get to its chat: %s", type(error).__name__)

    async def ask_on(self, opened: OpenForm, taken: Taken) -> None:
        """Ask the next question, or the same again where the answer to it did not fit. Logs what fails."""
        texts = await self._talk.texts(opened.actor)
        problem = None
        if taken is Taken.EMPTY:
            problem = texts.get("telegram.form_empty")
        elif taken is Taken.TOO_LONG:
            problem = texts.get("telegram.form_too_long", most=opened.field.max_length)
        try:
            await self._ask(opened, Spot(chat=int(opened.actor.user.id)), problem)
        except (TelegramError, DeliveryError) as error:
            _log.warning("a question did not get to its chat: %s", type(error).__name__)

    async def _ask_first(self, opened: OpenForm, spot: Spot) -> None:
        await self._private.bring(
            opened.actor, spot, lambda where: self._ask(opened, where, desk_text(opened.form.title))
        )

    async def _ask(self, opened: OpenForm, spot: Spot, above: str | None) -> Sequence[Message]:
        """Ask the question that is due, to be answered by a reply to it."""
        texts = await self._talk.texts(opened.actor)
        field = opened.field
        leave = texts.get("telegram.form_leave" if field.is_required else "telegram.form_leave_or_skip")
        lines = [above, desk_text(field.label), desk_text(field.placeholder), leave]
        placeholder = one_line(field.placeholder or field.label, _LONGEST_PLACEHOLDER)
        sent = await self._sender.text(
            spot,
            "\n\n".join(line for line in lines if line),
            markup=ForceReply(selective=True, input_field_placeholder=placeholder),
        )
        opened.question = sent[-1].message_id
        return sent

    async def _write(self, answer: Answer, spot: Spot, reply_to: int | None = None) -> Sequence[Message]:
        text, keyboard = desk_text(answer.text), desk_keyboard(answer.buttons)
        if answer.address:
            text = f"{text}\n\n{answer.address}"
        if answer.picture is not None:
            sent = await self._sender.text(spot, text, markup=keyboard, reply_to=reply_to)
            files = [file for file in (answer.picture, answer.attachment) if file is not None]
            return [*sent, *[await self._sender.file(spot, file) for file in files]]
        if answer.attachment is None:
            return await self._sender.text(spot, text, markup=keyboard, reply_to=reply_to) if text.strip() else []
        if utf16_length(text) <= LONGEST_CAPTION:
            return [await self._sender.document(spot, answer.attachment, caption=text, markup=keyboard)]
        sent = await self._sender.text(spot, text, reply_to=reply_to)
        return [*sent, await self._sender.document(spot, answer.attachment, markup=keyboard)]

    async def _replace(self, answer: Answer, spot: Spot, pressed: Message) -> None:
        """Put an answer in place of the message whose button was pressed; below it where that cannot be."""
        text = desk_text(answer.text)
        if answer.attachment is not None or pressed.text is None or not 0 < utf16_length(text) <= 4096:
            await self._sender.leave_buttons(spot, pressed.message_id)
            await self._write(answer, spot)
            return
        try:
            await self._sender.edit_text(spot, pressed.message_id, text, markup=desk_keyboard(answer.buttons))
        except BadRequest:  # too old to be edited
            await self._write(answer, spot)

    async def announce(self, answer: Answer) -> None:
        """Write the announcements; one that cannot be written fails nobody."""
        for announcement in answer.announcements:
            spot = read_spot(announcement.channel)
            if spot is None:
                _log.warning("an announcement names no chat of Telegram")
                continue
            try:
                keyboard = desk_keyboard(announcement.buttons)
                await self._sender.text(spot, desk_text(announcement.text), markup=keyboard)
            except (TelegramError, DeliveryError) as error:
                _log.warning("an announcement did not get to its chat: %s", type(error).__name__)
