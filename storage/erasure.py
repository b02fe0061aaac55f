"""Erase what is stored about a user, on their request."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.case_cards import CaseCardStore
from storage.conversations import took_part, with_others
from storage.records import ConversationKey, UserKey
from storage.sealing import Subject, kind_of
from storage.tables import (
    AppealRow,
    ConversationRow,
    DashboardPassRow,
    DataKeyRow,
    InterviewRow,
    InterviewStepRow,
    MemoryChangeRow,
    MemoryRow,
    NoteRow,
    ObservationRow,
    ReportRow,
    ReviewCardRow,
    SanctionChangeRow,
    SanctionRow,
    TurnRow,
    UserSettingsRow,
)
from storage.vault import forget_sealers, vault_of

ERASED = ""
_OWN_ROWS = (MemoryRow, NoteRow, ObservationRow, UserSettingsRow, DashboardPassRow, InterviewRow, ReviewCardRow)


class ErasureStore:
    """Erase a user inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def erase(self, user: UserKey, now: datetime) -> list[str]:
        """Erase a user; return the ids of the keys that nothing needs any more, for the caller to destroy once this is committed.

        Turns, observations, memories with their history, notes, summaries, interviews and settings are deleted. Sanctions stay,
        because nobody gets rid of a block by asking to be forgotten, and with them appeals and reports: emptied of every text, and
        under a pseudonym, also on their cards in modlogs. A summary of a conversation with others is forgotten too, since it may be about this user.
        """
        subjects: list[Subject] = [user, *await self._forget_conversations(user, now)]
        await self._delete_rows(user)
        await CaseCardStore(self._session).touch_of_user(user, now)
        await self._empty_sanctions(user)
        await self._empty_reports(user)
        return await self.take_keys(subjects)

    async def forget_summary(self, key: ConversationKey, now: datetime) -> list[str]:
        """Forget the summary of a conversation; return the id of its key, as `erase` does."""
        await self._session.execute(
            update(ConversationRow)
            .where(ConversationRow.platform == key.platform, ConversationRow.id == key.id)
            .values(last_summary=None, updated_at=now)
        )
        return await self.take_keys([key])

    async def take_keys(self, subjects: Iterable[Subject]) -> list[str]:
        """Forget which keys these subjects have, and return the ids."""
        ids = []
        for subject in subjects:
            taken = (
                delete(DataKeyRow)
                .where(
                    DataKeyRow.kind == kind_of(subject),
                    DataKeyRow.platform == subject.platform,
                    DataKeyRow.subject_id == subject.id,
                )
                .returning(DataKeyRow.key_id)
            )
            ids += list(await self._session.scalars(taken))
        forget_sealers(self._session)
        return ids

    async def erase_subject(self, subject: Subject, now: datetime) -> list[str]:
        """Erase a user, or forget a conversation's summary."""
        if isinstance(subject, UserKey):
            return await self.erase(subject, now)
        return await self.forget_summary(subject, now)

    async def key_ids(self) -> frozenset[str]:
        """Return the ids of all keys that something may be sealed with."""
        return frozenset(await self._session.scalars(select(DataKeyRow.key_id)))

    async def subjects_of(self, key_ids: Collection[str]) -> list[Subject]:
        """Return whose keys these are."""
        rows = await self._session.scalars(select(DataKeyRow))
        return [_subject(row) for row in rows if row.key_id in key_ids]

    async def _forget_conversations(self, user: UserKey, now: datetime) -> list[ConversationKey]:
        """Delete the conversations that the user had alone, forget the summary of the others; return them all."""
        rows = await self._session.execute(select(ConversationRow.platform, ConversationRow.id).where(took_part(user)))
        conversations = [ConversationKey(platform=row[0], id=row[1]) for row in rows]
        alone = took_part(user) & ~with_others(user)
        await self._session.execute(delete(ConversationRow).where(alone))
        await self._session.execute(
            update(ConversationRow).where(took_part(user)).values(last_summary=None, updated_at=now)
        )
        return conversations

    async def _delete_rows(self, user: UserKey) -> None:
        mine = select(MemoryRow.id).where(MemoryRow.platform == user.platform, MemoryRow.user_id == user.id)
        await self._session.execute(delete(MemoryChangeRow).where(MemoryChangeRow.memory_id.in_(mine)))
        interviews = select(InterviewRow.id).where(
            InterviewRow.platform == user.platform, InterviewRow.user_id == user.id
        )
        await self._session.execute(delete(InterviewStepRow).where(InterviewStepRow.interview_id.in_(interviews)))
        for table in _OWN_ROWS:
            await self._session.execute(delete(table).where(table.platform == user.platform, table.user_id == user.id))
        await self._session.execute(
            delete(TurnRow).where(TurnRow.user_platform == user.platform, TurnRow.user_id == user.id)
        )

    async def _empty_sanctions(self, user: UserKey) -> None:
        """Empty sanctions with what was done to them, and appeals; let them bear the pseudonym."""
        pseudonym = vault_of(self._session).pseudonym(user).id
        mine = select(SanctionRow.id).where(SanctionRow.platform == user.platform, SanctionRow.user_id == user.id)
        await self._session.execute(
            update(SanctionChangeRow).where(SanctionChangeRow.sanction_id.in_(mine)).values(reason=ERASED)
        )
        await self._session.execute(
            update(SanctionRow)
            .where(SanctionRow.platform == user.platform, SanctionRow.user_id == user.id)
            .values(user_id=pseudonym, text=ERASED, reply=None, reason=None, link=None)
        )
        await self._session.execute(
            update(AppealRow)
            .where(AppealRow.platform == user.platform, AppealRow.user_id == user.id)
            .values(user_id=pseudonym, text=ERASED, reason=None)
        )

    async def _empty_reports(self, user: UserKey) -> None:
        pseudonym = vault_of(self._session).pseudonym(user).id
        await self._session.execute(
            update(ReportRow)
            .where(ReportRow.platform == user.platform, ReportRow.author_id == user.id)
            .values(author_id=pseudonym, text=ERASED)
        )
        await self._session.execute(
            update(ReportRow)
            .where(ReportRow.platform == user.platform, ReportRow.reporter_id == user.id)
            .values(reporter_id=pseudonym)
        )


def _subject(row: DataKeyRow) -> Subject:
    kind = UserKey if row.kind == "user" else ConversationKey
    return kind(platform=row.platform, id=row.subject_id)
