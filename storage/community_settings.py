"""Store what the admins of a server or group chose."""

from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import CommunityKey, CommunitySettings
from storage.tables import CommunitySettingsRow


class CommunitySettingsStore:
    """Read and write the settings of communities inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, key: CommunityKey) -> CommunitySettings:
        """Return the community's settings; those that every community begins with where nothing was chosen."""
        return _to_record(await self._session.get(CommunitySettingsRow, (key.platform, key.id)))

    async def save(self, key: CommunityKey, settings: CommunitySettings) -> None:
        """Keep the community's settings."""
        row = CommunitySettingsRow(
            platform=key.platform,
            community=key.id,
            talk_channels=list(settings.talk_channels),
            moderator_roles=list(settings.moderator_roles),
            modlog_channel=settings.modlog_channel,
            face_mode=settings.face_mode,
            temperature=settings.temperature,
        )
        await self._session.merge(row)
        await self._session.flush()


def _to_record(row: CommunitySettingsRow | None) -> CommunitySettings:
    if row is None:
        return CommunitySettings()
    return CommunitySettings(
        talk_channels=tuple(row.talk_channels),
        moderator_roles=tuple(row.moderator_roles),
        modlog_channel=row.modlog_channel,
        face_mode=row.face_mode,
        temperature=row.temperature,
    )
