"""Brings cards to modlogs and decisions to users: what is due in the database is written until it stands, also after a restart.

Whatever changes a case (a turn, a command, a button, the dashboard, the clock at a block's end) only makes its row due, within its
own transaction. The rounds look every few seconds and write what is due, each case in a task of its own, so that one that waits for
its platform holds no other up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.case_card import card_buttons, card_text
from bot.case_post import Buttons, CasePost
from bot.errors import PlaceGone
from bot.handlers.visit import chosen_zone
from bot.rendering import Texts
from engine.types import Clock
from storage.appeals import AppealStore
from storage.case_cards import CaseCardStore
from storage.community_settings import CommunitySettingsStore
from storage.database import Database
from storage.records import Appeal, CaseCard, CommunityKey, UserKey
from storage.sanctions import SanctionStore
from storage.user_settings import UserSettingsStore

_log = logging.getLogger(__name__)
LOOK_S = 3.0
_MOST_AT_ONCE = 20
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)


class CaseRounds:
    """Writes what is due on the platforms that are connected."""

    def __init__(self, database: Database, clock: Clock, locale: str, zone: ZoneInfo, look_s: float = LOOK_S) -> None:
        """Look every `look_s` seconds; cards are in the owner's language and zone, users are told in theirs."""
        self._database = database
        self._clock = clock
        self._zone = zone
        self._texts = Texts(locale, zone)
        self._look_s = look_s
        self._posts: dict[str, CasePost] = {}
        self._on_their_way: dict[str, asyncio.Task[None]] = {}

    def offer(self, platform: str, post: CasePost) -> None:
        """Write on a platform by `post`, from now on."""
        self._posts[platform] = post

    async def run(self) -> None:
        """Write what is due, for ever; what fails is tried again later."""
        try:
            while True:
                try:
                    await self.look()
                except Exception as error:  # a locked database must not end the rounds
                    _log.error("cases could not be looked through: %s: %s", type(error).__name__, error)
                await asyncio.sleep(self._look_s)
        finally:
            for task in self._on_their_way.values():
                task.cancel()
            await asyncio.gather(*self._on_their_way.values(), return_exceptions=True)

    async def look(self) -> None:
        """Begin to write everything that is due now and not on its way."""
        platforms, busy = tuple(self._posts), frozenset(self._on_their_way)
        async with self._database.read() as session:
            cards = await CaseCardStore(session).due(platforms, self._clock(), _MOST_AT_ONCE)
            appeals = await AppealStore(session).to_tell(platforms, self._clock(), _MOST_AT_ONCE)
        # What was on its way before the reading may have arrived since: it was read as due, and is not. The next look knows.
        for card in cards:
            if (name := f"card {card.sanction_id}") not in busy:
                self._begin(name, self._write_card(card))
        for appeal in appeals:
            if (name := f"appeal {appeal.id}") not in busy:
                self._begin(name, self._tell(appeal))

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._on_their_way:
            await asyncio.wait(set(self._on_their_way.values()))

    def _begin(self, name: str, writing: Coroutine[Any, Any, None]) -> None:
        if name in self._on_their_way:
            writing.close()
            return
        task = self._on_their_way[name] = asyncio.create_task(writing, name=name)
        task.add_done_callback(lambda _: self._on_their_way.pop(name, None))

    # --- cards ---

    async def _write_card(self, card: CaseCard) -> None:
        async with self._database.read() as session:
            sanction = await SanctionStore(session).get_any(card.sanction_id)
            changes = await SanctionStore(session).changes([card.sanction_id])
            appeals = await AppealStore(session).of_sanction(card.sanction_id)
            key = CommunityKey(platform=sanction.user.platform, id=sanction.community or "")
            channel = (await CommunitySettingsStore(session).get(key)).modlog_channel
        now = self._clock()
        text = card_text(self._texts, sanction, changes, appeals, now)
        buttons = (card_buttons(self._texts, sanction, appeals, now),)
        next_at = sanction.end if sanction.holds(now) else None
        # Otherwise the clock alone made it due, or its user's being forgotten, which asks for no new card where the old one is gone.
        is_news = card.revision != card.shown and not sanction.user.is_forgotten
        post = self._posts[sanction.user.platform]
        try:
            message = await self._show(post, card, channel, text, buttons, is_news=is_news)
        except Exception as error:
            await self._put_card_off(card, error)
            return
        async with self._database.begin() as session:
            await CaseCardStore(session).note_shown(card, message, next_at if message else None)

    async def _show(
        self, post: CasePost, card: CaseCard, channel: str | None, text: str, buttons: Buttons, *, is_news: bool
    ) -> str | None:
        """Edit the card where it stands; else write it into the modlog, if there is one and something is new. None: it stands nowhere."""
        if card.channel is not None and card.message_id is not None:
            try:
                await post.edit_card(card.channel, card.message_id, text, buttons)
            except PlaceGone:
                _log.info("the card of case %d is gone", card.sanction_id)
            else:
                return card.message_id
        if channel is None or not is_news:
            return None
        async with self._database.begin() as session:
            begun = await CaseCardStore(session).begin_message(card.sanction_id, channel)
        try:
            return await post.post_card(channel, text, buttons, f"case-{begun.sanction_id}-{begun.posting}")
        except PlaceGone:
            _log.warning("the modlog for case %d takes no card; see /setup modlog", card.sanction_id)
            return None

    async def _put_card_off(self, card: CaseCard, error: Exception) -> None:
        wait = _wait(card.tries)
        _log.warning("the card of case %d waits %.0f s: %s", card.sanction_id, wait.total_seconds(), _name(error))
        async with self._database.begin() as session:
            await CaseCardStore(session).put_off(card, self._clock() + wait)

    # --- users ---

    async def _tell(self, appeal: Appeal) -> None:
        async with self._database.read() as session:
            changes = await SanctionStore(session).changes([appeal.sanction_id])
            settings = await UserSettingsStore(session).get(appeal.user)
        texts = Texts(settings.locale or appeal.language or self._texts.language, chosen_zone(settings, self._zone))
        post = self._posts[appeal.user.platform]
        try:
            await post.tell_user(appeal.user, texts.verdict(appeal, changes), f"verdict-{appeal.id}")
        except PlaceGone:
            _log.info("the answer to appeal %d waits until its user comes", appeal.id)
            await self._put_telling_off(appeal, is_final=True)
        except Exception as error:
            _log.warning("the answer to appeal %d waits: %s", appeal.id, _name(error))
            await self._put_telling_off(appeal, is_final=False)
        else:
            async with self._database.begin() as session:
                await AppealStore(session).note_told(appeal.id, self._clock())

    async def _put_telling_off(self, appeal: Appeal, *, is_final: bool) -> None:
        async with self._database.begin() as session:
            until = None if is_final else self._clock() + _wait(appeal.tries)
            await AppealStore(session).put_off_telling(appeal.id, until)


async def news_of(database: Database, user: UserKey, texts: Texts, clock: Clock) -> list[str]:
    """Return the decisions that could not be brought to a user, written out; they count as told now."""
    async with database.read() as session:
        if not await AppealStore(session).has_untold(user):
            return []
    async with database.begin() as session:
        told = await AppealStore(session).tell_at_contact(user, clock())
        changes = await SanctionStore(session).changes([appeal.sanction_id for appeal in told])
    return [
        texts.verdict(appeal, [change for change in changes if change.sanction_id == appeal.sanction_id])
        for appeal in told
    ]


def _wait(tries: int) -> timedelta:
    """Return how long to wait after a try that failed: doubled each time, up to an hour."""
    doubled: timedelta = _FIRST_WAIT * 2 ** min(tries, 20)
    return min(doubled, _LONGEST_WAIT)


def _name(error: Exception) -> str:
    return type(error).__name__
