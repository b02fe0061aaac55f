"""The way of one message, top to bottom: `ChatPipeline.run`.

    sanction gate → length → ethics scores → certain blocks → memory retrieval → final input
    → output_message (streamed) while memory is extracted → judgement that needs the reply
    → eyes_mouth_pose while summary is written → commit → ChatReply

A turn writes once, in one transaction at its end, so a crash keeps a turn or loses it, never half. No transaction is open
while a model works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.care import CareRule
from engine.clock_context import day_part
from engine.errors import PolicyError
from engine.ethics import EthicsScorer
from engine.final_input import build_final_input
from engine.generation import SeedSource, Writer, WrittenReply
from engine.memory import MemoryNote, MemoryRetriever
from engine.plain_text import remove_invisible
from engine.sanction_policy import (
    SanctionPolicy,
    SanctionStep,
    certain_offences,
    decide,
    declining_words,
    find_offences,
    proven_offences,
)
from engine.stopwatch import Stopwatch
from engine.types import (
    ChatOutcome,
    ChatReply,
    ChatRequest,
    Clock,
    EventSink,
    Expression,
    Notice,
    Rejection,
    RejectionReason,
    TurnDetails,
    ignore_event,
)
from models.profile import Profile
from models.types import TextEmbedder, TextGenerator
from storage.conversations import ConversationStore
from storage.database import Database
from storage.memories import MemoryStore
from storage.records import Evidence, Memory, Sanction, SanctionKind, Turn
from storage.sanctions import SanctionStore
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore

T = TypeVar("T")
U = TypeVar("U")
_LONGEST_TOKEN = 32  # characters; a text longer than the limit times this is too long without counting its tokens


@dataclass(slots=True, kw_only=True)
class _Context:
    """What a turn has found so far."""

    request: ChatRequest
    show: EventSink
    watch: Stopwatch
    scores: Mapping[str, float]
    offences: tuple[str, ...] = ()
    memory_used: str | None = None
    last_summary: str | None = None
    final_input: str = ""


class ChatPipeline:
    """Runs turns; holds no state of its own between them."""

    def __init__(
        self,
        *,
        profile: Profile,
        policy: SanctionPolicy,
        care: CareRule,
        generator: TextGenerator,
        embedder: TextEmbedder,
        database: Database,
        clock: Clock,
        seed: int | None = None,
    ) -> None:
        """Put a pipeline together; `seed` fixes what is drawn.

        Raises:
            PolicyError: policy and profile do not know the same categories.
        """
        self._profile = profile
        self._policy = policy
        self._care = care
        self._generator = generator
        self._database = database
        self._clock = clock
        self._seed = seed
        self._thresholds = profile.ethics
        if set(policy.categories) != set(profile.ethics.categories):
            odd = sorted(set(policy.categories) ^ set(profile.ethics.categories))
            raise PolicyError(f"profile {profile.name} and policy {policy.version} do not both know {', '.join(odd)}")
        categories = (profile.ethics.normal_category, *profile.ethics.categories)
        self._ethics = EthicsScorer(embedder, categories)
        self._retriever = MemoryRetriever(embedder, profile.memory_threshold)

    async def run(self, request: ChatRequest, show: EventSink = ignore_event, queued_ms: float = 0.0) -> ChatOutcome:
        """Answer one message; `show` gets the reply as it is written.

        Raises:
            ModelError, StorageError: the turn failed and left nothing behind.
        """
        turn = _Context(request=request, show=show, watch=Stopwatch(queue=queued_ms), scores={})

        # 1. A user under a block costs no model time.
        if (block := await self._active_block(request)) is not None:
            return Rejection(reason=RejectionReason.BLOCKED, notice=block, details=_details(turn))

        # 2. Nothing to answer, or more than she reads at once.
        if (reason := self._refuse_length(request.text)) is not None:
            return await _whole(self._commit_rejection(turn, reason))

        # 3. Scores of the message as typed; what is certain is blocked before anything is generated.
        with turn.watch.measure("ethics"):
            turn.scores = await self._ethics.score(request.text)
        turn.offences = find_offences(turn.scores, self._thresholds, self._policy)
        if certain := certain_offences(turn.offences, self._policy):
            notice = await _whole(self._commit_sanction(turn, certain, reply=None))
            return Rejection(reason=RejectionReason.BLOCKED, notice=notice, details=_details(turn))

        # 4. What she reads: a memory or the last summary in front, the time where it matters.
        with turn.watch.measure("retrieval"):
            await self._find_context(turn)
        now = day_part(request.received_at, request.time_zone)
        turn.final_input = build_final_input(request.text, now, turn.memory_used, turn.last_summary)

        # 5. Her line, while what to remember is extracted. A line that may end in a block is not streamed.
        begun_ms = turn.watch.elapsed_ms
        writer = Writer(self._generator, self._profile, self._care, self._seeds(request), request.temperature)
        sink = ignore_event if turn.offences else show
        reply, note = await _together(
            writer.write_reply(turn.final_input, request.text, now, sink, declining_words(turn.offences, self._policy)),
            self._extract_memory(writer, turn),
        )
        turn.watch.note("first_token", begun_ms + reply.first_token_s * 1000)
        turn.watch.mark("reply")

        # 6. Judgement that needs the reply; a reply that ends in a block is never shown.
        proven = proven_offences(turn.offences, self._policy, reply.text)
        if proven and self._would_block(proven, await self._levels(request)):
            notice = await _whole(self._commit_sanction(turn, proven, reply=reply.text))
            return Rejection(reason=RejectionReason.BLOCKED, notice=notice, details=_details(turn))

        # 7. Her face, while the turn is summed up.
        expression, summary = await _together(
            writer.choose_expression(reply.text), self._summarise(writer, turn, reply)
        )
        if turn.offences or not await self._may_remember(note):
            note = None

        # 8. Everything is written at once; then she answers.
        return await _whole(self._commit_reply(turn, reply, expression, summary, note, proven))

    def _seeds(self, request: ChatRequest) -> SeedSource:
        return SeedSource(self._seed, f"{request.user.id}|{request.conversation.id}|{request.text}")

    def _refuse_length(self, text: str) -> RejectionReason | None:
        if not remove_invisible(text).strip():
            return RejectionReason.EMPTY
        limit = self._profile.max_prompt_tokens
        if len(text) > limit * _LONGEST_TOKEN or self._generator.count_tokens("output_message", text) > limit:
            return RejectionReason.TOO_LONG
        return None

    async def _active_block(self, request: ChatRequest) -> Notice | None:
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

    async def _find_context(self, turn: _Context) -> None:
        """Find the memory that the message calls for and the summary of the last turn; answering anew, take what was found first."""
        request = turn.request
        if request.again is not None:
            turn.memory_used, turn.last_summary = request.again.memory_used, request.again.last_summary
            return
        async with self._database.read() as session:
            memories = await MemoryStore(session).of_user(request.user)
            conversation = await ConversationStore(session).get(request.conversation)
        memory = await self._retriever.find(request.text, memories)
        turn.memory_used = memory.text if memory else None
        turn.last_summary = conversation.last_summary if conversation else None

    async def _extract_memory(self, writer: Writer, turn: _Context) -> MemoryNote | None:
        """Extract what to remember, unless the message has been answered before or the user paused recording."""
        if turn.request.again is not None:
            return None
        async with self._database.read() as session:
            settings = await UserSettingsStore(session).get(turn.request.user)
        if settings.is_paused:
            return None
        return await writer.extract_memory(turn.final_input, turn.request.text)

    async def _levels(self, request: ChatRequest) -> Mapping[str, int]:
        async with self._database.read() as session:
            return await SanctionStore(session).levels(request.user)

    def _would_block(self, offences: tuple[str, ...], levels: Mapping[str, int]) -> bool:
        steps = decide(offences, levels, self._policy, self._clock())
        return any(step.kind is SanctionKind.BLOCK for step in steps)

    async def _summarise(self, writer: Writer, turn: _Context, reply: WrittenReply) -> str | None:
        return None if reply.is_fallback else await writer.summarise(turn.final_input, reply.text)

    async def _may_remember(self, note: MemoryNote | None) -> bool:
        """Tell whether a note itself would draw no sanction."""
        if note is None:
            return False
        scores = await self._ethics.score_all([note.key, note.value, f"{note.key} {note.value}"])
        return not any(find_offences(part, self._thresholds, self._policy) for part in scores)

    async def _commit_rejection(self, turn: _Context, reason: RejectionReason) -> Rejection:
        turn.watch.mark("total")
        async with self._database.begin() as session:
            await TurnStore(session).add(self._turn_record(turn, "rejection", reason))
        return Rejection(reason=reason, details=_details(turn))

    async def _commit_sanction(self, turn: _Context, offences: tuple[str, ...], *, reply: str | None) -> Notice:
        turn.watch.mark("total")
        async with self._database.begin() as session:
            steps = await self._sanction(SanctionStore(session), turn, offences, reply)
            await TurnStore(session).add(self._turn_record(turn, "rejection", RejectionReason.BLOCKED))
        return _notice(steps)

    async def _commit_reply(
        self,
        turn: _Context,
        reply: WrittenReply,
        expression: Expression,
        summary: str | None,
        note: MemoryNote | None,
        proven: tuple[str, ...],
    ) -> ChatOutcome:
        request, now = turn.request, self._clock()
        turn.watch.mark("total")
        steps: tuple[SanctionStep, ...] = ()
        saved: Memory | None = None
        async with self._database.begin() as session:
            store = SanctionStore(session)
            if proven:
                steps = await self._sanction(store, turn, proven, reply.text)
            given = [] if steps else await store.tell_warnings(request.user, now, request.community)
            blocked = any(step.kind is SanctionKind.BLOCK for step in steps)
            if not blocked:
                if note is not None and not (await UserSettingsStore(session).get(request.user)).is_paused:
                    saved = await MemoryStore(session).remember(
                        request.user, note.key, note.value, now, request.request_id
                    )
                await ConversationStore(session).save_summary(request.conversation, summary, now)
            reason = RejectionReason.BLOCKED if blocked else None
            await TurnStore(session).add(self._turn_record(turn, "rejection" if blocked else "reply", reason))
        if blocked:  # another turn of this user climbed the ladder meanwhile
            return Rejection(reason=RejectionReason.BLOCKED, notice=_notice(steps), details=_details(turn))
        return ChatReply(
            text=reply.text,
            expression=expression,
            notice=_notice(steps) if steps else _notice_by_hand(given),
            details=_details(turn, saved=(saved.text,) if saved else (), summary=summary),
        )

    async def _sanction(
        self, store: SanctionStore, turn: _Context, offences: tuple[str, ...], reply: str | None
    ) -> tuple[SanctionStep, ...]:
        """Write one row for each offence, from the levels as they are inside this transaction."""
        now = self._clock()
        steps = decide(offences, await store.levels(turn.request.user), self._policy, now)
        evidence = Evidence(
            text=turn.request.text,
            reply=reply,
            scores=turn.scores,
            thresholds={self._thresholds.normal_category: self._thresholds.normal, **self._thresholds.categories},
            profile=self._profile.name,
            policy_version=self._policy.version,
            request_id=turn.request.request_id,
        )
        for step in steps:
            await store.add(
                Sanction(
                    user=turn.request.user,
                    category=step.category,
                    level=step.level,
                    kind=step.kind,
                    started_at=now,
                    expires_at=step.expires_at,
                    evidence=evidence,
                    community=turn.request.community,
                )
            )
        return steps

    def _turn_record(self, turn: _Context, outcome: str, reason: RejectionReason | None) -> Turn:
        return Turn(
            request_id=turn.request.request_id,
            user=turn.request.user,
            conversation=turn.request.conversation,
            outcome=outcome,
            reason=reason,
            received_at=turn.request.received_at,
            profile=self._profile.name,
            timings_ms=turn.watch.milliseconds,
            community=turn.request.community,
        )


async def _together(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Run two steps at once; the first failure cancels the other and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(first), group.create_task(second)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return tasks[0].result(), tasks[1].result()


async def _whole(commit: Coroutine[Any, Any, T]) -> T:
    """Run a commit to its end even when the turn is cancelled meanwhile: what is stored is also told."""
    task = asyncio.ensure_future(commit)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()


def _notice(steps: tuple[SanctionStep, ...]) -> Notice:
    blocks = [step for step in steps if step.kind is SanctionKind.BLOCK]
    ends = [step.expires_at for step in blocks if step.expires_at is not None]
    return Notice(
        kind=SanctionKind.BLOCK if blocks else SanctionKind.WARNING,
        categories=tuple(step.category for step in steps),
        level=max(step.level for step in steps),
        expires_at=max(ends, default=None),
    )


def _notice_by_hand(warnings: list[Sanction]) -> Notice | None:
    """Tell of the warnings that moderators gave since the user last talked."""
    if not warnings:
        return None
    reasons = tuple(warning.category for warning in warnings)
    return Notice(kind=SanctionKind.WARNING, categories=reasons, level=1, expires_at=None, is_manual=True)


def _details(turn: _Context, *, saved: tuple[str, ...] = (), summary: str | None = None) -> TurnDetails:
    turn.watch.mark("total")
    return TurnDetails(
        ethics=turn.scores,
        memory_used=turn.memory_used,
        last_summary=turn.last_summary,
        memories_saved=saved,
        summary=summary,
        timings_ms=turn.watch.milliseconds,
    )
