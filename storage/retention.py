"""Let go of what was kept long enough."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.forgetting import finish_forgetting, forget_summaries
from storage.records import AppealState, ConversationKey, SanctionKind
from storage.seen_updates import SeenUpdateStore
from storage.tables import (
    AppealRow,
    ConversationRow,
    DataKeyRow,
    ObservationRow,
    ReportRow,
    SanctionRow,
    TurnRow,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """Say for how many days things are kept; None keeps them until their user asks to be forgotten.

    `turns` and observations count from their moment, `summaries` from a conversation's last turn, `evidence` from the end of a
    block or the moment of a warning, `cases` (appeals and reports) from when they were decided or closed.
    """

    turns: int | None = 365
    summaries: int | None = 30
    evidence: int | None = 180
    cases: int | None = 365


async def sweep(database: Database, limits: RetentionSettings, now: datetime) -> dict[str, int]:
    """Delete or empty what is past its time; return how many rows of what. Also finishes what is left of erasures.

    Raises:
        StorageError: the database or the keyring refused; what a step had committed is gone, the rest waits for the next time.
    """
    await finish_forgetting(database, now)
    async with database.begin() as session:
        swept = await RetentionStore(session).sweep(limits, now)
    async with database.read() as session:
        idle = await RetentionStore(session).conversations_to_forget(limits, now)
    if idle:
        await forget_summaries(database, idle, now)
    found = {**swept, "summaries": len(idle)}
    if any(found.values()):
        _log.info("kept long enough: %s", ", ".join(f"{count} {what}" for what, count in found.items() if count))
    return found


class RetentionStore:
    """Find and let go of what is past its time, inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sweep(self, limits: RetentionSettings, now: datetime) -> dict[str, int]:
        """Let go of everything but summaries, whose keys go with them; return how many rows of what."""
        await SeenUpdateStore(self._session).drop_old(now)
        return {
            "turns": await self._drop_turns(_before(limits.turns, now)),
            "evidence": await self._empty_evidence(_before(limits.evidence, now)),
            "appeals": await self._empty_appeals(_before(limits.cases, now)),
            "reports": await self._drop_reports(_before(limits.cases, now)),
        }

    async def conversations_to_forget(self, limits: RetentionSettings, now: datetime) -> list[ConversationKey]:
        """Return the conversations whose summary is past its time, or whose key is as old as turns get.

        The second bounds what a key opens in old backups: who took part before that leaves no turn to find them by.
        """
        found = set()
        if (idle := _before(limits.summaries, now)) is not None:
            query = select(ConversationRow.platform, ConversationRow.id).where(
                ConversationRow.updated_at < idle, ConversationRow.last_summary.is_not(None)
            )
            found |= {(row[0], row[1]) for row in await self._session.execute(query)}
        if (old := _before(limits.turns, now)) is not None:
            keys = select(DataKeyRow.platform, DataKeyRow.subject_id).where(
                DataKeyRow.kind == "conversation", DataKeyRow.created_at < old
            )
            found |= {(row[0], row[1]) for row in await self._session.execute(keys)}
        return [ConversationKey(platform=platform, id=conversation) for platform, conversation in sorted(found)]

    async def _drop_turns(self, before: datetime | None) -> int:
        if before is None:
            return 0
        await self._session.execute(delete(ObservationRow).where(ObservationRow.observed_at < before))
        return await self._count(TurnRow, delete(TurnRow), TurnRow.received_at < before)

    async def _empty_evidence(self, before: datetime | None) -> int:
        """Empty the evidence of sanctions that are over, unless an appeal against them is open."""
        if before is None:
            return 0
        end = func.coalesce(SanctionRow.ended_at, SanctionRow.expires_at, type_=SanctionRow.expires_at.type)
        is_block = SanctionRow.kind == SanctionKind.BLOCK.value
        is_over = or_(is_block & (end < before), ~is_block & (SanctionRow.started_at < before))
        has_text = or_(SanctionRow.text != "", SanctionRow.reply.is_not(None), SanctionRow.link.is_not(None))
        is_open = exists().where(AppealRow.open_sanction_id == SanctionRow.id)
        emptied = update(SanctionRow).values(text="", reply=None, link=None)
        return await self._count(SanctionRow, emptied, is_over & has_text & ~is_open)

    async def _empty_appeals(self, before: datetime | None) -> int:
        if before is None:
            return 0
        is_done = (AppealRow.state != AppealState.OPEN.value) & (AppealRow.decided_at < before)
        emptied = update(AppealRow).values(text="", reason=None)
        return await self._count(AppealRow, emptied, is_done & ((AppealRow.text != "") | AppealRow.reason.is_not(None)))

    async def _drop_reports(self, before: datetime | None) -> int:
        if before is None:
            return 0
        return await self._count(ReportRow, delete(ReportRow), ReportRow.closed_at < before)

    async def _count(self, table: type, statement: object, chosen: ColumnElement[bool]) -> int:
        """Run a statement on the chosen rows and return how many there were."""
        count = await self._session.scalar(select(func.count()).select_from(table).where(chosen)) or 0
        if count:
            await self._session.execute(statement.where(chosen))  # type: ignore[attr-defined]
        return count


def _before(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else now - timedelta(days=days)
