"""What a community's moderators are told in the channel that its admins set by /setup modlog."""

from __future__ import annotations

from bot.answers import Announcement, Button
from bot.rendering import Texts
from storage.community_settings import CommunitySettingsStore
from storage.database import Database
from storage.records import CommunityKey


class Modlog:
    """Writes announcements in the owner's language."""

    def __init__(self, database: Database, texts: Texts) -> None:
        """Read where modlogs are from `database`; write in `texts`."""
        self._database = database
        self.texts = texts

    async def tell(
        self, community: CommunityKey | None, text: str, buttons: tuple[tuple[Button, ...], ...] = ()
    ) -> tuple[Announcement, ...]:
        """Return the announcement of `text`; nothing where the community has no modlog."""
        if community is None:
            return ()
        async with self._database.read() as session:
            settings = await CommunitySettingsStore(session).get(community)
        if settings.modlog_channel is None:
            return ()
        return (Announcement(channel=settings.modlog_channel, text=text, buttons=buttons),)
