"""Check observations against a real database."""

from dataclasses import replace
from datetime import datetime, timedelta

from storage.database import Database
from storage.erasure import ErasureStore
from storage.export import ExportStore
from storage.observations import ObservationStore
from storage.records import Observation, UserKey


async def test_observations_come_back_whole_are_exported_and_go_with_their_user(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    first = Observation(
        request_id="r-1",
        user=user,
        community="9",
        observed_at=now,
        scores={"정치": 0.9, "일반": 0.2},
        thresholds={"정치": 0.95},
        declined=("미안",),
        profile="embedded",
        policy_version="1",
    )
    earlier = replace(first, request_id="r-2", observed_at=now - timedelta(hours=1), declined=None, community=None)
    of_stranger = replace(first, request_id="r-3", user=stranger, declined=())
    async with database.begin() as session:
        for each in (first, earlier, of_stranger):
            await ObservationStore(session).add(each)
    async with database.read() as session:
        assert await ObservationStore(session).of_user(user) == [earlier, first]
        assert set(await ObservationStore(session).users()) == {user, stranger}
        exported = (await ExportStore(session).of_user(user))["observations"]
        assert [each["scores"] for each in exported] == [earlier.scores, first.scores]
    async with database.begin() as session:
        await ErasureStore(session).erase(user, now)
        assert await ObservationStore(session).users() == [stranger]
        assert await ObservationStore(session).of_user(stranger) == [of_stranger]
