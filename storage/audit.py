"""Keep what people did for good: rows in a chain of hashes, only ever added.

A row's hash is the SHA-256 of the row before's hash and of the row itself as canonical JSON, so that a row which is changed,
removed or moved breaks the chain there. How many rows there are and the last hash stand apart (`audit_head`, and a file beside
the database: `storage/audit_anchor.py`), so that rows cut off at the end are missed too. `storage/audit_check.py` looks.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import AuditAction, AuditEntry, AuditHead, AuditValue, UserKey
from storage.tables import AuditHeadRow, AuditRow

NEW_HEAD = "audit head"  # in `session.info`: what `Database.begin` writes beside the database once it has committed
LONGEST_VALUE = 200  # characters of a text in details: an id, a version, a moment
_HEAD_ID = 1


class AuditStore:
    """Add to the audit, and read it, inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(
        self, actor: UserKey, action: AuditAction, subject: str, details: Mapping[str, AuditValue], now: datetime
    ) -> AuditEntry:
        """Add a row within the transaction of the change that it tells of.

        `subject` names a row by table and id (`sanction:17`, `community:discord:42`). Neither it nor `details` may hold what
        somebody wrote: nothing here is ever altered, not even when a user asks to be forgotten.

        Raises:
            ValueError: a text in `details` is too long to be an id, a version or a moment.
        """
        if any(isinstance(value, str) and len(value) > LONGEST_VALUE for value in details.values()):
            raise ValueError(
                f"details of the audit hold ids and figures, not texts; at most {LONGEST_VALUE} characters"
            )
        head = (await self._session.scalars(select(AuditHeadRow).with_for_update())).one()
        row = AuditRow(
            number=head.number + 1,
            at=now.astimezone(UTC).isoformat(timespec="microseconds"),
            platform=actor.platform,
            actor_id=actor.id,
            action=action.value,
            subject=subject,
            details=_canonical(dict(details)),
            previous=head.hash,
        )
        row.hash = hash_of(row)
        self._session.add(row)
        await self._session.flush()
        head.number, head.hash = row.number, row.hash
        await self._session.flush()
        self._session.info[NEW_HEAD] = AuditHead(number=row.number, hash=row.hash)
        return to_entry(row)

    async def head(self) -> AuditHead:
        """Return the number and the hash of the last row."""
        row = await self._session.get(AuditHeadRow, _HEAD_ID)
        return AuditHead(number=0, hash="") if row is None else AuditHead(number=row.number, hash=row.hash)

    async def of_subject(self, subject: str) -> list[AuditEntry]:
        """Return what was done to a row, oldest first."""
        query = select(AuditRow).where(AuditRow.subject == subject).order_by(AuditRow.number)
        return [to_entry(row) for row in await self._session.scalars(query)]

    async def newest(self, limit: int, before: int | None = None) -> list[AuditEntry]:
        """Return at most `limit` rows, newest first; those below number `before` where it is given."""
        query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.number < before)
        return [to_entry(row) for row in await self._session.scalars(query)]

    async def rows(self) -> AsyncIterator[AuditRow]:
        """Yield every row as it stands, in the order of its number, a few at a time."""
        async for row in await self._session.stream_scalars(select(AuditRow).order_by(AuditRow.number)):
            yield row


def hash_of(row: AuditRow) -> str:
    """Return the hash that a row must have: SHA-256 over the hash before it and its own content, in hexadecimal."""
    content = [row.number, row.at, row.platform, row.actor_id, row.action, row.subject, row.details]
    return hashlib.sha256(f"{row.previous}\n{_canonical(content)}".encode()).hexdigest()


def _canonical(value: object) -> str:
    """Write JSON in the one way that is hashed: sorted, without spaces, in ASCII. What is no JSON at all is written out."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def to_entry(row: AuditRow) -> AuditEntry:
    """Return a row as a plain value."""
    return AuditEntry(
        number=row.number,
        at=datetime.fromisoformat(row.at),
        actor=UserKey(platform=row.platform, id=row.actor_id),
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
        previous=row.previous,
        hash=row.hash,
    )
