"""What each of her last messages came to, so that a reply to one of them goes on from there and not from the last."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from storage.records import ConversationKey, UserKey

_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    user: UserKey
    summary: str


class ReplyChain:
    """Keeps the summaries of the last 10,000 messages, in memory only: behind them a reply goes on from the last turn."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[ConversationKey, str], _Said] = OrderedDict()

    def keep(self, conversation: ConversationKey, message: str, user: UserKey, summary: str) -> None:
        """Keep what a message of hers, an answer to `user`, came to."""
        self._kept[conversation, message] = _Said(user=user, summary=summary)
        self._kept.move_to_end((conversation, message))
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def find(self, conversation: ConversationKey, message: str | None) -> str | None:
        """Return what the message came to that somebody replies to; None where that is not known."""
        said = self._kept.get((conversation, message)) if message is not None else None
        return said.summary if said is not None else None

    def drop(self, conversation: ConversationKey) -> None:
        """Forget what was said in a conversation."""
        for key in [key for key in self._kept if key[0] == conversation]:
            del self._kept[key]

    def drop_of(self, user: UserKey) -> None:
        """Forget what was said to a user."""
        for key in [key for key, said in self._kept.items() if said.user == user]:
            del self._kept[key]
