"""A turn of an interview, top to bottom: `InterviewTurns.take`.

    length → ethics without technical words → certain blocks → despair, and what she declines
    → answer label → where the question stands → next question → her line → expression → commit → ChatReply

`ChatPipeline` asks here behind its sanction gate; None says that no interview concerns the message. A command such as /interview
skip is a turn too, so what is pressed and what is said in one conversation happens one after another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial, reduce

from engine.care import CareRule
from engine.clock_context import day_part
from engine.commit import turn_record, whole
from engine.ethics import EthicsScorer
from engine.final_input import build_final_input, neutralise
from engine.generation import SeedSource, Writer
from engine.interview import Cue, Verdict, next_choices, take_step
from engine.interview_banks import BankShelf
from engine.interview_commands import InterviewCommands
from engine.interview_ethics import InterviewEthics, Judgement
from engine.interview_judge import InterviewJudge
from engine.interview_sitting import Said, Sitting, Sittings
from engine.interview_words import InterviewWords
from engine.interviewer import INTERVIEWER, Interviewer
from engine.plain_text import remove_invisible
from engine.sanction_policy import (
    SanctionPolicy,
    certain_offences,
    declining_words,
    proven_offences,
    thresholds_under,
)
from engine.sentencing import Sentencing, notice_of
from engine.stopwatch import Stopwatch
from engine.types import (
    ChatOutcome,
    ChatRequest,
    Clock,
    Rejection,
    RejectionReason,
    TurnDetails,
    ignore_event,
)
from models.interview_text import quiet
from models.profile import Profile
from models.types import TextEmbedder, TextGenerator
from storage.database import Database
from storage.interview_records import Interview, InterviewState, InterviewStep
from storage.sanctions import SanctionStore
from storage.turns import TurnStore


class InterviewTurns:
    """Runs turns of interviews; holds no state of its own between them."""

    def __init__(
        self,
        *,
        profile: Profile,
        policy: SanctionPolicy,
        care: CareRule,
        words: InterviewWords,
        shelf: BankShelf,
        scorer: EthicsScorer,
        sentencing: Sentencing,
        generator: TextGenerator,
        embedder: TextEmbedder,
        database: Database,
        clock: Clock,
        seed: int | None,
    ) -> None:
        """Share scorer and sentencing with the turns of the chat."""
        self._profile = profile
        self._policy = policy
        self._care = care
        self._words = words
        self._sentencing = sentencing
        self._generator = generator
        self._embedder = embedder
        self._database = database
        self._clock = clock
        self._seed = seed
        self._ethics = InterviewEthics(scorer, thresholds_under(policy, profile.ethics), policy, words)
        self._judge = InterviewJudge(embedder, profile, words)
        self._sittings = Sittings(
            profile=profile, shelf=shelf, words=words, sentencing=sentencing, database=database, clock=clock
        )
        self._commands = InterviewCommands(self._sittings, self._judge, shelf, clock)

    async def take(self, request: ChatRequest, watch: Stopwatch, open_here: Interview | None) -> ChatOutcome | None:
        """Answer a message of somebody who is interviewed in this conversation, or a command; None for every other message.

        `open_here` is the conversation's running or paused interview.

        Raises:
            ModelError, StorageError: the turn failed and left nothing behind.
        """
        seeds = self._seeds(request)
        writer = Writer(self._generator, self._embedder, self._profile, self._care, seeds)
        if request.interview is not None:
            interviewer_of = partial(Interviewer, self._generator, self._profile, words=self._words, seeds=seeds)
            return await self._commands.run(request, request.interview, watch, writer, interviewer_of)
        sitting = await self._sittings.of(open_here)
        if sitting is None or not sitting.is_held_with(request.user):
            return None
        interviewer = Interviewer(self._generator, self._profile, sitting.bank, words=self._words, seeds=seeds)

        # 1. Nothing to judge, or more than an answer.
        if (reason := self._refuse_length(request.text)) is not None:
            return await whole(self._commit_rejection(request, watch, reason))

        # 2. Real abuse ends the turn as everywhere; technical words do not.
        with watch.measure("ethics"):
            judgement = await self._ethics.judge(request.text, sitting.bank)
        if certain := certain_offences(judgement.offences, self._policy):
            return await whole(self._commit_block(request, watch, judgement, certain, None))

        # 3. Despair is answered, and what she declines; the question waits.
        if (outcome := await self._digress(request, watch, sitting, judgement, writer, interviewer)) is not None:
            return outcome

        # 4. What the answer comes to, and which question stands next.
        with watch.measure("judge"):
            verdict = await self._judge.judge(sitting.bank, sitting.standing, request.text)
            cue, steps = await self._move_on(request, sitting, verdict)

        # 5. Her line and her face.
        now = day_part(request.received_at, request.time_zone)
        line = await interviewer.write(cue, now, with_adapter=self._has_adapter(sitting))
        watch.mark("reply")
        expression = await writer.choose_expression(line)

        # 6. Everything is written at once.
        state = InterviewState.RUNNING if cue.following else InterviewState.ENDED
        said = Said(text=line, expression=expression, scores=judgement.scores)
        return await whole(self._sittings.answer(request, watch, sitting, steps, state, said))

    def _seeds(self, request: ChatRequest) -> SeedSource:
        moment = "" if self._seed is None else request.received_at.isoformat()  # the same words come again and again
        return SeedSource(self._seed, f"{request.user.id}|{request.conversation.id}|{moment}|{request.text}")

    def _refuse_length(self, text: str) -> RejectionReason | None:
        if not remove_invisible(text).strip():
            return RejectionReason.EMPTY
        return RejectionReason.ANSWER_TOO_LONG if len(text) > self._words.longest_answer else None

    def _has_adapter(self, sitting: Sitting) -> bool:
        return INTERVIEWER in self._profile.adapters and self._judge.knows(sitting.bank)

    async def _digress(
        self,
        request: ChatRequest,
        watch: Stopwatch,
        sitting: Sitting,
        judgement: Judgement,
        writer: Writer,
        interviewer: Interviewer,
    ) -> ChatOutcome | None:
        """Answer a message of despair, or one that she declines, as in the chat; None for what is an answer after all."""
        text = request.text
        needs_care = self._care.is_called_for(self._ethics.parts(text, sitting.bank)[0])
        if not needs_care and not judgement.offences:
            return None
        now = day_part(request.received_at, request.time_zone)
        declining = declining_words(judgement.offences, self._policy)
        prompt = build_final_input(text, now, None, None)
        reply = (await writer.write_reply(prompt, text, now, ignore_event, declining)).text
        proven = proven_offences(judgement.offences, self._policy, reply)
        if proven and await self._sentencing.would_block(request, proven):
            return await whole(self._commit_block(request, watch, judgement, proven, reply))
        if not proven and not needs_care:
            return None
        line = reply if needs_care else f"{reply} {interviewer.question_text(sitting.standing)}"
        said = Said(text=line, expression=await writer.choose_expression(reply), scores=judgement.scores, proven=proven)
        return await whole(self._sittings.answer(request, watch, sitting, (), InterviewState.RUNNING, said))

    async def _move_on(
        self, request: ChatRequest, sitting: Sitting, verdict: Verdict
    ) -> tuple[Cue, tuple[InterviewStep, ...]]:
        """Return what her line answers and leads to, and the steps to write."""
        bank, before = sitting.bank, sitting.standing
        step = InterviewStep(
            question=before.question.label,
            kind=verdict.kind,
            next_question=before.question.label,
            at=self._clock(),
            label=verdict.label,
            score=verdict.score,
            close_to=verdict.close_to,
            closeness=verdict.closeness,
            text=request.text,
        )
        steps = [step, *(replace(step, label=label, score=score) for label, score in verdict.more)]
        after = reduce(take_step, steps, before)
        choices = next_choices(bank, after, sitting.plan, self._words)
        chosen = await self._judge.choose(bank, before, after, request.text, choices)
        steps[-1] = replace(steps[-1], next_question=chosen)
        following = sitting.follow(after, chosen)
        cue = Cue(
            before=before, after=after, verdict=verdict, following=following, text=quiet(neutralise(request.text))
        )
        return cue, tuple(steps)

    async def _commit_rejection(self, request: ChatRequest, watch: Stopwatch, reason: RejectionReason) -> Rejection:
        watch.mark("total")
        async with self._database.begin() as session:
            await TurnStore(session).add(turn_record(request, self._profile.name, watch, "rejection", reason))
        return Rejection(reason=reason, details=TurnDetails(timings_ms=watch.milliseconds))

    async def _commit_block(
        self, request: ChatRequest, watch: Stopwatch, judgement: Judgement, offences: tuple[str, ...], reply: str | None
    ) -> Rejection:
        watch.mark("total")
        reason = RejectionReason.BLOCKED
        async with self._database.begin() as session:
            store = SanctionStore(session)
            rows = await self._sentencing.sentence(store, request, judgement.scores, offences, reply)
            await TurnStore(session).add(turn_record(request, self._profile.name, watch, "rejection", reason))
        details = TurnDetails(ethics=judgement.scores, timings_ms=watch.milliseconds)
        return Rejection(reason=reason, notice=notice_of(rows), details=details)
