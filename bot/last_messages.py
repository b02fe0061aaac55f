"""The last message of each conversation, kept so that it can be answered again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from bot.answers import Button
from engine.types import Again
from storage.records import ConversationKey, UserKey

_MOST_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredMessage:
    """A message that got a reply: who wrote it, what stood in front of it, the mark of what was remembered of it, its link."""

    request_id: str
    user: UserKey
    text: str
    again: Again
    memory: Button | None = None
    link: str | None = None


class LastMessages:
    """Keeps one message a conversation, in memory only, of the 1000 conversations that spoke last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[ConversationKey, AnsweredMessage] = OrderedDict()

    def keep(self, conversation: ConversationKey, message: AnsweredMessage) -> None:
        """Keep the last message of a conversation."""
        self._kept[conversation] = message
        self._kept.move_to_end(conversation)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def drop(self, conversation: ConversationKey) -> None:
        """Forget the last message of a conversation: another one comes."""
        self._kept.pop(conversation, None)

    def drop_of(self, user: UserKey) -> None:
        """Forget whatever a user said last."""
        for conversation in [key for key, message in self._kept.items() if message.user == user]:
            del self._kept[conversation]

    def take(self, conversation: ConversationKey, request_id: str, user: UserKey) -> AnsweredMessage | None:
        """Take out the last message of a conversation, if it is the named one and this user's."""
        message = self._kept.get(conversation)
        if message is None or (message.request_id, message.user) != (request_id, user):
            return None
        return self._kept.pop(conversation)

    def give_back(self, conversation: ConversationKey, message: AnsweredMessage) -> None:
        """Keep a message again that could not be answered anew, unless a newer one came."""
        self._kept.setdefault(conversation, message)
