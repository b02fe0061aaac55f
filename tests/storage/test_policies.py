"""Check that one policy version never means two policies."""

from dataclasses import replace
from datetime import datetime

import pytest

from storage.audit import AuditStore
from storage.database import Database
from storage.errors import PolicyVersionTaken
from storage.policies import PolicyStore
from storage.records import AT_TERMINAL, PolicyRecord

POLICY = PolicyRecord(version="2026-11-2", digest="ab" * 32, content='{"version": "2026-11-2"}')


async def test_policy_is_noted_once_and_in_the_audit(database: Database, now: datetime) -> None:
    for _ in range(2):
        async with database.begin() as session:
            await PolicyStore(session).register(POLICY, now)
    async with database.read() as session:
        assert await PolicyStore(session).all() == [POLICY]
        (entry,) = await AuditStore(session).newest(9)
    assert (entry.actor, entry.subject, entry.details) == (AT_TERMINAL, "policy:2026-11-2", {"digest": POLICY.digest})


async def test_changed_policy_under_a_known_version_is_refused(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        await PolicyStore(session).register(POLICY, now)
    with pytest.raises(PolicyVersionTaken, match=r"'2026-11-2' was used since 2026-03-14 .* new version"):
        async with database.begin() as session:
            await PolicyStore(session).register(replace(POLICY, digest="cd" * 32), now)
    async with database.begin() as session:
        await PolicyStore(session).register(replace(POLICY, version="2026-11-3", digest="cd" * 32), now)
        assert len(await PolicyStore(session).all()) == 2
