"""Store moderators' notes on users, sealed with the key of the user whom they are about."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditStore
from storage.records import AuditAction, Note, Scope, UserKey
from storage.sealing import SealedColumn
from storage.tables import NoteRow
from storage.vault import new_sealer_of, sealer_of


class NoteStore:
    """Read and write notes inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, note: Note) -> None:
        """Store a note, and in the audit that it was written."""
        sealer = await new_sealer_of(self._session, note.user)
        row = NoteRow(
            platform=note.user.platform,
            user_id=note.user.id,
            community=note.community,
            author_id=note.author.id,
            text=sealer.seal(SealedColumn.NOTE_TEXT, note.text),
            created_at=note.created_at,
        )
        self._session.add(row)
        await self._session.flush()
        await AuditStore(self._session).append(
            note.author, AuditAction.NOTE_ADDED, f"note:{row.id}", {}, note.created_at
        )

    async def of_user(self, user: UserKey, scope: Scope) -> list[Note]:
        """Return the notes on a user within `scope`, newest first."""
        query = select(NoteRow).where(NoteRow.platform == user.platform, NoteRow.user_id == user.id)
        if scope.community is not None:
            query = query.where(NoteRow.community == scope.community)
        rows = await self._session.scalars(query.order_by(NoteRow.id.desc()))
        sealer = await sealer_of(self._session, user)
        return [
            Note(
                user=user,
                community=row.community,
                author=UserKey(platform=row.platform, id=row.author_id),
                text=sealer.open(SealedColumn.NOTE_TEXT, row.text),
                created_at=row.created_at,
            )
            for row in rows
        ]
