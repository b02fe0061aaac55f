"""What the database says about a message before a model works: one short transaction at the start of a turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.sentencing import Sentencing
from engine.types import ChatRequest, Notice
from storage.conversations import ConversationStore
from storage.database import Database
from storage.interview_records import Interview
from storage.interviews import InterviewStore
from storage.memories import MemoryStore
from storage.records import Memory
from storage.sanctions import SanctionStore
from storage.user_settings import UserSettingsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What stands about the user and the conversation of a message.

    Only `block` is filled for a user under a block. `memories` and `last_summary` stay empty for a message that is answered anew: it
    brings what was found the first time. `written_at` is when the conversation was last written, None where it never was.
    """

    block: Notice | None = None
    interview: Interview | None = None
    memories: tuple[Memory, ...] = ()
    last_summary: str | None = None
    is_paused: bool = False
    written_at: datetime | None = None


async def look_up(database: Database, sentencing: Sentencing, request: ChatRequest) -> Known:
    """Read everything a turn begins with.

    Raises:
        StorageError: the database refused.
    """
    async with database.read() as session:
        if (block := await sentencing.active_block(SanctionStore(session), request)) is not None:
            return Known(block=block)
        interview = await InterviewStore(session).open_in(request.conversation)
        settings = await UserSettingsStore(session).get(request.user)
        conversation = await ConversationStore(session).get(request.conversation)
        written_at = conversation.updated_at if conversation else None
        if request.again is not None:
            return Known(interview=interview, is_paused=settings.is_paused, written_at=written_at)
        memories = await MemoryStore(session).of_user(request.user)
    return Known(
        interview=interview,
        memories=tuple(memories),
        last_summary=conversation.last_summary if conversation else None,
        is_paused=settings.is_paused,
        written_at=written_at,
    )
