"""Talking with her: a message in, its outcome out."""

from __future__ import annotations

import secrets
from zoneinfo import ZoneInfo

from engine.queue import QueuedTurn, TurnQueue
from engine.types import ChatRequest, Clock, EventSink, ignore_event
from storage.records import ConversationKey, UserKey


class ChatHandler:
    """Submits messages of any platform to the turn queue."""

    def __init__(self, queue: TurnQueue, clock: Clock) -> None:
        """Stamp messages with `clock`."""
        self._queue = queue
        self._clock = clock

    def submit(
        self,
        user: UserKey,
        conversation: ConversationKey,
        text: str,
        *,
        locale: str,
        zone: ZoneInfo,
        show: EventSink = ignore_event,
    ) -> QueuedTurn:
        """Submit a message; wait on the returned turn for its outcome."""
        request = ChatRequest(
            request_id=secrets.token_hex(8),
            user=user,
            conversation=conversation,
            text=text,
            received_at=self._clock(),
            locale=locale,
            time_zone=zone,
        )
        return self._queue.submit(request, show)
