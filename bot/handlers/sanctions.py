"""Seeing one's own warnings and blocks."""

from __future__ import annotations

from storage.database import Database
from storage.records import Sanction, UserKey
from storage.sanctions import SanctionStore


class SanctionHandler:
    """Lists a user's own sanctions."""

    def __init__(self, database: Database) -> None:
        """Read `database`."""
        self._database = database

    async def list(self, user: UserKey) -> list[Sanction]:
        """Return the user's warnings and blocks, newest first."""
        async with self._database.read() as session:
            return await SanctionStore(session).of_user(user)
