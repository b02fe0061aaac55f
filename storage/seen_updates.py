"""Note the updates that platforms sent, so that none is taken twice, also after a restart."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import SeenUpdateRow

KEPT = timedelta(days=2)  # Telegram keeps updates for a day at most


class SeenUpdateStore:
    """Read and write noted updates inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, platform: str, update_id: str, now: datetime) -> bool:
        """Note an update; False when it was noted before."""
        if await self._session.get(SeenUpdateRow, (platform, update_id)) is not None:
            return False
        self._session.add(SeenUpdateRow(platform=platform, update_id=update_id, seen_at=now))
        await self._session.flush()
        return True

    async def drop_old(self, now: datetime) -> None:
        """Drop what no platform sends again."""
        await self._session.execute(delete(SeenUpdateRow).where(SeenUpdateRow.seen_at < now - KEPT))
