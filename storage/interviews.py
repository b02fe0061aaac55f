"""Store interviews, their steps, and what is to be repeated; what the user wrote is sealed."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.interview_records import Interview, InterviewState, InterviewStep, ReviewCard, StepKind
from storage.records import ConversationKey, UserKey
from storage.sealing import SealedColumn, Sealer
from storage.tables import InterviewRow, InterviewStepRow, ReviewCardRow
from storage.vault import new_sealer_of, sealer_of


class InterviewStore:
    """Read and write interviews inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def start(
        self, user: UserKey, conversation: ConversationKey, bank: str, question: str, now: datetime
    ) -> Interview | None:
        """Begin an interview with `question`; None when the conversation has an open one already."""
        if await self._open_row(conversation) is not None:
            return None
        row = InterviewRow(
            platform=conversation.platform,
            conversation_id=conversation.id,
            open_conversation=conversation.id,
            user_id=user.id,
            bank=bank,
            state=InterviewState.RUNNING,
            started_at=now,
            updated_at=now,
        )
        self._session.add(row)
        await self._session.flush()
        first = InterviewStep(question=question, kind=StepKind.STARTED, next_question=question, at=now)
        self._session.add(_step_row(row.id, first, await sealer_of(self._session, user)))
        await self._session.flush()
        return await self._to_record(row)

    async def open_in(self, conversation: ConversationKey) -> Interview | None:
        """Return the conversation's running or paused interview."""
        row = await self._open_row(conversation)
        return None if row is None else await self._to_record(row)

    async def get(self, interview_id: int) -> Interview | None:
        """Return one interview."""
        row = await self._session.get(InterviewRow, interview_id)
        return None if row is None else await self._to_record(row)

    async def of_user(self, user: UserKey) -> list[Interview]:
        """Return the user's interviews, oldest first."""
        query = select(InterviewRow).where(InterviewRow.platform == user.platform, InterviewRow.user_id == user.id)
        rows = (await self._session.scalars(query.order_by(InterviewRow.id))).all()
        return [await self._to_record(row) for row in rows]

    async def add_steps(self, interview_id: int, steps: Iterable[InterviewStep], now: datetime) -> None:
        """Record further steps, in order."""
        row = await self._row(interview_id)
        row.updated_at = now
        sealer = await new_sealer_of(self._session, _user_of(row))
        for step in steps:
            self._session.add(_step_row(interview_id, step, sealer))
            await self._session.flush()  # one by one: their ids are their order

    async def set_state(self, interview_id: int, state: InterviewState, now: datetime) -> None:
        """Pause, resume or end an interview; one that has ended leaves its conversation free."""
        row = await self._row(interview_id)
        row.state = state
        row.updated_at = now
        if state is InterviewState.ENDED:
            row.ended_at = now
            row.open_conversation = None
        await self._session.flush()

    async def cards(self, user: UserKey, bank: str | None = None) -> list[ReviewCard]:
        """Return what the user was asked of a bank, or of all banks, by bank, question and label."""
        query = select(ReviewCardRow).where(ReviewCardRow.platform == user.platform, ReviewCardRow.user_id == user.id)
        if bank is not None:
            query = query.where(ReviewCardRow.bank == bank)
        query = query.order_by(ReviewCardRow.bank, ReviewCardRow.question, ReviewCardRow.label)
        return [_to_card(row) for row in await self._session.scalars(query)]

    async def save_cards(self, user: UserKey, cards: Iterable[ReviewCard]) -> None:
        """Keep cards in place of those of the same answers."""
        for card in cards:
            row = ReviewCardRow(
                platform=user.platform,
                user_id=user.id,
                bank=card.bank,
                question=card.question,
                label=card.label,
                box=card.box,
                asked_at=card.asked_at,
                due_at=card.due_at,
            )
            await self._session.merge(row)
        await self._session.flush()

    async def _row(self, interview_id: int) -> InterviewRow:
        return await self._session.get_one(InterviewRow, interview_id)

    async def _open_row(self, conversation: ConversationKey) -> InterviewRow | None:
        return await self._session.scalar(
            select(InterviewRow).where(
                InterviewRow.platform == conversation.platform, InterviewRow.open_conversation == conversation.id
            )
        )

    async def _to_record(self, row: InterviewRow) -> Interview:
        query = select(InterviewStepRow).where(InterviewStepRow.interview_id == row.id).order_by(InterviewStepRow.id)
        user = _user_of(row)
        sealer = await sealer_of(self._session, user)
        return Interview(
            id=row.id,
            user=user,
            conversation=ConversationKey(platform=row.platform, id=row.conversation_id),
            bank=row.bank,
            state=InterviewState(row.state),
            started_at=row.started_at,
            updated_at=row.updated_at,
            ended_at=row.ended_at,
            steps=tuple(_to_step(step, sealer) for step in await self._session.scalars(query)),
        )


def _user_of(row: InterviewRow) -> UserKey:
    return UserKey(platform=row.platform, id=row.user_id)


def _step_row(interview_id: int, step: InterviewStep, sealer: Sealer) -> InterviewStepRow:
    return InterviewStepRow(
        interview_id=interview_id,
        question=step.question,
        kind=step.kind,
        next_question=step.next_question,
        at=step.at,
        label=step.label,
        score=step.score,
        close_to=step.close_to,
        closeness=step.closeness,
        text=sealer.seal(SealedColumn.INTERVIEW_TEXT, step.text),
    )


def _to_step(row: InterviewStepRow, sealer: Sealer) -> InterviewStep:
    return InterviewStep(
        question=row.question,
        kind=StepKind(row.kind),
        next_question=row.next_question,
        at=row.at,
        label=row.label,
        score=row.score,
        close_to=row.close_to,
        closeness=row.closeness,
        text=sealer.open(SealedColumn.INTERVIEW_TEXT, row.text),
    )


def _to_card(row: ReviewCardRow) -> ReviewCard:
    return ReviewCard(
        bank=row.bank,
        question=row.question,
        label=row.label,
        box=row.box,
        asked_at=row.asked_at,
        due_at=row.due_at,
    )
