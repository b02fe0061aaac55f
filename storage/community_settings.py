"""Store what the admins of a server or group chose."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.records import AuditAction, CommunityKey, CommunitySettings, UserKey
from storage.tables import CommunitySettingsRow


class CommunitySettingsStore:
    """Read and write the settings of communities inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, key: CommunityKey) -> CommunitySettings:
        """Return the community's settings; those that every community begins with where nothing was chosen."""
        return _to_record(await self._session.get(CommunitySettingsRow, (key.platform, key.id)))

    async def save(self, key: CommunityKey, settings: CommunitySettings, by: UserKey, now: datetime) -> None:
        """Keep the community's settings, and in the audit what an admin changed of them."""
        before = await self.get(key)
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
        changed = {name: value for name, value in asdict(settings).items() if value != getattr(before, name)}
        if changed:
            action = AuditAction.PERSONA_CHANGED if set(changed) == {"temperature"} else AuditAction.SETTINGS_CHANGED
            await AuditStore(self._session).append(by, action, f"community:{key.platform}:{key.id}", changed, now)


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
