"""The way of one message, top to bottom: `ChatPipeline.run`.

    sanction gate → an interview's turn, if there is one → length → ethics scores → certain blocks → memory retrieval → final input
    → output_message (streamed) → judgement that needs the reply
    → eyes_mouth_pose while memory is extracted and summary is written → commit → ChatReply

A turn writes once, in one transaction at its end, so a crash keeps a turn or loses it, never half. No transaction is open
while a model works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.care import CareRule
from engine.clock_context import day_part
from engine.commit import together, turn_record, whole
from engine.errors import PolicyError
from engine.ethics import EthicsScorer
from engine.exemplars import ExemplarRetriever
from engine.expression import make_expression
from engine.final_input import build_final_input
from engine.generation import SeedSource, Writer, WrittenReply
from engine.interview_banks import BankShelf
from engine.interview_turn import InterviewTurns
from engine.interview_words import load_interview_words
from engine.load import Extra, Load
from engine.lookup import Known, look_up
from engine.memory import MemoryNote, MemoryRetriever
from engine.memory_firewall import MemoryFirewall
from engine.plain_text import remove_invisible
from engine.sanction_policy import (
    SanctionPolicy,
    SanctionStep,
    certain_offences,
    declining_words,
    find_offences,
    proven_offences,
    thresholds_under,
)
from engine.sentencing import Sentencing, notice_by_hand, notice_of
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
from models.profile import Profile, with_one_draft
from models.types import TextEmbedder, TextGenerator
from storage.conversations import ConversationStore
from storage.database import Database
from storage.memories import MemoryStore
from storage.observations import ObservationStore
from storage.records import Memory, MemoryChange, SanctionKind, Turn
from storage.sanctions import SanctionStore
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore

if TYPE_CHECKING:
    from models.exemplars import ExemplarIndex

_LONGEST_TOKEN = 32  # characters; a text longer than the limit times this is too long without counting its tokens


@dataclass(slots=True, kw_only=True)
class _Context:
    """What a turn has found so far."""

    request: ChatRequest
    show: EventSink
    watch: Stopwatch
    scores: Mapping[str, float]
    left_out: frozenset[Extra]
    offences: tuple[str, ...] = ()
    memory_used: str | None = None
    memory_used_id: int | None = None
    last_summary: str | None = None
    final_input: str = ""
    written_at: datetime | None = None


class ChatPipeline:
    """Runs turns; between them only `retriever` holds something, vectors of memories. `firewall` judges what may be remembered."""

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
        banks: BankShelf | None = None,
        load: Load | None = None,
        exemplars: Mapping[str, ExemplarIndex] | None = None,
    ) -> None:
        """Put a pipeline together; `seed` fixes what is drawn, `banks` are those that ship unless others are given.

        `load` says what to leave out when she is busy; adapters, by name, are shown what `exemplars` has for a message, where the profile wants that.

        Raises:
            PolicyError: policy and profile do not know the same categories, or the words of the interview cannot be read.
        """
        self._profile = profile
        self._policy = policy
        self._care = care
        self._generator = generator
        self._embedder = embedder
        self._database = database
        self._clock = clock
        self._seed = seed
        self._load = load or Load()
        self._thresholds = thresholds_under(policy, profile.ethics)
        self._sentencing = Sentencing(profile=profile, policy=policy, database=database, clock=clock)
        if set(policy.categories) != set(profile.ethics.categories):
            odd = sorted(set(policy.categories) ^ set(profile.ethics.categories))
            raise PolicyError(f"profile {profile.name} and policy {policy.version} do not both know {', '.join(odd)}")
        categories = (profile.ethics.normal_category, *profile.ethics.categories)
        self._ethics = EthicsScorer(embedder, categories)
        self._interviews = InterviewTurns(
            profile=profile,
            policy=policy,
            care=care,
            words=load_interview_words(),
            shelf=banks or BankShelf(),
            scorer=self._ethics,
            sentencing=self._sentencing,
            generator=generator,
            embedder=embedder,
            database=database,
            clock=clock,
            seed=seed,
        )
        self._exemplars = ExemplarRetriever(exemplars or {}, embedder, profile)
        self.retriever = MemoryRetriever(embedder, profile.memory_threshold)
        self.firewall = MemoryFirewall(self._ethics, self._thresholds, policy)

    async def run(self, request: ChatRequest, show: EventSink = ignore_event, queued_ms: float = 0.0) -> ChatOutcome:
        """Answer one message; `show` gets the reply as it is written.

        Raises:
            ModelError, StorageError: the turn failed and left nothing behind.
        """
        watch = Stopwatch(queue=queued_ms)
        turn = _Context(request=request, show=show, watch=watch, scores={}, left_out=self._load.left_out(request.user))

        # 1. What stands about the user and the conversation; a user under a block costs no model time.
        known = await look_up(self._database, self._sentencing, request)
        if known.block is not None:
            return await whole(self._commit_rejection(turn, RejectionReason.BLOCKED, known.block))
        turn.written_at = known.written_at

        # 2. Who is interviewed in this conversation answers her question there: engine/interview_turn.py.
        if (outcome := await self._interviews.take(request, turn.watch, known.interview)) is not None:
            return outcome

        # 3. Nothing to answer, or more than she reads at once.
        if (reason := self._refuse_length(request.text)) is not None:
            return await whole(self._commit_rejection(turn, reason))

        # 4. Scores of the message as typed; what is certain is blocked before anything is generated.
        with turn.watch.measure("ethics"):
            turn.scores = await self._ethics.score(request.text)
        turn.offences = find_offences(turn.scores, self._thresholds, self._policy)
        if certain := certain_offences(turn.offences, self._policy):
            notice = await whole(self._commit_sanction(turn, certain, reply=None))
            return Rejection(reason=RejectionReason.BLOCKED, notice=notice, details=_details(turn))

        # 5. What she reads: a memory or the last summary in front, the time where it matters; and what was written for messages like it.
        now = day_part(request.received_at, request.time_zone)
        with turn.watch.measure("retrieval"):
            await self._find_context(turn, known)
            turn.final_input = build_final_input(request.text, now, turn.memory_used, turn.last_summary)
            exemplars = await self._exemplars.find(turn.final_input)

        # 6. Her line, with nothing beside it. A line that may end in a block is not streamed.
        begun_ms = turn.watch.elapsed_ms
        profile = with_one_draft(self._profile) if Extra.DRAFTS in turn.left_out else self._profile
        seeds = self._seeds(request)
        writer = Writer(self._generator, self._embedder, profile, self._care, seeds, request.temperature, exemplars)
        sink = ignore_event if turn.offences else show
        reply = await writer.write_reply(
            turn.final_input, request.text, now, sink, declining_words(turn.offences, self._policy)
        )
        turn.watch.note("first_token", begun_ms + reply.first_token_s * 1000)
        turn.watch.mark("reply")

        # 7. Judgement that needs the reply; a reply that ends in a block is never shown.
        proven = proven_offences(turn.offences, self._policy, reply.text)
        if proven and await self._sentencing.would_block(request, proven):
            notice = await whole(self._commit_sanction(turn, proven, reply=reply.text))
            return Rejection(reason=RejectionReason.BLOCKED, notice=notice, details=_details(turn))

        # 8. Her face, while what to remember is extracted and the turn is summed up.
        expression, note, summary = await together(
            self._choose_expression(writer, turn, reply),
            self._extract_memory(writer, turn, known),
            self._summarise(writer, turn, reply),
        )

        # 9. Everything is written at once; then she answers.
        return await whole(self._commit_reply(turn, reply, expression, summary, note, proven))

    def _seeds(self, request: ChatRequest) -> SeedSource:
        return SeedSource(self._seed, f"{request.user.id}|{request.conversation.id}|{request.text}")

    def _refuse_length(self, text: str) -> RejectionReason | None:
        if not remove_invisible(text).strip():
            return RejectionReason.EMPTY
        limit = self._profile.max_prompt_tokens
        if len(text) > limit * _LONGEST_TOKEN or self._generator.count_tokens("output_message", text) > limit:
            return RejectionReason.TOO_LONG
        return None

    async def _find_context(self, turn: _Context, known: Known) -> None:
        """Find the memory that the message calls for and the summary of the last turn; answering anew, take what was found first."""
        request = turn.request
        if request.again is not None:
            turn.memory_used, turn.last_summary = request.again.memory_used, request.again.last_summary
            return
        memory = await self.retriever.find(request.user, request.text, known.memories)
        if memory is not None:
            turn.memory_used, turn.memory_used_id = memory.text, memory.id
        turn.last_summary = request.thread_summary or known.last_summary

    async def _extract_memory(self, writer: Writer, turn: _Context, known: Known) -> MemoryNote | None:
        """Extract what may be remembered: nothing of an offence or a message answered anew, nothing while the user paused recording."""
        if turn.offences or turn.request.again is not None or Extra.MEMORY in turn.left_out or known.is_paused:
            return None
        note = await writer.extract_memory(turn.final_input, turn.request.text)
        return None if note is None or await self.firewall.object_to(note) else note

    async def _choose_expression(self, writer: Writer, turn: _Context, reply: WrittenReply) -> Expression:
        return make_expression() if Extra.EXPRESSION in turn.left_out else await writer.choose_expression(reply.text)

    async def _summarise(self, writer: Writer, turn: _Context, reply: WrittenReply) -> str | None:
        if reply.is_fallback or Extra.SUMMARY in turn.left_out:
            return None
        return await writer.summarise(turn.final_input, reply.text)

    async def _commit_rejection(
        self, turn: _Context, reason: RejectionReason, notice: Notice | None = None
    ) -> Rejection:
        turn.watch.mark("total")
        async with self._database.begin() as session:
            await TurnStore(session).add(self._record(turn, "rejection", reason))
        return Rejection(reason=reason, notice=notice, details=_details(turn))

    async def _commit_sanction(self, turn: _Context, offences: tuple[str, ...], *, reply: str | None) -> Notice:
        turn.watch.mark("total")
        async with self._database.begin() as session:
            steps = await self._sentence(SanctionStore(session), turn, offences, reply)
            await TurnStore(session).add(self._record(turn, "rejection", RejectionReason.BLOCKED))
        return notice_of(steps)

    async def _sentence(
        self, store: SanctionStore, turn: _Context, offences: tuple[str, ...], reply: str | None
    ) -> tuple[SanctionStep, ...]:
        return await self._sentencing.sentence(store, turn.request, turn.scores, offences, reply)

    def _record(self, turn: _Context, outcome: str, reason: RejectionReason | None) -> Turn:
        return turn_record(turn.request, self._profile.name, turn.watch, outcome, reason)

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
        change: MemoryChange | None = None
        async with self._database.begin() as session:
            store = SanctionStore(session)
            if proven:
                steps = await self._sentence(store, turn, proven, reply.text)
            given = [] if steps else await store.tell_warnings(request.user, now, request.community)
            blocked = any(step.kind is SanctionKind.BLOCK for step in steps)
            is_paused = (await UserSettingsStore(session).get(request.user)).is_paused
            if not steps and not is_paused:
                await self._sentencing.observe(ObservationStore(session), request, turn.scores, reply.text, now)
            if not blocked:
                memories = MemoryStore(session)
                if turn.memory_used_id is not None:
                    await memories.mark_used(request.user, turn.memory_used_id, now)
                if note is not None and not is_paused:
                    saved = await memories.remember(
                        request.user, note.key, note.value, now, request.request_id, request.link
                    )
                    change = await memories.change_of_turn(request.user, request.request_id)
                conversations = ConversationStore(session)
                if await conversations.written_at(request.conversation) != turn.written_at:
                    summary = None  # begun anew by /reset while she wrote: turns of one conversation follow one another
                await conversations.save_summary(request.conversation, summary, now)
            reason = RejectionReason.BLOCKED if blocked else None
            await TurnStore(session).add(self._record(turn, "rejection" if blocked else "reply", reason))
        if blocked:  # another turn of this user climbed the ladder meanwhile
            return Rejection(reason=RejectionReason.BLOCKED, notice=notice_of(steps), details=_details(turn))
        return ChatReply(
            text=reply.text,
            expression=expression,
            notice=notice_of(steps) if steps else notice_by_hand(given),
            details=_details(turn, saved=saved, change=change, summary=summary),
        )


def _details(
    turn: _Context, *, saved: Memory | None = None, change: MemoryChange | None = None, summary: str | None = None
) -> TurnDetails:
    turn.watch.mark("total")
    return TurnDetails(
        ethics=turn.scores,
        memory_used=turn.memory_used,
        last_summary=turn.last_summary,
        memories_saved=(saved.text,) if saved else (),
        memory_action=change.action if change else None,
        summary=summary,
        timings_ms=turn.watch.milliseconds,
    )
