"""Erase what is stored about a user, on their request."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations import took_part, with_others
from storage.records import UserKey
from storage.tables import (
    AppealRow,
    ConversationRow,
    DashboardPassRow,
    InterviewRow,
    InterviewStepRow,
    MemoryChangeRow,
    MemoryRow,
    ObservationRow,
    ReportRow,
    ReviewCardRow,
    SanctionRow,
    TurnRow,
    UserSettingsRow,
)

ERASED = ""


class ErasureStore:
    """Erase a user inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def erase(self, user: UserKey, now: datetime) -> None:
        """Delete turns, observations, memories with their history, summaries, interviews and settings; empty what must stay.

        Sanctions stay, because nobody gets rid of a block by asking to be forgotten, and with them appeals and reports; what the
        user wrote in them is emptied. A summary of a conversation with others is forgotten too, since it may be about this user.
        """
        await self._forget_conversations(user, now)
        mine = select(MemoryRow.id).where(MemoryRow.platform == user.platform, MemoryRow.user_id == user.id)
        await self._session.execute(delete(MemoryChangeRow).where(MemoryChangeRow.memory_id.in_(mine)))
        await self._session.execute(
            delete(MemoryRow).where(MemoryRow.platform == user.platform, MemoryRow.user_id == user.id)
        )
        await self._erase_interviews(user)
        await self._session.execute(
            delete(TurnRow).where(TurnRow.user_platform == user.platform, TurnRow.user_id == user.id)
        )
        await self._session.execute(
            delete(ObservationRow).where(ObservationRow.platform == user.platform, ObservationRow.user_id == user.id)
        )
        await self._session.execute(
            delete(UserSettingsRow).where(UserSettingsRow.platform == user.platform, UserSettingsRow.user_id == user.id)
        )
        await self._session.execute(
            delete(DashboardPassRow).where(
                DashboardPassRow.platform == user.platform, DashboardPassRow.user_id == user.id
            )
        )
        await self._empty_texts(user)

    async def _forget_conversations(self, user: UserKey, now: datetime) -> None:
        """Delete the conversations that the user had alone; forget the summary of the others."""
        alone = took_part(user) & ~with_others(user)
        await self._session.execute(delete(ConversationRow).where(alone))
        await self._session.execute(
            update(ConversationRow).where(took_part(user)).values(last_summary=None, updated_at=now)
        )

    async def _erase_interviews(self, user: UserKey) -> None:
        mine = select(InterviewRow.id).where(InterviewRow.platform == user.platform, InterviewRow.user_id == user.id)
        await self._session.execute(delete(InterviewStepRow).where(InterviewStepRow.interview_id.in_(mine)))
        await self._session.execute(
            delete(InterviewRow).where(InterviewRow.platform == user.platform, InterviewRow.user_id == user.id)
        )
        await self._session.execute(
            delete(ReviewCardRow).where(ReviewCardRow.platform == user.platform, ReviewCardRow.user_id == user.id)
        )

    async def _empty_texts(self, user: UserKey) -> None:
        await self._session.execute(
            update(SanctionRow)
            .where(SanctionRow.platform == user.platform, SanctionRow.user_id == user.id)
            .values(text=ERASED, reply=None, link=None)
        )
        await self._session.execute(
            update(AppealRow)
            .where(AppealRow.platform == user.platform, AppealRow.user_id == user.id)
            .values(text=ERASED)
        )
        await self._session.execute(
            update(ReportRow)
            .where(ReportRow.platform == user.platform, ReportRow.author_id == user.id)
            .values(text=ERASED)
        )
