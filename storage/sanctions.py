"""Store warnings and blocks, and answer what the ladder and the gate ask; texts are sealed with the key of the sanction's user.

What is left of a forgotten user's sanctions bears their pseudonym. Asked for by its user, it is found and bears their own id.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.case_cards import CaseCardStore
from storage.records import (
    MANUAL,
    AuditAction,
    AuditValue,
    Evidence,
    Rung,
    Sanction,
    SanctionAction,
    SanctionChange,
    SanctionKind,
    SanctionState,
    Scope,
    UserKey,
)
from storage.sealing import SealedColumn, Sealer
from storage.tables import SanctionChangeRow, SanctionRow
from storage.vault import new_sealer_of, vault_of

END = func.coalesce(SanctionRow.ended_at, SanctionRow.expires_at, type_=SanctionRow.expires_at.type)
_NEWEST_FIRST = (SanctionRow.started_at.desc(), SanctionRow.id.desc())


class SanctionStore:
    """Read and write sanctions inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, sanction: Sanction, by: UserKey | None = None) -> Sanction:
        """Store a new sanction and return it with its id; one that a moderator gave is also noted in the audit, as theirs.

        Raises:
            ValueError: the sanction has an id, so it is stored already; or it was given by hand and nobody is named, or the
                other way about.
        """
        if sanction.id is not None:
            raise ValueError(f"sanction {sanction.id} is stored already")
        if sanction.is_manual != (by is not None):
            raise ValueError("a sanction that was given by hand, and no other, names its moderator")
        sealer = await new_sealer_of(self._session, sanction.user)
        row = _to_row(sanction, sealer)
        self._session.add(row)
        await self._session.flush()
        if by is not None:
            action = AuditAction.USER_WARNED if sanction.kind is SanctionKind.WARNING else AuditAction.USER_BLOCKED
            details: dict[str, AuditValue] = {"until": _written(sanction.expires_at)}
            await self._audit(by, action, row.id, details, sanction.started_at)
        await self._touch_card(row, sanction.started_at)
        return _to_record(row, sealer)

    async def rungs(self, user: UserKey) -> list[Rung]:
        """Return what the user's sanctions count on the ladders, in the order in which they were given; lifted ones too.

        What moderators gave by hand stands on no ladder, and what was overturned no longer does.
        """
        query = select(SanctionRow).where(*self._is_of(user), SanctionRow.counts_as > 0).order_by(SanctionRow.id)
        return [
            Rung(
                category=row.category,
                level=row.counts_as,
                started_at=row.started_at,
                since=row.ended_at or row.expires_at or row.started_at,
            )
            for row in await self._session.scalars(query)
        ]

    async def active_block(self, user: UserKey, now: datetime, community: str | None = None) -> Sanction | None:
        """Return the block that ends last, or None when no block reaches past `now` in this community (None: in private).

        A block holds up to, and not at, its end. Its start is not looked at, so a clock that was set back does not let a blocked
        user in. What the moderators of a community gave by hand holds only there.
        """
        holds_here = or_(
            SanctionRow.policy_version != MANUAL,
            SanctionRow.community.is_(None),
            SanctionRow.community == community,
        )
        query = (
            select(SanctionRow)
            .where(*self._is_of(user), _is_in_force(now), holds_here)
            .order_by(END.desc(), SanctionRow.id.desc())
            .limit(1)
        )
        found = await self._own(user, query)
        return found[0] if found else None

    async def tell_warnings(self, user: UserKey, now: datetime, community: str | None = None) -> list[Sanction]:
        """Return the warnings by moderators that the user has not been told of and that concern this place; they count as told now."""
        query = select(SanctionRow).where(
            *self._is_of(user),
            SanctionRow.kind == SanctionKind.WARNING.value,
            SanctionRow.policy_version == MANUAL,
            SanctionRow.told_at.is_(None),
            or_(SanctionRow.community.is_(None), SanctionRow.community == community),
        )
        rows = list(await self._session.scalars(query.order_by(SanctionRow.id)))
        for row in rows:
            row.told_at = now
        await self._session.flush()
        return await self._records(rows, user)

    async def get(self, sanction_id: int, scope: Scope) -> Sanction | None:
        """Return a sanction within `scope` by its id."""
        found = await self._all(select(SanctionRow).where(SanctionRow.id == sanction_id, is_within(scope)))
        return found[0] if found else None

    async def of_ids(self, sanction_ids: Sequence[int], scope: Scope) -> list[Sanction]:
        """Return these sanctions as far as they are within `scope`, newest first."""
        query = select(SanctionRow).where(SanctionRow.id.in_(sanction_ids), is_within(scope))
        return await self._all(query.order_by(*_NEWEST_FIRST))

    async def get_any(self, sanction_id: int) -> Sanction:
        """Return a sanction that is stored by its id, wherever it came about."""
        (sanction,) = await self._all(select(SanctionRow).where(SanctionRow.id == sanction_id))
        return sanction

    async def of_user(self, user: UserKey) -> list[Sanction]:
        """Return all of the user's sanctions, newest first."""
        return await self._own(user, select(SanctionRow).where(*self._is_of(user)).order_by(*_NEWEST_FIRST))

    async def of_user_within(self, user: UserKey, scope: Scope) -> list[Sanction]:
        """Return the user's sanctions within `scope`, newest first."""
        query = select(SanctionRow).where(*self._is_of(user), is_within(scope)).order_by(*_NEWEST_FIRST)
        return await self._own(user, query)

    async def of_category(self, category: str, scope: Scope, most: int | None = None) -> list[Sanction]:
        """Return the sanctions of a category within `scope`, newest first, at most `most`; `MANUAL` is that of all given by hand."""
        query = select(SanctionRow).where(SanctionRow.category == category, is_within(scope))
        return await self._all(query.order_by(*_NEWEST_FIRST).limit(most))

    async def in_force(self, now: datetime, scope: Scope, most: int | None = None) -> list[Sanction]:
        """Return the blocks in force within `scope`, newest first, at most `most`."""
        query = select(SanctionRow).where(_is_in_force(now), is_within(scope))
        return await self._all(query.order_by(*_NEWEST_FIRST).limit(most))

    async def count_in_force(self, now: datetime, scope: Scope) -> int:
        """Return how many blocks are in force within `scope`."""
        query = select(func.count()).select_from(SanctionRow).where(_is_in_force(now), is_within(scope))
        return (await self._session.scalars(query)).one()

    async def categories(self, scope: Scope) -> list[str]:
        """Return the categories that sanctions within `scope` have, in alphabetical order."""
        query = select(SanctionRow.category).where(is_within(scope)).distinct().order_by(SanctionRow.category)
        return list(await self._session.scalars(query))

    async def end(
        self, sanction_id: int, end: datetime, moderator: UserKey, reason: str, now: datetime
    ) -> SanctionChange:
        """Let a block end at `end`: lifted where that is not after `now`, otherwise reduced. Its level stays.

        Raises:
            ValueError: there is no such sanction, it is no block, or it ends sooner already.
        """
        row = await self._session.get(SanctionRow, sanction_id)
        old_end = None if row is None else row.ended_at or row.expires_at
        if row is None or old_end is None or old_end <= max(end, now):
            raise ValueError(f"sanction {sanction_id} is no block that can end earlier")
        action = SanctionAction.LIFTED if end <= now else SanctionAction.REDUCED
        row.ended_at = max(end, now)
        return await self._change(row, action, old_end, moderator, reason, now)

    async def overturn(self, sanction_id: int, moderator: UserKey, reason: str, now: datetime) -> SanctionChange:
        """Declare that a sanction was wrong: a block ends, and its rung is given back.

        Later sanctions in its category that were climbed from its rung count one rung less; they themselves stay as they are.

        Raises:
            ValueError: there is no such sanction, or it is overturned already.
        """
        row = await self._session.get(SanctionRow, sanction_id)
        if row is None or row.state == SanctionState.OVERTURNED.value:
            raise ValueError(f"sanction {sanction_id} is no sanction that can be overturned")
        old_end = row.ended_at or row.expires_at
        if old_end is not None and old_end > now:
            row.ended_at = now
        if row.counts_as:
            await self._give_rung_back(row)
        return await self._change(row, SanctionAction.OVERTURNED, old_end, moderator, reason, now)

    async def _give_rung_back(self, row: SanctionRow) -> None:
        """Let a sanction count nothing, and each that was climbed from it one rung less, down to the first."""
        row.counts_as = 0
        above = (
            SanctionRow.platform == row.platform,
            SanctionRow.user_id.in_(await self._ids_after(row)),
            SanctionRow.category == row.category,
            SanctionRow.id > row.id,
            SanctionRow.rung_before > 0,
            SanctionRow.counts_as > 1,
        )
        await self._session.execute(update(SanctionRow).where(*above).values(counts_as=SanctionRow.counts_as - 1))

    async def _change(
        self,
        row: SanctionRow,
        action: SanctionAction,
        old_end: datetime | None,
        moderator: UserKey,
        reason: str,
        now: datetime,
    ) -> SanctionChange:
        """Write what a moderator did into the row's state, the changes and the audit."""
        row.state = SanctionState(action.value).value
        change = SanctionChange(
            sanction_id=row.id,
            action=action,
            moderator=moderator,
            reason=reason,
            changed_at=now,
            old_end=old_end,
            new_end=row.ended_at,
        )
        sealer = await new_sealer_of(self._session, _user_of(row))
        self._session.add(_to_change_row(change, sealer))
        await self._session.flush()
        details: dict[str, AuditValue] = {
            "old_end": _written(old_end),
            "new_end": _written(row.ended_at),
        }
        await self._audit(moderator, AuditAction(f"sanction.{action.value}"), row.id, details, now)
        await self._touch_card(row, now)
        return change

    async def _touch_card(self, row: SanctionRow, now: datetime) -> None:
        if row.community is not None:
            await CaseCardStore(self._session).touch(row.id, now)

    async def _audit(
        self, actor: UserKey, action: AuditAction, sanction_id: int, details: dict[str, AuditValue], now: datetime
    ) -> None:
        await AuditStore(self._session).append(actor, action, f"sanction:{sanction_id}", details, now)

    async def changes(self, sanction_ids: Sequence[int]) -> list[SanctionChange]:
        """Return what moderators did with these sanctions, oldest first."""
        query = (
            select(SanctionChangeRow, SanctionRow)
            .join(SanctionRow, SanctionRow.id == SanctionChangeRow.sanction_id)
            .where(SanctionChangeRow.sanction_id.in_(sanction_ids))
            .order_by(SanctionChangeRow.id)
        )
        rows = (await self._session.execute(query)).all()
        sealers = await vault_of(self._session).sealers(self._session, [_user_of(row) for _, row in rows])
        return [_to_change(change, sealers[_user_of(row)]) for change, row in rows]

    async def _all(self, query: Select[SanctionRow]) -> list[Sanction]:
        return await self._records(list(await self._session.scalars(query)))

    async def _own(self, user: UserKey, query: Select[SanctionRow]) -> list[Sanction]:
        """Return the sanctions of one user, forgotten or not, as theirs."""
        return await self._records(list(await self._session.scalars(query)), user)

    async def _records(self, rows: Sequence[SanctionRow], user: UserKey | None = None) -> list[Sanction]:
        sealers = await vault_of(self._session).sealers(self._session, map(_user_of, rows))
        return [_to_record(row, sealers[_user_of(row)], user) for row in rows]

    async def _ids_after(self, row: SanctionRow) -> list[str]:
        """Return the ids that the person of a sanction bears in later ones of its category: who was forgotten may have come back."""
        later = (SanctionRow.platform == row.platform, SanctionRow.category == row.category, SanctionRow.id > row.id)
        ids = await self._session.scalars(select(SanctionRow.user_id).where(*later).distinct())
        vault, user = vault_of(self._session), _user_of(row)
        return [each for each in ids if vault.is_same(user, UserKey(platform=row.platform, id=each))]

    def _is_of(self, user: UserKey) -> tuple[ColumnElement[bool], ...]:
        return SanctionRow.platform == user.platform, SanctionRow.user_id.in_(vault_of(self._session).ids_of(user))


def _user_of(row: SanctionRow) -> UserKey:
    return UserKey(platform=row.platform, id=row.user_id)


def is_within(scope: Scope) -> ColumnElement[bool]:
    """Tell whether a sanction is within a moderator's scope."""
    community = true() if scope.community is None else SanctionRow.community == scope.community
    return (SanctionRow.platform == scope.platform) & community


def _is_in_force(now: datetime) -> ColumnElement[bool]:
    """Tell which blocks hold; no moderator can put an end later, so the index on `expires_at` serves."""
    is_not_ended = SanctionRow.ended_at.is_(None) | (now < SanctionRow.ended_at)
    return (SanctionRow.kind == SanctionKind.BLOCK.value) & (now < SanctionRow.expires_at) & is_not_ended


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _to_row(sanction: Sanction, sealer: Sealer) -> SanctionRow:
    evidence = sanction.evidence
    return SanctionRow(
        platform=sanction.user.platform,
        user_id=sanction.user.id,
        category=MANUAL if sanction.is_manual else sanction.category,
        reason=sealer.seal(SealedColumn.SANCTION_REASON, sanction.category) if sanction.is_manual else None,
        level=sanction.level,
        kind=sanction.kind.value,
        started_at=sanction.started_at,
        expires_at=sanction.expires_at,
        text=sealer.seal(SealedColumn.SANCTION_TEXT, evidence.text),
        reply=sealer.seal_if(SealedColumn.SANCTION_REPLY, evidence.reply),
        scores=dict(evidence.scores),
        thresholds=dict(evidence.thresholds),
        profile=evidence.profile,
        policy_version=evidence.policy_version,
        request_id=evidence.request_id,
        community=sanction.community,
        ended_at=sanction.ended_at,
        rung_before=sanction.rung_before,
        counts_as=0 if sanction.is_manual else sanction.level,
        state=sanction.decision.value,
        margin=sanction.margin,
        declined=None if evidence.declined is None else list(evidence.declined),
        link=evidence.link,
    )


def _category(row: SanctionRow, sealer: Sealer) -> str:
    """Return a category, or, for what was given by hand, the reason; `MANUAL` where it was erased."""
    return (sealer.open_if(SealedColumn.SANCTION_REASON, row.reason) if row.reason else None) or row.category


def _to_record(row: SanctionRow, sealer: Sealer, user: UserKey | None = None) -> Sanction:
    return Sanction(
        id=row.id,
        user=user or _user_of(row),
        category=_category(row, sealer),
        level=row.level,
        kind=SanctionKind(row.kind),
        started_at=row.started_at,
        expires_at=row.expires_at,
        evidence=Evidence(
            text=sealer.open(SealedColumn.SANCTION_TEXT, row.text),
            reply=sealer.open_if(SealedColumn.SANCTION_REPLY, row.reply),
            scores=dict(row.scores),
            thresholds=dict(row.thresholds),
            profile=row.profile,
            policy_version=row.policy_version,
            request_id=row.request_id,
            declined=None if row.declined is None else tuple(row.declined),
            link=row.link,
        ),
        community=row.community,
        ended_at=row.ended_at,
        rung_before=row.rung_before,
        decision=SanctionState(row.state),
    )


def _to_change_row(change: SanctionChange, sealer: Sealer) -> SanctionChangeRow:
    return SanctionChangeRow(
        sanction_id=change.sanction_id,
        action=change.action.value,
        platform=change.moderator.platform,
        moderator_id=change.moderator.id,
        reason=sealer.seal(SealedColumn.SANCTION_CHANGE_REASON, change.reason),
        changed_at=change.changed_at,
        old_end=change.old_end,
        new_end=change.new_end,
    )


def _to_change(row: SanctionChangeRow, sealer: Sealer) -> SanctionChange:
    return SanctionChange(
        sanction_id=row.sanction_id,
        action=SanctionAction(row.action),
        moderator=UserKey(platform=row.platform, id=row.moderator_id),
        reason=sealer.open(SealedColumn.SANCTION_CHANGE_REASON, row.reason),
        changed_at=row.changed_at,
        old_end=row.old_end,
        new_end=row.new_end,
    )
