"""Store what users chose: language, time zone, whether anything is remembered."""

from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import UserKey, UserSettings
from storage.tables import UserSettingsRow


class UserSettingsStore:
    """Read and write users' settings inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user: UserKey) -> UserSettings:
        """Return the user's settings; those that everybody begins with where nothing was chosen."""
        row = await self._session.get(UserSettingsRow, (user.platform, user.id))
        if row is None:
            return UserSettings()
        return UserSettings(locale=row.locale, time_zone=row.time_zone, is_paused=row.is_paused)

    async def save(self, user: UserKey, settings: UserSettings) -> None:
        """Keep the user's settings."""
        row = UserSettingsRow(
            platform=user.platform,
            user_id=user.id,
            locale=settings.locale,
            time_zone=settings.time_zone,
            is_paused=settings.is_paused,
        )
        await self._session.merge(row)
        await self._session.flush()
