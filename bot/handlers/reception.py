"""The desk: finds what a command, button or form does, checks who may do it on every use, and never raises for what failed."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from bot.answers import Actor, Answer, Choice, ReportedMessage, Rights
from bot.button_book import ButtonBook, PressRefusal
from bot.case_post import CasePost
from bot.command_texts import write_misread
from bot.command_words import Misread, bind
from bot.commands import Context, find_command, may_use
from bot.desk import Announce, AskRights, Manner, Sync, Value
from bot.handlers.case_rounds import LOOK_S, CaseRounds, news_of
from bot.handlers.cases import CaseHandler
from bot.handlers.chat import ChatHandler
from bot.handlers.communities import CommunityHandler, PersonaDefaults
from bot.handlers.dashboard import DashboardHandler
from bot.handlers.data_rights import DataRightsHandler
from bot.handlers.decisions import CaseDecisions
from bot.handlers.interview import InterviewHandler
from bot.handlers.interview_cards import InterviewCards
from bot.handlers.introduction import IntroductionHandler
from bot.handlers.memory import MemoryHandler
from bot.handlers.memory_cards import CARD, MemoryCards
from bot.handlers.memory_commands import MemoryCommands
from bot.handlers.moderation import ModerationHandler
from bot.handlers.modlog import Modlog
from bot.handlers.operations import OperationHandler
from bot.handlers.own_sanctions import OwnSanctionHandler
from bot.handlers.preferences import PreferenceHandler
from bot.handlers.reports import ReportHandler
from bot.handlers.visit import Act, Book, Complete, Run, Visit, chosen_zone
from bot.rendering import Texts
from bot.spoken import FaceMode
from bot.standing_buttons import StandingButtons
from engine.interview_banks import BankShelf
from engine.memory_firewall import MemoryFirewall
from engine.types import Clock
from storage.community_settings import CommunitySettingsStore
from storage.database import Database
from storage.errors import StorageError
from storage.records import CommunityKey, CommunitySettings, ConversationKey, UserKey, UserSettings
from storage.retention import RetentionSettings
from storage.seen_updates import SeenUpdateStore
from storage.user_settings import UserSettingsStore

_log = logging.getLogger(__name__)
_MOST_CHOICES = 25
_LONGEST_CHOICE = 100  # characters of a label; what Discord shows
_UPDATES_A_SWEEP = 1000  # noted updates between two sweeps of old ones


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionSettings:
    """What an owner set: language and zone of who chose none, and what holds in communities that chose nothing."""

    locale: str
    zone: ZoneInfo
    persona: PersonaDefaults
    owners: frozenset[UserKey] = frozenset()
    appeal_cooldown: timedelta = timedelta(days=7)  # after a denied one
    look_s: float = LOOK_S  # between two looks for cards and answers that are due
    dashboard_url: str = ""  # where the dashboard is opened; empty where there is none
    retention: RetentionSettings = field(default_factory=RetentionSettings)


class Reception:
    """Implements `bot.desk.Desk` over the database."""

    def __init__(self, database: Database, clock: Clock, settings: ReceptionSettings, firewall: MemoryFirewall) -> None:
        """Put the handlers together; they share one book of buttons. `firewall` judges memories written by hand."""
        self._database = database
        self._clock = clock
        self._settings = settings
        self._noted = 0
        self._rights: dict[str, AskRights] = {}
        self._announcers: dict[str, Announce] = {}
        book: Book = ButtonBook(clock)
        modlog = Modlog(database, Texts(settings.locale, settings.zone))
        self._book = book
        self._reports = ReportHandler(database, book, modlog)
        self._operations = OperationHandler(database)
        self._data_rights = DataRightsHandler(database, book, settings.retention)
        introduction = IntroductionHandler(settings.persona.profile)
        memories = MemoryHandler(database, clock, firewall)
        cards = MemoryCards(memories, book)
        memory = MemoryCommands(memories, book, cards)
        self._standing = StandingButtons()
        self._standing.offer(CARD, cards.show_turn)
        self._preferences = PreferenceHandler(database, book)
        own = OwnSanctionHandler(database, book, settings.appeal_cooldown)
        self.rounds = CaseRounds(database, clock, settings.locale, settings.zone, settings.look_s)
        self.moderation = moderation = ModerationHandler(database, CaseDecisions(database, settings.owners))
        self.cases = cases = CaseHandler(database, book, moderation, self._reports, self._visit_at)
        cases.offer_buttons(self._standing)
        communities = CommunityHandler(database, settings.persona)
        self._runs: dict[str, Run] = {
            **introduction.commands(),
            **memory.commands(),
            **self._preferences.commands(),
            **self._data_rights.commands(),
            **own.commands(),
            **self._reports.commands(),
            **cases.commands(),
            **moderation.commands(),
            **communities.commands(),
            **self._operations.commands(),
            **DashboardHandler(database, settings.dashboard_url).commands(),
        }
        self._completions: dict[tuple[str, str], Complete] = {
            **introduction.completions(),
            **memory.completions(),
            **self._preferences.completions(),
            **own.completions(),
            **cases.completions(),
            **moderation.completions(),
        }

    def hold_interviews(self, chat: ChatHandler, banks: BankShelf) -> InterviewHandler:
        """Take what interviews need, turns of their own and question banks; without it their commands are unknown."""
        interviews = InterviewHandler(chat, InterviewCards(self._database, banks), self._book)
        self._runs.update(interviews.commands())
        self._completions.update(interviews.completions())
        return interviews

    # --- what people do ---

    async def run(self, actor: Actor, command: str, arguments: Mapping[str, Value]) -> Answer:
        """Run a command, if this person may use it here; `arguments` by option name."""

        async def answer(visit: Visit) -> Answer:
            known = find_command(command)
            if known is None or command not in self._runs:
                return visit.say("desk.unknown_command")
            if refusal := _why_not_here(visit, command):
                return visit.say(refusal)
            read = bind(known, arguments)
            if isinstance(read, Misread):
                return Answer(text=write_misread(visit.texts, read))
            done = await self._runs[command](visit, read.arguments)
            return replace(done, is_private=known.ephemeral or done.is_private)

        return await self._serve(actor, command, answer)

    async def press(self, actor: Actor, token: str) -> Answer:
        """Do what a button stands for, if this person may press it."""
        return await self._redeem(actor, token, {})

    async def submit(self, actor: Actor, token: str, values: Mapping[str, str]) -> Answer:
        """Take the answers to a form."""
        return await self._redeem(actor, token, values)

    async def complete(self, actor: Actor, command: str, option: str, typed: str) -> list[Choice]:
        """Suggest values while an option is typed; at most 25, and none to those who may not use the command."""
        complete = self._completions.get((command, option))
        if complete is None:
            return []
        try:
            visit = await self.visit(actor)
            choices = [] if _why_not_here(visit, command) else await complete(visit, typed.strip())
        except Exception as error:
            _note_failure(f"suggestions for {command}", error)
            return []
        return [replace(choice, label=choice.label[:_LONGEST_CHOICE]) for choice in choices[:_MOST_CHOICES]]

    async def report(self, actor: Actor, message: ReportedMessage) -> Answer:
        """Take a report of a message."""
        return await self._serve(actor, "report", lambda visit: self._reports.take(visit, message))

    # --- what front ends ask ---

    async def manner_of(self, actor: Actor) -> Manner:
        """Return how a person is talked with there: what was chosen, else the language of their client, else the owner's settings.

        Raises:
            StorageError: the settings cannot be read.
        """
        settings, community = await self._settings_of(actor)
        return Manner(
            language=self._language(settings, actor.client_locale),
            zone=chosen_zone(settings, self._settings.zone),
            temperature=community.temperature,
            face_mode=FaceMode(community.face_mode or self._settings.persona.face_mode),
        )

    async def talks_freely(self, community: CommunityKey, channels: Sequence[str]) -> bool:
        """Tell whether she answers every message of one of these channels.

        Raises:
            StorageError: the settings cannot be read.
        """
        async with self._database.read() as session:
            settings = await CommunitySettingsStore(session).get(community)
        return not set(channels).isdisjoint(settings.talk_channels)

    async def is_new(self, platform: str, update_id: str) -> bool:
        """Note an update of a platform; False when it was noted before, also before a restart.

        Raises:
            StorageError: it cannot be noted.
        """
        self._noted += 1
        async with self._database.begin() as session:
            store = SeenUpdateStore(session)
            if self._noted % _UPDATES_A_SWEEP == 1:
                await store.drop_old(self._clock())
            return await store.note(platform, update_id, self._clock())

    def offer_sync(self, platform: str, sync: Sync) -> None:
        """Take what registers a platform's commands anew; /sync calls it."""
        self._operations.offer_sync(platform, sync)

    def offer_rights(self, platform: str, ask: AskRights) -> None:
        """Take what tells present rights on a platform."""
        self._rights[platform] = ask

    def when_forgotten(self, forget: Callable[[UserKey], None]) -> None:
        """Call `forget` before a user is erased by /forgetme."""
        self._data_rights.when_forgotten(forget)

    def settle_before_forgetting(self, settle: Callable[[UserKey], Awaitable[None]]) -> None:
        """Wait for `settle` before a user is erased by /forgetme."""
        self._data_rights.settle_before_forgetting(settle)

    def when_reset(self, forget: Callable[[ConversationKey], None]) -> None:
        """Call `forget` when a conversation is begun anew by /reset."""
        self._preferences.when_reset(forget)

    def offer_announcer(self, platform: str, announce: Announce) -> None:
        """Take what writes announcements on a platform."""
        self._announcers[platform] = announce

    def offer_post(self, platform: str, post: CasePost) -> None:
        """Take what writes cards of cases and answers to appeals on a platform."""
        self.rounds.offer(platform, post)

    async def news_for(self, actor: Actor) -> list[str]:
        """Return what a person could not be told before; it counts as told now.

        Raises:
            StorageError: it cannot be read.
        """
        visit = await self.visit(actor)
        return await news_of(self._database, actor.user, visit.texts, self._clock)

    # --- what the dashboard asks ---

    async def announce(self, platform: str, answer: Answer) -> None:
        """Write what an answer announces; where that cannot be done, it is logged and what was decided stands."""
        announce = self._announcers.get(platform)
        try:
            if announce is not None and answer.announcements:
                await announce(answer)
        except Exception as error:
            _note_failure("an announcement", error)

    async def rights_of(self, user: UserKey, community: str | None) -> Rights | None:
        """Return a user's present rights as the platform tells them; None where it does not.

        Raises:
            Exception: whatever the platform's client fails from.
        """
        ask = self._rights.get(user.platform)
        return None if ask is None else await ask(user, community)

    async def visit(self, actor: Actor) -> Visit:
        """Return a visit as a command would have it: with the community's own roles counted in, in the person's language.

        Raises:
            StorageError: the settings cannot be read.
        """
        settings, community = await self._settings_of(actor)
        has_role = bool(set(actor.rights.roles) & set(community.moderator_roles))
        rights = replace(actor.rights, is_moderator=actor.rights.is_moderator or has_role)
        zone = chosen_zone(settings, self._settings.zone)
        return Visit(
            actor=replace(actor, rights=rights, zone=zone),
            texts=Texts(self._language(settings, actor.client_locale), zone),
            settings=settings,
            now=self._clock(),
            pseudonym=self._database.vault.pseudonym(actor.user),
        )

    # --- how ---

    async def _redeem(self, actor: Actor, token: str, values: Mapping[str, str]) -> Answer:
        async def answer(visit: Visit) -> Answer:
            if self._standing.is_one(token):
                return await self._standing.press(visit, token)
            act: Act | PressRefusal = self._book.redeem(token, visit.actor)
            if isinstance(act, PressRefusal):
                return visit.say(f"press.{act}")
            return await act(visit, values)

        return await self._serve(actor, "a button", answer)

    async def _visit_at(self, visit: Visit, community: str | None) -> Visit:
        """Return the same person's visit in another community, with the rights that the platform tells for it."""
        place = visit.actor.place
        if place.community == community:
            return visit
        rights = await self.rights_of(visit.user, community) or Rights()
        return await self.visit(replace(visit.actor, place=replace(place, community=community), rights=rights))

    async def _serve(self, actor: Actor, what: str, answer: Callable[[Visit], Awaitable[Answer]]) -> Answer:
        """Answer; what fails is logged by an id that the person is told."""
        try:
            visit = await self.visit(actor)
            done = await answer(visit)
            if not done.is_private or not done.text:
                return done
            news = await news_of(self._database, actor.user, visit.texts, self._clock)
            return replace(done, text="\n\n".join([*news, done.text]))
        except Exception as error:
            request_id = _note_failure(what, error)
            texts = Texts(self._language(UserSettings(), actor.client_locale), self._settings.zone)
            return Answer(text=texts.get("rejection.error", request_id=request_id))

    def _language(self, settings: UserSettings, client_locale: str) -> str:
        return Texts(settings.locale or client_locale or self._settings.locale, self._settings.zone).language

    async def _settings_of(self, actor: Actor) -> tuple[UserSettings, CommunitySettings]:
        """Read what a person and the community of their place chose, in one transaction."""
        async with self._database.read() as session:
            settings = await UserSettingsStore(session).get(actor.user)
            if actor.place.community is None:
                return settings, CommunitySettings()
            key = CommunityKey(platform=actor.user.platform, id=actor.place.community)
            return settings, await CommunitySettingsStore(session).get(key)


def _why_not_here(visit: Visit, name: str) -> str | None:
    """Return the key of the reason why this person cannot use a command in this place."""
    command = find_command(name)
    if command is None:
        return "desk.unknown_command"
    if not may_use(command.who, visit.actor.rights):
        return "desk.not_allowed"
    context = Context.PRIVATE if visit.community is None else Context.COMMUNITY
    return None if context in command.contexts else "desk.wrong_place"


def _note_failure(what: str, error: Exception) -> str:
    request_id = secrets.token_hex(8)
    why = f": {error}" if isinstance(error, StorageError) else ""  # others may quote what somebody wrote
    _log.error("request %s: %s failed: %s%s", request_id, what, type(error).__name__, why)
    _log.debug("request %s", request_id, exc_info=error)
    return request_id
