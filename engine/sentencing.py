"""Sanctions on their way in and out of storage: the block that stands, what an offence would lead to, and its rows with evidence."""

from __future__ import annotations

from collections.abc import Mapping

from engine.sanction_policy import (
    SanctionPolicy,
    SanctionStep,
    decide,
    standing_levels,
    words_of_declining,
)
from engine.types import ChatRequest, Clock, Notice
from models.profile import Profile
from storage.database import Database
from storage.records import Evidence, Sanction, SanctionKind
from storage.sanctions import SanctionStore


class Sentencing:
    """Reads and writes sanctions for the turns."""

    def __init__(self, *, profile: Profile, policy: SanctionPolicy, database: Database, clock: Clock) -> None:
        """Decide by `policy`; the thresholds that stand in the evidence are the profile's."""
        self._profile = profile
        self._policy = policy
        self._database = database
        self._clock = clock

    async def active_block(self, request: ChatRequest) -> Notice | None:
        """Return what a user under a block must be told; None for everybody else."""
        async with self._database.read() as session:
            block = await SanctionStore(session).active_block(request.user, self._clock(), request.community)
        if block is None:
            return None
        return Notice(
            kind=block.kind,
            categories=(block.category,),
            level=block.level,
            expires_at=block.end,
            is_manual=block.is_manual,
        )

    async def would_block(self, request: ChatRequest, offences: tuple[str, ...]) -> bool:
        """Tell whether these offences would end in a block as things stand."""
        async with self._database.read() as session:
            rungs = await SanctionStore(session).rungs(request.user)
        now = self._clock()
        steps = decide(offences, standing_levels(rungs, self._policy, now), self._policy, now)
        return any(step.kind is SanctionKind.BLOCK for step in steps)

    async def sentence(
        self,
        store: SanctionStore,
        request: ChatRequest,
        scores: Mapping[str, float],
        offences: tuple[str, ...],
        reply: str | None,
    ) -> tuple[SanctionStep, ...]:
        """Write one row for each offence, from the rungs as they are inside this transaction."""
        now = self._clock()
        levels = standing_levels(await store.rungs(request.user), self._policy, now)
        steps = decide(offences, levels, self._policy, now)
        thresholds = self._profile.ethics
        evidence = Evidence(
            text=request.text,
            reply=reply,
            scores=scores,
            thresholds={thresholds.normal_category: thresholds.normal, **thresholds.categories},
            profile=self._profile.name,
            policy_version=self._policy.version,
            request_id=request.request_id,
            declined=None if reply is None else words_of_declining(self._policy, reply),
            link=request.link,
        )
        for step in steps:
            await store.add(
                Sanction(
                    user=request.user,
                    category=step.category,
                    level=step.level,
                    kind=step.kind,
                    started_at=now,
                    expires_at=step.expires_at,
                    evidence=evidence,
                    community=request.community,
                    rung_before=step.rung_before,
                )
            )
        return steps


def notice_of(steps: tuple[SanctionStep, ...]) -> Notice:
    """Return what a user must be told of the sanctions of one message."""
    blocks = [step for step in steps if step.kind is SanctionKind.BLOCK]
    ends = [step.expires_at for step in blocks if step.expires_at is not None]
    return Notice(
        kind=SanctionKind.BLOCK if blocks else SanctionKind.WARNING,
        categories=tuple(step.category for step in steps),
        level=max(step.level for step in steps),
        expires_at=max(ends, default=None),
    )


def notice_by_hand(warnings: list[Sanction]) -> Notice | None:
    """Tell of the warnings that moderators gave since the user last talked."""
    if not warnings:
        return None
    reasons = tuple(warning.category for warning in warnings)
    return Notice(kind=SanctionKind.WARNING, categories=reasons, level=1, expires_at=None, is_manual=True)
