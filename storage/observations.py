"""Store the scores of messages that came near a threshold and drew no sanction; no text."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.records import Observation, UserKey
from storage.tables import ObservationRow


class ObservationStore:
    """Read and write observations inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, observation: Observation) -> None:
        """Store an observation."""
        row = ObservationRow(
            request_id=observation.request_id,
            platform=observation.user.platform,
            user_id=observation.user.id,
            community=observation.community,
            observed_at=observation.observed_at,
            scores=dict(observation.scores),
            thresholds=dict(observation.thresholds),
            declined=None if observation.declined is None else list(observation.declined),
            profile=observation.profile,
            policy_version=observation.policy_version,
        )
        self._session.add(row)
        await self._session.flush()

    async def of_user(self, user: UserKey) -> list[Observation]:
        """Return the user's observations, oldest first."""
        query = select(ObservationRow).where(
            ObservationRow.platform == user.platform, ObservationRow.user_id == user.id
        )
        rows = await self._session.scalars(query.order_by(ObservationRow.observed_at, ObservationRow.id))
        return [_to_record(row) for row in rows]

    async def users(self) -> list[UserKey]:
        """Return everybody of whom there is an observation."""
        query = select(ObservationRow.platform, ObservationRow.user_id).distinct()
        return [UserKey(platform=row[0], id=row[1]) for row in await self._session.execute(query)]


def _to_record(row: ObservationRow) -> Observation:
    return Observation(
        request_id=row.request_id,
        user=UserKey(platform=row.platform, id=row.user_id),
        community=row.community,
        observed_at=row.observed_at,
        scores=dict(row.scores),
        thresholds=dict(row.thresholds),
        declined=None if row.declined is None else tuple(row.declined),
        profile=row.profile,
        policy_version=row.policy_version,
    )
