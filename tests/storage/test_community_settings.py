"""Check communities' settings against a real database."""

from datetime import datetime

from storage.community_settings import CommunitySettingsStore
from storage.database import Database
from storage.records import CommunityKey, CommunitySettings, UserKey

KEY = CommunityKey(platform="telegram", id="-1001")


async def test_settings_begin_empty_and_are_replaced_whole(database: Database, user: UserKey, now: datetime) -> None:
    chosen = CommunitySettings(
        talk_channels=("1", "2"), moderator_roles=("3",), modlog_channel="4", face_mode="emoji", temperature=0.7
    )
    async with database.begin() as session:
        store = CommunitySettingsStore(session)
        assert await store.get(KEY) == CommunitySettings()
        await store.save(KEY, chosen, user, now)
    async with database.begin() as session:
        store = CommunitySettingsStore(session)
        assert await store.get(KEY) == chosen
        assert await store.get(CommunityKey(platform="discord", id="-1001")) == CommunitySettings()
        await store.save(KEY, CommunitySettings(talk_channels=("2",)), user, now)
    async with database.read() as session:
        assert await CommunitySettingsStore(session).get(KEY) == CommunitySettings(talk_channels=("2",))
