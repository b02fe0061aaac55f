"""Store the cards of cases in modlogs: what is due is written by `bot/handlers/case_rounds.py`, again and again until it stands."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import CaseCard, UserKey
from storage.tables import CaseCardRow, SanctionRow


class CaseCardStore:
    """Read and write cards inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def touch(self, sanction_id: int, now: datetime) -> None:
        """Let the card of a sanction be written anew, within the transaction of whatever changed in its case."""
        row = await self._session.get(CaseCardRow, sanction_id)
        if row is None:
            row = CaseCardRow(sanction_id=sanction_id, posting=0, revision=0, shown=0, tries=0)
            self._session.add(row)
        row.due_at = now
        row.revision += 1
        row.tries = 0
        await self._session.flush()

    async def touch_of_user(self, user: UserKey, now: datetime) -> None:
        """Let every card that there is of a user's sanctions be written anew; to call before the sanctions bear another name.

        Also those that stand nowhere: one of them may be on its way to a modlog.
        """
        theirs = select(SanctionRow.id).where(SanctionRow.platform == user.platform, SanctionRow.user_id == user.id)
        await self._session.execute(
            update(CaseCardRow)
            .where(CaseCardRow.sanction_id.in_(theirs))
            .values(due_at=now, revision=CaseCardRow.revision + 1, tries=0)
        )

    async def due(self, platforms: Sequence[str], now: datetime, limit: int) -> list[CaseCard]:
        """Return the cards on these platforms that are to be written by `now`, those that wait longest first."""
        query = (
            select(CaseCardRow)
            .join(SanctionRow, SanctionRow.id == CaseCardRow.sanction_id)
            .where(CaseCardRow.due_at <= now, SanctionRow.platform.in_(platforms))
            .order_by(CaseCardRow.due_at, CaseCardRow.sanction_id)
            .limit(limit)
        )
        return [_to_record(row) for row in await self._session.scalars(query)]

    async def of_sanction(self, sanction_id: int) -> CaseCard | None:
        """Return the card of a sanction."""
        row = await self._session.get(CaseCardRow, sanction_id)
        return None if row is None else _to_record(row)

    async def begin_message(self, sanction_id: int, channel: str) -> CaseCard:
        """Note, before it is sent, that a new message is begun for a card; what is sent again has the same `posting`."""
        row = await self._session.get_one(CaseCardRow, sanction_id)
        if row.channel != channel or row.message_id is not None or row.posting == 0:
            row.posting += 1
        row.channel, row.message_id = channel, None
        await self._session.flush()
        return _to_record(row)

    async def note_shown(self, card: CaseCard, message_id: str | None, next_at: datetime | None) -> None:
        """Note that a card stands (None: nowhere) as of its revision; it is due at `next_at`, at once where the case has changed since."""
        row = await self._session.get_one(CaseCardRow, card.sanction_id)
        row.message_id = message_id
        if message_id is None:
            row.channel = None
        row.shown, row.tries = card.revision, 0
        if row.revision == card.revision:
            row.due_at = next_at
        await self._session.flush()

    async def put_off(self, card: CaseCard, until: datetime) -> None:
        """Note that a card could not be written, and when to try again; where the case has changed since, that is at once."""
        row = await self._session.get_one(CaseCardRow, card.sanction_id)
        if row.revision == card.revision:
            row.due_at = until
            row.tries = card.tries + 1
        await self._session.flush()


def _to_record(row: CaseCardRow) -> CaseCard:
    return CaseCard(
        sanction_id=row.sanction_id,
        channel=row.channel,
        message_id=row.message_id,
        due_at=row.due_at,
        posting=row.posting,
        revision=row.revision,
        shown=row.shown,
        tries=row.tries,
    )
