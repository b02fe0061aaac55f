"""Interviews on their way in and out of storage: the open one of a conversation with where it stands, and the commit of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.commit import turn_record
from engine.interview import Plan, Standing, begin_question, read_standing
from engine.interview_banks import BankShelf
from engine.interview_report import build_report
from engine.interview_review import make_plan, review
from engine.interview_words import InterviewWords
from engine.sanction_policy import SanctionStep
from engine.sentencing import Sentencing, notice_by_hand, notice_of
from engine.stopwatch import Stopwatch
from engine.types import (
    ChatOutcome,
    ChatReply,
    ChatRequest,
    Clock,
    Expression,
    InterviewView,
    Rejection,
    RejectionReason,
    TurnDetails,
)
from models.interview_bank import QuestionBank
from models.profile import Profile
from storage.database import Database
from storage.interview_records import Interview, InterviewState, InterviewStep
from storage.interviews import InterviewStore
from storage.records import ConversationKey, SanctionKind, Turn, UserKey
from storage.sanctions import SanctionStore
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """An open interview, its bank, where it stands, and what earlier interviews say."""

    interview: Interview
    bank: QuestionBank
    standing: Standing
    plan: Plan

    def is_held_with(self, user: UserKey) -> bool:
        """Tell whether this user is the one who is being interviewed now."""
        return self.interview.user == user and self.interview.state is InterviewState.RUNNING

    def follow(self, after: Standing, label: str) -> Standing | None:
        """Return where the interview stands at the question `label`, that `after` is followed by; None at the end."""
        if label == self.bank.marks.end:
            return None
        if label == after.question.label:
            return after
        return begin_question(self.bank, label, after.asked, self.interview.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Her finished line with its face; `scores` of the message, and the offences that her line proved by declining."""

    text: str
    expression: Expression
    scores: Mapping[str, float] = field(default_factory=dict)
    proven: tuple[str, ...] = ()


class Sittings:
    """Reads open interviews and commits their steps."""

    def __init__(
        self,
        *,
        profile: Profile,
        shelf: BankShelf,
        words: InterviewWords,
        sentencing: Sentencing,
        database: Database,
        clock: Clock,
    ) -> None:
        """Take banks from `shelf`; an interview that nobody touched for `words.open_for` is over."""
        self._profile = profile
        self._shelf = shelf
        self._words = words
        self._sentencing = sentencing
        self._database = database
        self._clock = clock

    async def find(self, conversation: ConversationKey) -> Sitting | None:
        """Return the conversation's running or paused interview; None also where its time, or its bank, is gone."""
        async with self._database.read() as session:
            interview = await InterviewStore(session).open_in(conversation)
        return await self.of(interview)

    async def of(self, interview: Interview | None) -> Sitting | None:
        """Return an open interview with its bank and where it stands; None for none, and where its time, or its bank, is gone."""
        if interview is None or self._is_gone(interview):
            return None
        return await self._read(interview, self._shelf.load(interview.bank))

    async def plan(self, user: UserKey, bank: QuestionBank) -> Plan:
        """Return what earlier interviews of this user say about the next one."""
        async with self._database.read() as session:
            return make_plan(bank, await InterviewStore(session).cards(user, bank.name), self._clock())

    async def begin(self, request: ChatRequest, watch: Stopwatch, bank: QuestionBank, said: Said) -> ChatReply | None:
        """Begin an interview with the bank's first question, which she `said`; None when another one is open here.

        Raises:
            StorageError: nothing was written.
        """
        now = self._clock()
        watch.mark("total")
        async with self._database.begin() as session:
            store = InterviewStore(session)
            interview = await store.start(request.user, request.conversation, bank.name, bank.questions[0].label, now)
            if interview is None:
                return None
            await TurnStore(session).add(self._record(request, watch, is_blocked=False))
        sitting = await self._read(interview, bank)
        return ChatReply(
            text=said.text,
            expression=said.expression,
            notice=None,
            details=TurnDetails(timings_ms=watch.milliseconds),
            interview=_view(sitting, interview.steps, interview.state),
        )

    async def end_lapsed(self, conversation: ConversationKey) -> Interview | None:
        """End the conversation's open interview if its time, or its bank, is gone, and return it.

        What was asked in it is to be repeated all the same.
        """
        async with self._database.begin() as session:
            store = InterviewStore(session)
            interview = await store.open_in(conversation)
            if interview is None or not self._is_gone(interview):
                return None
            await self._close(store, interview)
        return interview

    async def answer(
        self,
        request: ChatRequest,
        watch: Stopwatch,
        sitting: Sitting,
        steps: Sequence[InterviewStep],
        state: InterviewState,
        said: Said,
    ) -> ChatOutcome:
        """Write steps, state, sanctions and the turn's record in one transaction, and return her reply.

        Raises:
            StorageError: nothing was written.
        """
        now, interview = self._clock(), sitting.interview
        rows: tuple[SanctionStep, ...] = ()
        watch.mark("total")
        details = TurnDetails(ethics=said.scores, timings_ms=watch.milliseconds)
        async with self._database.begin() as session:
            store, sanctions = InterviewStore(session), SanctionStore(session)
            current = await store.get(interview.id)
            if current is None or current.state is InterviewState.ENDED:  # its user was erased meanwhile
                return Rejection(reason=RejectionReason.CANCELLED, details=details)
            if (await UserSettingsStore(session).get(request.user)).is_paused:
                steps = [replace(step, text="") for step in steps]
            if said.proven:
                rows = await self._sentencing.sentence(sanctions, request, said.scores, said.proven, said.text)
            is_blocked = any(row.kind is SanctionKind.BLOCK for row in rows)
            if not is_blocked:
                await store.add_steps(interview.id, steps, now)
                await self._set_state(store, current, state)
            given = [] if rows else await sanctions.tell_warnings(request.user, now, request.community)
            await TurnStore(session).add(self._record(request, watch, is_blocked))
        if is_blocked:  # another turn of this user climbed the ladder meanwhile
            return Rejection(reason=RejectionReason.BLOCKED, notice=notice_of(rows), details=details)
        return ChatReply(
            text=said.text,
            expression=said.expression,
            notice=notice_of(rows) if rows else notice_by_hand(given),
            details=details,
            interview=_view(sitting, [*interview.steps, *steps], state),
        )

    def _is_gone(self, interview: Interview) -> bool:
        is_late = self._clock() - interview.updated_at >= self._words.open_for
        return is_late or self._shelf.find(interview.bank) is None

    async def _read(self, interview: Interview, bank: QuestionBank) -> Sitting:
        standing = read_standing(bank, interview.steps, interview.id)
        async with self._database.read() as session:
            cards = await InterviewStore(session).cards(interview.user, bank.name)
        return Sitting(
            interview=interview, bank=bank, standing=standing, plan=make_plan(bank, cards, interview.started_at)
        )

    async def _close(self, store: InterviewStore, interview: Interview) -> None:
        """End an interview and move its cards."""
        now = self._clock()
        await store.set_state(interview.id, InterviewState.ENDED, now)
        ended = await store.get(interview.id)
        bank = self._shelf.find(interview.bank)
        if bank is not None and ended is not None:  # else an owner took the bank away; nothing of it can be asked again
            cards = await store.cards(interview.user, bank.name)
            await store.save_cards(interview.user, review(build_report(bank, ended), cards, now))

    async def _set_state(self, store: InterviewStore, interview: Interview, state: InterviewState) -> None:
        if state is InterviewState.ENDED:
            await self._close(store, interview)
        elif state is not interview.state:
            await store.set_state(interview.id, state, self._clock())

    def _record(self, request: ChatRequest, watch: Stopwatch, is_blocked: bool) -> Turn:
        reason = RejectionReason.BLOCKED if is_blocked else None
        return turn_record(request, self._profile.name, watch, "rejection" if is_blocked else "reply", reason)


def _view(sitting: Sitting, steps: Sequence[InterviewStep], state: InterviewState) -> InterviewView:
    asked = {steps[0].next_question, *(step.next_question for step in steps)}
    graded = {question.label for question in sitting.bank.questions if question.is_graded}
    return InterviewView(
        id=sitting.interview.id,
        state=state,
        question=steps[-1].next_question,
        asked=len(asked & graded),
        total=len(graded - sitting.plan.left_out),
    )
