"""Sanctions on their way in and out of storage: the block that stands, what an offence would lead to, and its rows with evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.sanction_policy import (
    SanctionPolicy,
    SanctionStep,
    decide,
    is_worth_observing,
    standing_levels,
    thresholds_under,
    words_of_declining,
)
from engine.types import ChatRequest, Clock, Notice
from models.profile import Profile
from storage.database import Database
from storage.observations import ObservationStore
from storage.records import Evidence, Observation, Sanction, SanctionKind
from storage.sanctions import SanctionStore


class Sentencing:
    """Reads and writes sanctions for the turns."""

    def __init__(self, *, profile: Profile, policy: SanctionPolicy, database: Database, clock: Clock) -> None:
        """Decide by `policy`; the thresholds that stand in the evidence are those in force under it."""
        thresholds = thresholds_under(policy, profile.ethics)
        self._thresholds = {thresholds.normal_category: thresholds.normal, **thresholds.categories}
        self._profile = profile
        self._policy = policy
        self._database = database
        self._clock = clock

    async def active_block(self, store: SanctionStore, request: ChatRequest) -> Notice | None:
        """Return what a user under a block must be told; None for everybody else."""
        block = await store.active_block(request.user, self._clock(), request.community)
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
        evidence = Evidence(
            text=request.text,
            reply=reply,
            scores=scores,
            thresholds=self._thresholds,
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

    async def observe(
        self, store: ObservationStore, request: ChatRequest, scores: Mapping[str, float], reply: str, now: datetime
    ) -> None:
        """Keep the scores of a message that drew no sanction, if they came near one; what is answered again is kept once."""
        if request.again is not None or not is_worth_observing(scores, self._policy):
            return
        observation = Observation(
            request_id=request.request_id,
            user=request.user,
            community=request.community,
            observed_at=now,
            scores=scores,
            thresholds=self._thresholds,
            declined=words_of_declining(self._policy, reply),
            profile=self._profile.name,
            policy_version=self._policy.version,
        )
        await store.add(observation)


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
