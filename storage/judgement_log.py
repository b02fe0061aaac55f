"""Read what was judged and what came of it, without anybody's words: what a policy is tried on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import MANUAL, SanctionKind, SanctionState, UserKey
from storage.tables import ObservationRow, SanctionRow
from storage.vault import vault_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSanction:
    """What one message led to in one category; the fields are those of `Sanction`."""

    category: str
    level: int
    kind: SanctionKind
    started_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    is_overturned: bool

    @property
    def end(self) -> datetime | None:
        """When a block really ended or ends."""
        return self.ended_at or self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMessage:
    """One message whose scores are kept, and the sanctions that it led to, none for an observation.

    `declined` holds the words of declining that the reply had, None where no reply was written or it is not known.
    """

    user: UserKey
    judged_at: datetime
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    declined: tuple[str, ...] | None
    sanctions: tuple[GivenSanction, ...] = ()


class JudgementLog:
    """Read the log inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def by_user(self) -> AsyncIterator[tuple[UserKey, list[JudgedMessage]]]:
        """Yield each person's messages in the order in which they were judged; what moderators gave by hand is left out.

        Who was forgotten and came back is one person, since the ladder goes on for them, and bears their pseudonym: nothing that
        is read from here ties it to an account (docs/decisions/0027-who-came-back-in-a-replay.md).
        """
        everybody = union(
            select(SanctionRow.platform, SanctionRow.user_id).where(SanctionRow.policy_version != MANUAL),
            select(ObservationRow.platform, ObservationRow.user_id),
        ).order_by("platform", "user_id")
        users = [UserKey(platform=row[0], id=row[1]) for row in await self._session.execute(everybody)]
        for person, accounts in self._people(users).items():
            messages = [message for account in accounts for message in await self._messages(person, account)]
            yield person, sorted(messages, key=lambda message: message.judged_at)  # stable: else the order of the log

    def _people(self, users: Sequence[UserKey]) -> dict[UserKey, list[UserKey]]:
        """Put each user with their forgotten self, where both are in the log; by whom the two are listed."""
        forgotten = {user for user in users if user.is_forgotten}
        people: dict[UserKey, list[UserKey]] = {}
        for user in sorted(users, key=lambda each: not each.is_forgotten):  # what was forgotten is the older part
            pseudonym = user if not forgotten or user.is_forgotten else vault_of(self._session).pseudonym(user)
            people.setdefault(pseudonym if pseudonym in forgotten else user, []).append(user)
        return people

    async def _messages(self, person: UserKey, account: UserKey) -> list[JudgedMessage]:
        found = [*await self._sanctioned(account), *await self._observed(account)]
        return [replace(message, user=person) for message in found]

    async def _sanctioned(self, user: UserKey) -> Sequence[JudgedMessage]:
        row = SanctionRow
        columns = (row.request_id, row.category, row.level, row.kind, row.started_at, row.expires_at, row.ended_at)
        query = (
            select(*columns, row.state, row.scores, row.thresholds, row.declined)
            .where(row.platform == user.platform, row.user_id == user.id, row.policy_version != MANUAL)
            .order_by(row.id)
        )
        rows = (await self._session.execute(query)).all()
        return [_to_message(user, list(group)) for _, group in groupby(rows, key=lambda found: found.request_id)]

    async def _observed(self, user: UserKey) -> Sequence[JudgedMessage]:
        row = ObservationRow
        query = (
            select(row.observed_at, row.scores, row.thresholds, row.declined)
            .where(row.platform == user.platform, row.user_id == user.id)
            .order_by(row.id)
        )
        return [
            JudgedMessage(
                user=user,
                judged_at=found.observed_at,
                scores=found.scores,
                thresholds=found.thresholds,
                declined=None if found.declined is None else tuple(found.declined),
            )
            for found in await self._session.execute(query)
        ]


def _to_message(user: UserKey, rows: Sequence[Any]) -> JudgedMessage:
    """Put the sanctions of one message together; each row repeats its scores."""
    first = rows[0]
    return JudgedMessage(
        user=user,
        judged_at=first.started_at,
        scores=first.scores,
        thresholds=first.thresholds,
        declined=None if first.declined is None else tuple(first.declined),
        sanctions=tuple(
            GivenSanction(
                category=row.category,
                level=row.level,
                kind=SanctionKind(row.kind),
                started_at=row.started_at,
                expires_at=row.expires_at,
                ended_at=row.ended_at,
                is_overturned=row.state == SanctionState.OVERTURNED.value,
            )
            for row in rows
        ),
    )
