"""Check users' settings against a real database."""

from storage.database import Database
from storage.records import UserKey, UserSettings
from storage.user_settings import UserSettingsStore


async def test_settings_begin_empty_and_are_replaced_whole(
    database: Database, user: UserKey, stranger: UserKey
) -> None:
    chosen = UserSettings(locale="en", time_zone="Asia/Seoul", is_paused=True)
    async with database.begin() as session:
        assert await UserSettingsStore(session).get(user) == UserSettings()
        await UserSettingsStore(session).save(user, chosen)
    async with database.begin() as session:
        assert await UserSettingsStore(session).get(user) == chosen
        assert await UserSettingsStore(session).get(stranger) == UserSettings()
        await UserSettingsStore(session).save(user, UserSettings(locale="ko"))
    async with database.read() as session:
        assert await UserSettingsStore(session).get(user) == UserSettings(locale="ko")
