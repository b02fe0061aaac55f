"""The Telegram front end: python-telegram-bot's Application, stepped inside our loop beside everything else."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, CallbackContext, ExtBot, TypeHandler
from telegram.request import HTTPXRequest

from bot.answers import Rights
from bot.button_book import ButtonBook
from bot.command_book import CommandBook, name_of
from bot.commands import TELEGRAM
from bot.delivery import DeliverySettings
from bot.desk import Desk
from bot.errors import DeliveryError, FrontEndError
from bot.talk import Talk
from bot.telegram_answers import TelegramAnswers
from bot.telegram_buttons import TalkAct
from bot.telegram_cases import TelegramCases
from bot.telegram_forms import FormDesk
from bot.telegram_mapping import Me, read_spot
from bot.telegram_menu import Menu, build_menus
from bot.telegram_order import OrderedByChat
from bot.telegram_private import PrivateWay
from bot.telegram_requests import POLL_S, PollRequest, make_request, note_poll_error, quiet_library_logs
from bot.telegram_rights import ChatRights
from bot.telegram_sender import TelegramSender, open_delivery
from bot.telegram_turns import Faces, TelegramTurns, TurnTimes
from bot.telegram_updates import TelegramUpdates
from engine.types import Clock
from storage.records import UserKey

_log = logging.getLogger(__name__)
API_URL = "https://api.telegram.org"
_GIVING_UP_S = 0.5  # for a step of the library's to end that was cancelled
_FRESH_S = 5.0  # how old rights may be that the dashboard asks for
_UPDATES = ["message", "callback_query"]  # edited messages are not answered again, so they are not asked for
_WRONG_TOKEN = (
    "Telegram refuses the token: check OHLORA_TELEGRAM_TOKEN against what @BotFather shows under /mybots, "
    "and OHLORA_TELEGRAM_API_URL if you have set it"
)
App = Application[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """Where Telegram is, who owns the bot (user ids), and how long things may take in seconds."""

    api_url: str = API_URL
    owners: frozenset[str] = frozenset()
    first_wait_s: float = 1.0  # between tries to connect, doubled up to the longest
    longest_wait_s: float = 60.0
    poll_s: int = POLL_S
    read_s: float = 20.0  # for the answer to a request
    stop_s: float = 5.0  # for the last poll, which confirms what was received
    write_s: float = 10.0  # for replies and answers that are not written yet when she closes
    times: TurnTimes = TurnTimes()
    delivery: DeliverySettings | None = None


class TelegramFrontEnd:
    """Talks on Telegram for as long as `run` runs; `close` then writes what is left and frees everything."""

    def __init__(
        self,
        *,
        token: str,
        desk: Desk,
        talk: Talk,
        faces: Faces,
        clock: Clock,
        commands: CommandBook,
        settings: TelegramSettings | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Bring commands to `desk` and words to `talk`; `clock` says when buttons lapse, `commands` what is registered."""
        self._token = token
        self._desk = desk
        self._talk = talk
        self._faces = faces
        self._clock = clock
        self._commands = commands
        self._settings = settings or TelegramSettings()
        self._sleep = sleep
        self._app: App | None = None
        self._connections: tuple[HTTPXRequest, ...] = ()
        self._updates: TelegramUpdates | None = None
        self._turns: TelegramTurns | None = None
        self._sender: TelegramSender | None = None
        self._rights: ChatRights | None = None
        self._menus: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Connect, again and again where it has to be, and serve until cancelled; then receive nothing more.

        Raises:
            FrontEndError: Telegram refuses the token.
        """
        quiet_library_logs()
        os.environ.setdefault("PTB_TIMEDELTA", "true")  # the library's new way to tell times, without a warning each
        await self.close()  # what an earlier run left
        app, polls = self._build()
        try:
            await self._connect(app)
            if self._app is not app:  # closed meanwhile: she leaves, and takes nothing more
                return
            self._wire(app)
            await app.start()
            assert app.updater is not None
            await app.updater.start_polling(
                timeout=self._settings.poll_s,
                bootstrap_retries=-1,
                allowed_updates=_UPDATES,
                error_callback=note_poll_error,
            )
            _log.info("telegram: connected as a bot, id %s", app.bot.id)
            self._desk.offer_sync(TELEGRAM, self.sync_commands)
            self._desk.offer_rights(TELEGRAM, self.rights_of)
            self._menus = asyncio.create_task(self._register_menus(app), name="telegram menus")
            await polls.refused.wait()
            raise FrontEndError(_WRONG_TOKEN)
        except InvalidToken as error:
            raise FrontEndError(_WRONG_TOKEN) from error
        finally:
            await self._stop_receiving(app)

    async def close(self) -> None:
        """Give what is being written some time, then give it up and close every connection. Harmless where nothing runs."""
        app, self._app = self._app, None
        if app is None:
            return
        await self._stop_receiving(app)
        if self._turns is not None and self._updates is not None:
            await self._turns.idle(self._settings.write_s)
            await self._updates.idle(self._settings.write_s)
        if self._menus is not None:
            self._menus.cancel()
            await asyncio.gather(self._menus, return_exceptions=True)
        await app.shutdown()
        for connections in self._connections:  # the library leaves them open where it never got to connect
            await connections.shutdown()

    async def sync_commands(self) -> int:
        """Register the menus of commands anew; return how many commands the longest holds."""
        if self._sender is None or self._app is None:
            return 0
        menus = build_menus()
        for menu in menus:
            await self._sender.set_menu(menu)
        self._commands.write(_name_of(self._app, menus))
        return max(len(menu.commands) for menu in menus)

    async def rights_of(self, user: UserKey, community: str | None) -> Rights | None:
        """Return somebody's present rights in a group, or with her alone; None while Telegram does not tell."""
        group = None if community is None else read_spot(community)
        if self._rights is None or not user.id.isdigit() or (community is not None and group is None):
            return None
        return await self._rights.told(int(user.id), None if group is None else group.chat, kept_s=_FRESH_S)

    def _build(self) -> tuple[App, PollRequest]:
        url = self._settings.api_url.rstrip("/")
        polls, requests = PollRequest(), make_request(self._settings.read_s)
        self._connections = (polls, requests)
        builder = ApplicationBuilder().token(self._token).base_url(f"{url}/bot").base_file_url(f"{url}/file/bot")
        builder = builder.request(requests).get_updates_request(polls)
        app: App = builder.concurrent_updates(OrderedByChat()).build()
        app.add_handler(TypeHandler(Update, self._take))
        self._app = app
        return app, polls

    async def _connect(self, app: App) -> None:
        """Ask Telegram who the bot is, until it answers or she is closed."""
        wait = self._settings.first_wait_s
        while self._app is app:
            try:
                await app.initialize()
            except InvalidToken:
                raise
            except TelegramError as error:
                what = type(error.__cause__ or error).__name__
                _log.warning("telegram cannot be reached (%s); trying again in %.0f s", what, wait)
                await self._sleep(wait * random.uniform(0.75, 1.0))
                wait = min(wait * 2, self._settings.longest_wait_s)
            else:
                return

    def _wire(self, app: App) -> None:
        bot: ExtBot[Any] = app.bot
        me = Me(id=bot.id, username=bot.username)
        sender = self._sender = TelegramSender(bot, open_delivery(self._settings.delivery))
        forms = FormDesk()
        private = PrivateWay(sender, self._talk, me)
        answers = TelegramAnswers(sender, self._talk, forms, private)
        self._desk.offer_announcer(TELEGRAM, answers.announce)
        self._desk.offer_post(TELEGRAM, TelegramCases(sender))
        book: ButtonBook[TalkAct] = ButtonBook(self._clock)
        rights = self._rights = ChatRights(sender.administrators, self._settings.owners)
        self._turns = TelegramTurns(self._talk, sender, self._faces, private, book, self._settings.times)
        self._updates = TelegramUpdates(
            desk=self._desk,
            talk=self._talk,
            me=me,
            sender=sender,
            answers=answers,
            turns=self._turns,
            forms=forms,
            private=private,
            rights=rights,
        )

    async def _take(self, update: Update, _context: CallbackContext[Any, Any, Any, Any]) -> None:
        assert self._updates is not None
        await self._updates.take(update)

    async def _register_menus(self, app: App) -> None:
        """Register the menus where they changed since the last time."""
        if self._commands.read() == _name_of(app, build_menus()):
            return
        try:
            await self.sync_commands()
        except (TelegramError, DeliveryError) as error:
            _log.warning("telegram: the menus of commands were not registered: %s", type(error).__name__)

    async def _stop_receiving(self, app: App) -> None:
        """End the polls and take the updates that are already here; bounded, also while Telegram is away."""
        if app.updater is not None and app.updater.running:
            await _within(self._settings.stop_s, app.updater.stop(), "telegram stops receiving")
        if app.running:
            await _within(self._settings.stop_s, app.stop(), "telegram takes what is here")


async def _within(limit_s: float, work: Coroutine[Any, Any, None], name: str) -> None:
    """Give a step of the library's some time, then give it up: on a dead network it asks on where it is cancelled."""
    task = asyncio.create_task(work, name=name)
    for seconds in (limit_s, _GIVING_UP_S, _GIVING_UP_S):
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            break
        task.cancel()
    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("%s: %s", name, type(error).__name__)


def _name_of(app: App, menus: tuple[Menu, ...]) -> str:
    declared = [
        [menu.scope.to_dict(), menu.language, [command.to_dict() for command in menu.commands]] for menu in menus
    ]
    return name_of(app.bot.id, declared)
