"""Gather everything that is stored about a user."""

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from storage.appeals import AppealStore
from storage.conversations import ConversationStore
from storage.interviews import InterviewStore
from storage.memories import MemoryStore
from storage.notes import NoteStore
from storage.observations import ObservationStore
from storage.records import MANUAL, Sanction, Scope, UserKey
from storage.reports import ReportStore
from storage.sanctions import SanctionStore
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore

_EVERY_TURN = 10_000_000


class ExportStore:
    """Read a user's data inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_user(self, user: UserKey) -> dict[str, Any]:
        """Return the user's data by what it is, as plain values and datetimes.

        Summaries are those of the conversations that the user had alone. Who judged or reported the user, or wrote a note, is
        not told; what they wrote about the user is.
        """
        turns = await TurnStore(self._session).recent(user, _EVERY_TURN)
        sanctions = await SanctionStore(self._session).of_user(user)
        changes = await SanctionStore(self._session).changes([each.id for each in sanctions if each.id is not None])
        return {
            "user": asdict(user),
            "settings": asdict(await UserSettingsStore(self._session).get(user)),
            "memories": [asdict(memory) for memory in await MemoryStore(self._session).of_user(user)],
            "memory_changes": [asdict(change) for change in await MemoryStore(self._session).history(user)],
            "conversations": [asdict(each) for each in await ConversationStore(self._session).of_user_alone(user)],
            "interviews": [asdict(each) for each in await InterviewStore(self._session).of_user(user)],
            "review_cards": [asdict(card) for card in await InterviewStore(self._session).cards(user)],
            "turns": [asdict(turn) for turn in turns],
            "sanctions": [_without_moderator(sanction) for sanction in sanctions],
            "sanction_changes": [_without(asdict(change), "moderator") for change in changes],
            "observations": [asdict(each) for each in await ObservationStore(self._session).of_user(user)],
            "notes": [
                _without(asdict(note), "author", "user")
                for note in await NoteStore(self._session).of_user(user, Scope(platform=user.platform))
            ],
            "appeals": [asdict(appeal) for appeal in await AppealStore(self._session).of_user(user)],
            "reports_made": [
                _without(asdict(report), "author", "text")
                for report in await ReportStore(self._session).by_reporter(user)
            ],
            "reports_received": [
                _without(asdict(report), "author", "reporter")
                for report in await ReportStore(self._session).by_author(user)
            ],
        }


def _without_moderator(sanction: Sanction) -> dict[str, Any]:
    """Return a sanction; the request id of one given by hand names the moderator and is left out."""
    if sanction.is_manual:
        sanction = replace(sanction, evidence=replace(sanction.evidence, request_id=MANUAL))
    return asdict(sanction)


def _without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}
