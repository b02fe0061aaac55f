"""What moderators decide on the page, done by the handlers of the commands: the same checks, the same rows, the same announcements."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from bot.answers import Answer
from bot.handlers.reception import Reception
from bot.handlers.visit import Visit
from storage.records import AppealState


class Decision(StrEnum):
    """What is to become of a sanction; to uphold it is an answer to an appeal only."""

    LIFT = "lift"
    REDUCE = "reduce"
    OVERTURN = "overturn"
    UPHOLD = "uphold"


class Decisions:
    """Brings decisions to the handlers, and what they announce to the platform."""

    def __init__(self, reception: Reception) -> None:
        """Decide by the handlers of `reception`."""
        self._reception = reception

    async def decide(
        self, visit: Visit, number: int, decision: Decision, reason: str, length: timedelta | None = None
    ) -> str:
        """Decide on sanction `number`, and on the appeal against it where one is open; return what came of it.

        `length` is how long a reduced block goes on from now.

        Raises:
            StorageError: the database refused; nothing is decided.
        """
        answer = await self._run(visit, number, decision, reason, length)
        await self._reception.announce(visit.user.platform, answer)
        return answer.text

    async def _run(
        self, visit: Visit, number: int, decision: Decision, reason: str, length: timedelta | None
    ) -> Answer:
        moderation, cases = self._reception.moderation, self._reception.cases
        match decision:
            case Decision.UPHOLD:
                return await cases.decide(visit, number, AppealState.DENIED, reason)
            case Decision.OVERTURN:
                return await moderation.overturn(visit, number, reason)
            case Decision.LIFT:
                return await moderation.end(visit, number, visit.now, reason)
            case Decision.REDUCE:
                return await moderation.end(visit, number, visit.now + (length or timedelta()), reason)
