"""Store what lets moderators into the dashboard: one-time links and sessions. Only digests of their tokens are kept."""

import hashlib
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import DashboardPass, PassKind, UserKey
from storage.tables import DashboardPassRow


class DashboardPassStore:
    """Read and write passes inside one transaction. Tokens are given in clear and leave nothing but their SHA-256 here."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def issue(self, token: str, given: DashboardPass) -> None:
        """Keep a new pass. A new link takes the place of the user's earlier ones; sessions stay."""
        if given.kind is PassKind.LINK:
            links = (*_is_of(given.user), DashboardPassRow.kind == PassKind.LINK.value)
            await self._session.execute(delete(DashboardPassRow).where(*links))
        row = DashboardPassRow(
            digest=_digest(token),
            kind=given.kind.value,
            platform=given.user.platform,
            user_id=given.user.id,
            community=given.community,
            locale=given.locale,
            created_at=given.created_at,
            expires_at=given.expires_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def find(self, token: str, kind: PassKind, now: datetime) -> DashboardPass | None:
        """Return the pass of a token while it is good; looking at it changes nothing."""
        row = await self._session.get(DashboardPassRow, _digest(token))
        if row is None or row.kind != kind.value or row.expires_at <= now:
            return None
        return _to_record(row)

    async def take_link(self, token: str, now: datetime) -> DashboardPass | None:
        """Return what a link is for, and spend it: of two who come with the same link, one gets in."""
        found = await self.find(token, PassKind.LINK, now)
        if found is not None:
            await self.end(token)
        return found

    async def end(self, token: str) -> None:
        """Make one pass worthless."""
        await self._session.execute(delete(DashboardPassRow).where(DashboardPassRow.digest == _digest(token)))

    async def revoke(self, user: UserKey, now: datetime) -> int:
        """Make every pass of a user worthless; return how many of them were still good."""
        digests = select(DashboardPassRow.digest)
        good = list(await self._session.scalars(digests.where(*_is_of(user), DashboardPassRow.expires_at > now)))
        await self._session.execute(delete(DashboardPassRow).where(*_is_of(user)))
        return len(good)

    async def drop_old(self, now: datetime) -> None:
        """Delete what has expired."""
        await self._session.execute(delete(DashboardPassRow).where(DashboardPassRow.expires_at <= now))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _is_of(user: UserKey) -> tuple[ColumnElement[bool], ...]:
    return DashboardPassRow.platform == user.platform, DashboardPassRow.user_id == user.id


def _to_record(row: DashboardPassRow) -> DashboardPass:
    return DashboardPass(
        kind=PassKind(row.kind),
        user=UserKey(platform=row.platform, id=row.user_id),
        community=row.community,
        locale=row.locale,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
