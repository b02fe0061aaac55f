"""Talking with her on a platform: a message in, what she says out, with the texts that go around it.

    talking = talk.begin(actor, text, show=live.show)     # at once; messages of a conversation keep their order
    talking.position, await talking.waiting_text()        # while it waits
    talking.cancel()
    spoken = await talking.outcome()                      # never raises for what failed: `spoken.text` says it

What she says is plain text that no platform has made harmless yet: see `bot/plain_text.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from bot.answers import Actor, Button
from bot.desk import Desk, Manner
from bot.handlers.chat import ChatHandler, new_request_id
from bot.handlers.interview import InterviewExtras
from bot.handlers.memory_cards import CARD
from bot.last_messages import AnsweredMessage, LastMessages
from bot.log_format import request_id_of_turn
from bot.rendering import Texts, draw_face
from bot.reply_chain import ReplyChain
from bot.spoken import FaceMode, Spoken, TalkWords
from bot.standing_buttons import standing_button
from engine.queue import QueuedTurn
from engine.types import (
    Again,
    ChatOutcome,
    ChatReply,
    EventSink,
    InterviewView,
    Rejection,
    RejectionReason,
    ignore_event,
)
from storage.records import ConversationKey, UserKey

__all__ = ["Conversing", "FaceMode", "Spoken", "Talk", "TalkWords"]

Dress = Callable[[Actor, Texts, InterviewView], Awaitable[InterviewExtras]]

_log = logging.getLogger(__name__)
_MOST_MANNERS = 1000
_LONGEST_COMMIT_S = 10.0


class Conversing:
    """A message on its way: ask for its position, cancel it, wait for what she says."""

    def __init__(
        self,
        talk: Talk,
        actor: Actor,
        text: str,
        show: EventSink,
        again: AnsweredMessage | None = None,
        link: str | None = None,
    ) -> None:
        """Made by `Talk`."""
        self.request_id = new_request_id()
        self.actor = actor
        self.text = text
        self.show = show
        self.link = link
        self.answered = again
        self.turn: QueuedTurn | None = None
        self.is_cancelled = False
        self.is_before_reset = False
        self.thread_summary: str | None = None  # of the turn that the message replies to
        self.summary: str | None = None  # of its own turn, once that is over
        self._talk = talk
        self._task: asyncio.Task[Spoken] | None = None

    def start(self) -> None:
        """Go on in a task of its own."""
        self._task = asyncio.create_task(self._talk.hold(self), name=f"turn {self.request_id}")

    @property
    def position(self) -> int | None:
        """How many turns start before this one; None before it is admitted and once it has started or ended."""
        return self.turn.position if self.turn is not None else None

    async def waiting_text(self) -> str | None:
        """Write how many are before this one, and how long that takes where it is known; None when it does not wait."""
        texts = await self._talk.texts(self.actor)
        position = self.position
        if position is None or self.turn is None:
            return None
        wait_s = self.turn.wait_s
        if wait_s is None:
            return texts.get("talk.waiting", position=position + 1)
        return texts.get("talk.waiting_for", position=position + 1, wait=texts.seconds(wait_s))

    def cancel(self) -> bool:
        """Give the message up; False when it has ended already."""
        if self._task is None or self._task.done() or (self.turn is not None and not self.turn.cancel()):
            return False
        self.is_cancelled = True
        return True

    async def outcome(self) -> Spoken:
        """Wait for what she says; a waiter that is cancelled does not cancel the message."""
        assert self._task is not None
        return await asyncio.shield(self._task)

    async def ended(self) -> None:
        """Wait for the end, whatever it is."""
        if self._task is not None:
            await asyncio.wait([self._task])


class Talk:
    """Hands messages to the chat handler in each person's manner, and remembers what can be answered again."""

    def __init__(self, chat: ChatHandler, desk: Desk, *, default_locale: str = "ko", default_zone: ZoneInfo) -> None:
        """Ask `desk` how each person is talked with; the defaults stand where it fails."""
        self._chat = chat
        self._desk = desk
        self._default = Manner(language=Texts(default_locale, default_zone).language, zone=default_zone)
        self._order: WeakValueDictionary[ConversationKey, asyncio.Lock] = WeakValueDictionary()
        self._last = LastMessages()
        self._chain = ReplyChain()
        self._manners: OrderedDict[Actor, Manner] = OrderedDict()
        self._running: set[Conversing] = set()
        self._is_closing = False
        self._dress: Dress | None = None

    def dress_interviews(self, dress: Dress) -> None:
        """Take what gives her replies in an interview their buttons, and the last one its card."""
        self._dress = dress

    def begin(
        self,
        actor: Actor,
        text: str,
        *,
        show: EventSink = ignore_event,
        replies_to: str | None = None,
        link: str | None = None,
    ) -> Conversing:
        """Send a message on its way; the messages of a conversation start in the order of these calls.

        `replies_to` is the platform's id of the message that it replies to: if that is one of hers, she goes on from there.
        `link` leads to the message itself.
        """
        self._last.drop(actor.place.conversation)
        talking = Conversing(self, actor, text, show, link=link)
        talking.thread_summary = self._chain.find(actor.place.conversation, replies_to)
        return self._start(talking)

    def regenerate(self, actor: Actor, request_id: str, *, show: EventSink = ignore_event) -> Conversing | None:
        """Answer a message again; None when it is not the conversation's last, or another person's.

        Nothing is remembered of it twice, and its new reply takes the place of the old one in what she knows.
        """
        answered = self._last.take(actor.place.conversation, request_id, actor.user)
        if answered is None:
            return None
        return self._start(Conversing(self, actor, answered.text, show, answered, answered.link))

    def note_sent(self, talking: Conversing, *messages: str) -> None:
        """Note which messages of the platform hold the reply, for those who reply to them."""
        if talking.summary is not None:
            for message in messages:
                self._chain.keep(talking.actor.place.conversation, message, talking.actor.user, talking.summary)

    def forget(self, user: UserKey) -> None:
        """Give up what a user has on its way, and drop what they said last, so that neither is stored or answered again."""
        for talking in list(self._running):
            if talking.actor.user == user:
                talking.cancel()
        self._last.drop_of(user)
        self._chain.drop_of(user)
        for actor in [actor for actor in self._manners if actor.user == user]:
            del self._manners[actor]

    async def settle(self, user: UserKey, timeout_s: float = _LONGEST_COMMIT_S) -> None:
        """Wait until nothing of a user is on its way, at most `timeout_s`: a turn that is being stored is stored to its end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while mine := [talking for talking in self._running if talking.actor.user == user]:
                    await mine[0].ended()

    def reset(self, conversation: ConversationKey) -> None:
        """Let nothing that was said in a conversation so far be answered again: it would read what stood before."""
        self._last.drop(conversation)
        self._chain.drop(conversation)
        for talking in self._running:
            if talking.actor.place.conversation == conversation:
                talking.is_before_reset = True

    async def words(self, actor: Actor) -> TalkWords:
        """Return the labels and short lines in the language in which the actor was last answered."""
        known = self._manners.get(actor)
        texts = _texts(known) if known else await self.texts(actor)
        return TalkWords(
            cancel=texts.get("talk.cancel"),
            regenerate=texts.get("talk.regenerate"),
            not_yours=texts.get("talk.not_yours"),
            too_late=texts.get("talk.too_late"),
        )

    async def texts(self, actor: Actor) -> Texts:
        """Return the texts in the actor's language and zone."""
        return _texts(await self._manner(actor))

    def refuse(self) -> None:
        """Answer every message from now on with a friendly line: she is about to leave."""
        self._is_closing = True

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is on its way, at most `timeout_s`; False when something still is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._running:
                    await next(iter(self._running)).ended()
        return not self._running

    def cancel_all(self) -> None:
        """Give up everything that is on its way, and refuse what has not been admitted yet."""
        self._is_closing = True
        for talking in list(self._running):
            if talking.turn is not None:
                talking.turn.cancel()

    async def hold(self, talking: Conversing) -> Spoken:
        """Bring one message from its beginning to what she says; for `Conversing`."""
        manner = self._default
        request_id_of_turn.set(talking.request_id)  # this task's own, so on every line that it logs
        try:
            lock = self._order.setdefault(talking.actor.place.conversation, asyncio.Lock())
            async with lock:
                manner = await self._manner(talking.actor)
                self._note(talking.actor, manner)
                turn = talking.turn = self._submit(talking, manner)
            outcome = await turn.outcome() if turn else Rejection(reason=self._refusal(talking))
        except Exception as error:  # the edge of a message: whatever failed, its person gets a line
            _log.error("talking failed: %s: %s", type(error).__name__, error)
            _log.debug("talking failed", exc_info=error)
            outcome = Rejection(reason=RejectionReason.ERROR)
        finally:
            self._running.discard(talking)
        spoken = await self._dressed(talking, outcome, self._speak(talking, outcome, manner), manner)
        spoken = await self._with_news(talking.actor, spoken)
        _log.info("%s: %s", talking.actor.user.platform, _told(outcome))
        return spoken

    async def _dressed(self, talking: Conversing, outcome: ChatOutcome, spoken: Spoken, manner: Manner) -> Spoken:
        """Add what goes with a reply in an interview; without it where that fails."""
        if self._dress is None or not isinstance(outcome, ChatReply) or outcome.interview is None:
            return spoken
        try:
            extras = await self._dress(talking.actor, _texts(manner), outcome.interview)
        except Exception as error:  # the line itself is worth more than its buttons
            _log.error("an interview's buttons or card failed: %s: %s", type(error).__name__, error)
            return spoken
        return replace(
            spoken,
            text="\n\n".join(part for part in (spoken.text, extras.text) if part),
            buttons=extras.buttons,
            files=tuple(file for file in (extras.picture, extras.attachment) if file is not None),
        )

    def _start(self, talking: Conversing) -> Conversing:
        self._running.add(talking)
        talking.start()
        return talking

    def _submit(self, talking: Conversing, manner: Manner) -> QueuedTurn | None:
        if self._is_closing or talking.is_cancelled:
            return None
        return self._chat.submit(
            talking.actor.user,
            talking.actor.place.conversation,
            talking.text,
            locale=manner.language,
            zone=manner.zone,
            show=talking.show,
            request_id=talking.request_id,
            temperature=manner.temperature,
            community=talking.actor.place.community,
            again=talking.answered.again if talking.answered else None,
            thread_summary=talking.thread_summary,
            link=talking.link,
        )

    def _refusal(self, talking: Conversing) -> RejectionReason:
        return RejectionReason.CANCELLED if talking.is_cancelled else RejectionReason.QUEUE_FULL

    async def _manner(self, actor: Actor) -> Manner:
        """Ask the desk how somebody is talked with; the defaults where it fails."""
        try:
            return await self._desk.manner_of(actor)
        except Exception as error:  # a locked database must not keep her from answering
            _log.error("a person's settings cannot be read: %s: %s", type(error).__name__, error)
            return self._default

    def _note(self, actor: Actor, manner: Manner) -> None:
        """Keep how somebody was answered last, for the words around it."""
        self._manners[actor] = manner
        self._manners.move_to_end(actor)
        if len(self._manners) > _MOST_MANNERS:
            self._manners.popitem(last=False)

    def _speak(self, talking: Conversing, outcome: ChatOutcome, manner: Manner) -> Spoken:
        texts = _texts(manner)
        if isinstance(outcome, ChatReply):
            talking.summary = None if talking.is_before_reset else outcome.details.summary
            memory = talking.answered.memory if talking.answered else _memory_mark(outcome, talking.request_id, texts)
            return Spoken(
                request_id=talking.request_id,
                is_reply=True,
                text=outcome.text,
                warning=texts.notice(outcome.notice) if outcome.notice else None,
                expression=outcome.expression,
                face=draw_face(outcome.expression),
                face_mode=manner.face_mode,
                can_regenerate=self._keep(talking, outcome, memory),
                memory=memory,
            )
        if talking.answered is not None and not (talking.is_before_reset or self._has_company(talking)):
            self._last.give_back(talking.actor.place.conversation, talking.answered)  # it may be tried once more
        return Spoken(
            request_id=talking.request_id,
            is_reply=False,
            text=self._refusal_text(outcome, talking, texts),
            is_private=outcome.reason
            is not RejectionReason.EMPTY,  # who only calls her is asked what it is, for all to hear
            is_cancelled=outcome.reason is RejectionReason.CANCELLED,
            memory=talking.answered.memory if talking.answered else None,
        )

    async def _with_news(self, actor: Actor, spoken: Spoken) -> Spoken:
        """Add what the person could not be told before, where only they see it."""
        if actor.place.community is not None and not spoken.is_private:
            return spoken
        try:
            news = await self._desk.news_for(actor)
        except Exception as error:  # it waits; the reply does not
            _log.error("news for a person cannot be read: %s: %s", type(error).__name__, error)
            return spoken
        if not news:
            return spoken
        if not spoken.is_reply:
            return replace(spoken, text="\n\n".join([spoken.text, *news]))
        return replace(spoken, warning="\n\n".join([*([spoken.warning] if spoken.warning else []), *news]))

    def _refusal_text(self, outcome: Rejection, talking: Conversing, texts: Texts) -> str:
        gone = {RejectionReason.QUEUE_FULL, RejectionReason.CANCELLED}
        if self._is_closing and not talking.is_cancelled and outcome.reason in gone:
            return texts.get("talk.closing")
        return texts.outcome(outcome, talking.request_id)

    def _keep(self, talking: Conversing, reply: ChatReply, memory: Button | None) -> bool:
        """Keep a message that may be answered again: one that drew no sanction, which it must not draw twice."""
        is_bound = talking.is_before_reset or reply.interview is not None  # to what stood then
        if reply.notice is not None or is_bound or self._has_company(talking):
            return False
        found = reply.details
        first = talking.answered.again if talking.answered else None
        message = AnsweredMessage(
            request_id=talking.request_id,
            user=talking.actor.user,
            text=talking.text,
            again=first or Again(memory_used=found.memory_used, last_summary=found.last_summary),
            memory=memory,
            link=talking.link,
        )
        self._last.keep(talking.actor.place.conversation, message)
        return True

    def _has_company(self, talking: Conversing) -> bool:
        """Tell whether a newer message of the conversation is on its way."""
        place = talking.actor.place.conversation
        return any(other is not talking and other.actor.place.conversation == place for other in self._running)


def _texts(manner: Manner) -> Texts:
    return Texts(manner.language, manner.zone)


def _memory_mark(reply: ChatReply, request_id: str, texts: Texts) -> Button | None:
    """Return the button on a reply that left a memory: it opens the memory's card."""
    action = reply.details.memory_action
    if action is None:
        return None
    return standing_button(texts.get(f"memory.{action}_mark"), CARD, request_id)


def _told(outcome: ChatOutcome) -> str:
    """Return what a turn came to in words for the log: no text of anybody."""
    if isinstance(outcome, Rejection):
        return f"rejection {outcome.reason}"
    return f"reply after {outcome.details.timings_ms.get('total', 0):.0f} ms"
