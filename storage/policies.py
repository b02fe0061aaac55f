"""Store what each policy version held, so that one version never means two policies."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.errors import PolicyVersionTaken
from storage.records import AT_TERMINAL, AuditAction, PolicyRecord
from storage.tables import PolicyRow


class PolicyStore:
    """Read and write policy versions inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def register(self, policy: PolicyRecord, now: datetime) -> None:
        """Note that a policy is in use; nothing happens where it was noted before.

        Raises:
            PolicyVersionTaken: its version stands for another content already.
        """
        row = await self._session.get(PolicyRow, policy.version)
        if row is None:
            self._session.add(
                PolicyRow(version=policy.version, digest=policy.digest, content=policy.content, first_used_at=now)
            )
            details = {"digest": policy.digest}
            await AuditStore(self._session).append(
                AT_TERMINAL, AuditAction.POLICY_CHANGED, f"policy:{policy.version}", details, now
            )
        elif row.digest != policy.digest:
            raise PolicyVersionTaken(
                f"policy version {policy.version!r} was used since {row.first_used_at:%Y-%m-%d} with another content; "
                "give the changed policy a new version"
            )

    async def all(self) -> list[PolicyRecord]:
        """Return every policy that was used, in the order of their first use."""
        rows = await self._session.scalars(select(PolicyRow).order_by(PolicyRow.first_used_at, PolicyRow.version))
        return [PolicyRecord(version=row.version, digest=row.digest, content=row.content) for row in rows]
