"""What to do with each update of Telegram: a command, a press, an answer to a question, or something said to her."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from telegram import CallbackQuery, Message, Update, User

from bot.answers import Actor
from bot.command_texts import write_misread
from bot.command_words import Misread, Read, read_words
from bot.commands import TELEGRAM, OptionKind
from bot.desk import Desk
from bot.handlers.chat import new_request_id
from bot.talk import Talk
from bot.telegram_answers import TelegramAnswers, alert_of
from bot.telegram_buttons import DESK, TALK
from bot.telegram_forms import FormDesk, OpenForm, Taken
from bot.telegram_mapping import (
    Me,
    Spot,
    TypedCommand,
    actor_of,
    command_of,
    is_addressed,
    is_anonymous_admin,
    is_command,
    is_from_person,
    read_spot,
    replied_message,
    reported_message,
    spoken_text,
    spot_of,
)
from bot.telegram_private import PrivateWay
from bot.telegram_rights import ChatRights
from bot.telegram_sender import TelegramSender
from bot.telegram_turns import TelegramTurns
from storage.records import CommunityKey

_log = logging.getLogger(__name__)
_START, _LEAVE, _SKIP, _REPORT = "start", "cancel", "skip", "report"
_LONGEST_NAME = 32


class TelegramUpdates:
    """Takes updates in each chat's order. What is written in answer goes on in tasks of its own, so that nothing waits for it."""

    def __init__(
        self,
        *,
        desk: Desk,
        talk: Talk,
        me: Me,
        sender: TelegramSender,
        answers: TelegramAnswers,
        turns: TelegramTurns,
        forms: FormDesk,
        private: PrivateWay,
        rights: ChatRights,
    ) -> None:
        """Bring commands to `desk`, words to `turns`."""
        self._desk = desk
        self._talk = talk
        self._me = me
        self._sender = sender
        self._answers = answers
        self._turns = turns
        self._forms = forms
        self._private = private
        self._rights = rights
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, update: Update) -> None:
        """Take an update, unless it was taken before; whatever fails, its person gets a line."""
        try:
            if not (await self._concerns_her(update) and await self._desk.is_new(TELEGRAM, str(update.update_id))):
                return
            if update.message is not None:
                await self._take_message(update.message)
            elif update.callback_query is not None:
                await self._take_press(update.callback_query)
        except Exception as error:  # the edge of an update: the client goes on
            number = new_request_id()
            _log.error("request_id=%s an update failed: %s: %s", number, type(error).__name__, error)
            _log.debug("request_id=%s", number, exc_info=error)
            self._spawn(self._apologise(update, number))

    async def idle(self, timeout_s: float) -> None:
        """Wait until every answer is written, at most `timeout_s`; then give up the rest."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=timeout_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _concerns_her(self, update: Update) -> bool:
        """Tell whether an update asks something of her. Most of what a group says does not: nothing is noted of it."""
        message = update.message
        if message is None:
            return update.callback_query is not None
        if is_command(message) or is_addressed(message, self._me):
            return True
        return spot_of(message).is_group and await self._talks_freely(spot_of(message))

    async def _take_message(self, message: Message) -> None:
        user, spot = message.from_user, spot_of(message)
        if user is not None and is_anonymous_admin(message):
            await self._refuse_anonymous(message, user, spot)
        if user is None or not is_from_person(message):
            return
        command = command_of(message, self._me)
        if command is not None:
            await self._take_command(command, message, user, spot)
        elif not is_command(message) and not await self._take_form_answer(message, user, spot):
            self._take_words(message, user, spot)

    def _take_words(self, message: Message, user: User, spot: Spot) -> None:
        original, text = replied_message(message), spoken_text(message, self._me)
        above = original.message_id if original is not None else None
        self._turns.begin(actor_of(user, spot), text, spot, message.message_id, replies_to=above, link=message.link)

    async def _talks_freely(self, spot: Spot) -> bool:
        return await self._desk.talks_freely(CommunityKey(platform=TELEGRAM, id=str(spot.chat)), [spot.name])

    async def _take_command(self, command: TypedCommand, message: Message, user: User, spot: Spot) -> None:
        opened = self._forms.find(message.chat.id, user.id)
        if opened is not None and command.name in (_LEAVE, _SKIP):
            await self._leave_or_skip(opened, command.name, user, spot)
            return
        replied = replied_message(message)
        author = replied.from_user if replied is not None else None
        named = str(author.id) if author is not None and not author.is_bot else None
        rest = "" if command.name == _START else command.rest  # a link to her adds a word of its own to /start
        read = read_words(TELEGRAM, command.name, rest, replied_user=named)
        if read is None and spot.is_group and not command.is_for_me:
            return  # another bot's
        actor = await self._actor(user, spot)
        if isinstance(read, Misread):
            texts = await self._talk.texts(actor)
            self._spawn(self._tell(actor, spot, write_misread(texts, read), message.message_id))
            return
        if read is not None and not await self._may_name_channels(read, user, spot):
            texts = await self._talk.texts(actor)
            self._spawn(self._tell(actor, spot, texts.get("telegram.not_admin_there"), message.message_id))
            return
        if command.name == _REPORT and replied is not None:
            answer = await self._desk.report(actor, reported_message(replied))
        elif read is None:
            answer = await self._desk.run(actor, command.name[:_LONGEST_NAME], {})
        else:
            answer = await self._desk.run(actor, read.command.name, read.arguments)
        self._spawn(self._answers.give(answer, actor, spot, heard=message.message_id))

    async def _take_form_answer(self, message: Message, user: User, spot: Spot) -> bool:
        """Take a reply to a question of a form; False for any other message."""
        replied = replied_message(message)
        opened = self._forms.find(message.chat.id, user.id, replied.message_id) if replied is not None else None
        if opened is None:
            return False
        await self._fill_in(opened, message.text or message.caption or "", user, spot)
        return True

    async def _leave_or_skip(self, opened: OpenForm, word: str, user: User, spot: Spot) -> None:
        if word == _SKIP and not opened.field.is_required:
            await self._fill_in(opened, "", user, spot)
            return
        if word == _SKIP:
            self._spawn(self._answers.ask_on(opened, Taken.EMPTY))
            return
        self._forms.close(spot.chat, user.id)
        texts = await self._talk.texts(opened.actor)
        self._spawn(self._tell(opened.actor, spot, texts.get("telegram.form_left"), None))

    async def _fill_in(self, opened: OpenForm, text: str, user: User, spot: Spot) -> None:
        taken = opened.take(text)
        if taken is not Taken.DONE:
            self._spawn(self._answers.ask_on(opened, taken))
            return
        self._forms.close(spot.chat, user.id)
        actor = await self._actor(user, self._spot_of(opened.actor, spot))
        answer = await self._desk.submit(actor, opened.form.token, opened.values)
        self._spawn(self._answers.give(answer, actor, spot))

    async def _take_press(self, query: CallbackQuery) -> None:
        message, data = query.message, query.data or ""
        if message is None:
            await self._sender.answer_press(query.id)
            return
        here = spot_of(message) if isinstance(message, Message) else Spot(chat=message.chat.id)
        origin = self._private.origin(here.chat, message.message_id)
        if data.startswith(TALK):
            actor = actor_of(query.from_user, here)
            token = data.removeprefix(TALK)
            self._spawn(self._turns.press(actor, token, query.id, here, message))
            return
        actor = await self._actor(query.from_user, origin or here)
        answer = await self._desk.press(actor, data.removeprefix(DESK))
        alert = alert_of(answer) if here.is_group else None
        self._spawn(self._sender.answer_press(query.id, alert or ""))
        if alert is None:
            pressed = message if isinstance(message, Message) else None
            self._spawn(self._answers.give(answer, actor, here, pressed=pressed))

    async def _actor(self, user: User, spot: Spot) -> Actor:
        """Return who acts, with their rights as they are now."""
        return actor_of(user, spot, await self._rights.of(user.id, spot.chat if spot.is_group else None))

    async def _may_name_channels(self, read: Read, user: User, spot: Spot) -> bool:
        """Tell whether a person is an admin of every other chat that a command names: she may write there as well."""
        channels = [option.name for option in read.command.options if option.kind is OptionKind.CHANNEL]
        for name in channels:
            other = read_spot(str(read.arguments.get(name, spot.name)))
            if other is None or (other.chat != spot.chat and not (await self._rights.of(user.id, other.chat)).is_admin):
                return False
        return True

    def _spot_of(self, actor: Actor, spot: Spot) -> Spot:
        """Return where a form was opened, which may be a group although it is filled in in private."""
        place = actor.place
        found = read_spot(place.channel) if place.community is not None and place.channel is not None else None
        return found or spot

    async def _refuse_anonymous(self, message: Message, user: User, spot: Spot) -> None:
        command = command_of(message, self._me)
        if command is None or not (command.is_for_me or read_words(TELEGRAM, command.name, "") is not None):
            return
        actor = actor_of(user, spot)
        texts = await self._talk.texts(actor)
        self._spawn(self._sender_text(spot, texts.get("telegram.anonymous"), message.message_id))

    async def _apologise(self, update: Update, number: str) -> None:
        """Tell whoever asked something of her that it failed: a press in a box, a message where it was said."""
        query, message = update.callback_query, update.message
        if query is not None:
            here = Spot(chat=query.message.chat.id if query.message is not None else query.from_user.id)
            texts = await self._talk.texts(actor_of(query.from_user, here))
            await self._sender.answer_press(query.id, texts.get("rejection.error", request_id=number))
        elif message is not None and message.from_user is not None and self._is_said_to_her(message):
            spot = spot_of(message)
            texts = await self._talk.texts(actor_of(message.from_user, spot))
            await self._sender_text(spot, texts.get("rejection.error", request_id=number), message.message_id)

    def _is_said_to_her(self, message: Message) -> bool:
        """Tell whether a message is hers beyond doubt, whatever a group's settings say."""
        command = command_of(message, self._me)
        known = command is not None and read_words(TELEGRAM, command.name, "") is not None
        return known or (not is_command(message) and is_addressed(message, self._me))

    async def _tell(self, actor: Actor, spot: Spot, text: str, heard: int | None) -> None:
        await self._private.bring(actor, spot, lambda where: self._sender.text(where, text), heard=heard)

    async def _sender_text(self, spot: Spot, text: str, heard: int | None) -> None:
        await self._sender.text(spot, text, reply_to=heard)

    def _spawn(self, writing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guard(writing), name="telegram answer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, writing: Coroutine[Any, Any, None]) -> None:
        try:
            await writing
        except Exception as error:  # the edge of an answer: the client goes on
            _log.warning("an answer failed: %s", type(error).__name__)
            _log.debug("an answer failed", exc_info=error)
