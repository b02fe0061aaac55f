"""Talking with her: a message in, its outcome out."""

from __future__ import annotations

import secrets
from zoneinfo import ZoneInfo

from engine.queue import QueuedTurn, TurnQueue
from engine.refusal_log import RefusalLog
from engine.types import Again, ChatRequest, Clock, EventSink, InterviewCommand, ignore_event
from storage.records import ConversationKey, UserKey


def new_request_id() -> str:
    """Return the name that a turn has in logs and in what users are told."""
    return secrets.token_hex(8)


class ChatHandler:
    """Submits messages of any platform to the turn queue."""

    def __init__(self, queue: TurnQueue, clock: Clock, refusals: RefusalLog | None = None) -> None:
        """Stamp messages with `clock`; let `refusals` record what the pipeline does not see."""
        self._queue = queue
        self._clock = clock
        self._refusals = refusals

    def submit(
        self,
        user: UserKey,
        conversation: ConversationKey,
        text: str,
        *,
        locale: str,
        zone: ZoneInfo,
        show: EventSink = ignore_event,
        request_id: str | None = None,
        temperature: float | None = None,
        again: Again | None = None,
        community: str | None = None,
        link: str | None = None,
        thread_summary: str | None = None,
        interview: InterviewCommand | None = None,
    ) -> QueuedTurn:
        """Submit a message; wait on the returned turn for its outcome. Without a `request_id` it gets a new one."""
        request = ChatRequest(
            request_id=request_id or new_request_id(),
            user=user,
            conversation=conversation,
            text=text,
            received_at=self._clock(),
            locale=locale,
            time_zone=zone,
            temperature=temperature,
            again=again,
            community=community,
            link=link,
            thread_summary=thread_summary,
            interview=interview,
        )
        turn = self._queue.submit(request, show)
        if self._refusals is not None:
            self._refusals.watch(turn)
        return turn
