"""What a person does with an interview besides answering: start, hint, skip, pause, resume, end. Each is a turn of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.commit import whole
from engine.generation import Writer
from engine.interview import begin_question
from engine.interview_banks import BankShelf
from engine.interview_judge import InterviewJudge
from engine.interview_sitting import Said, Sitting, Sittings
from engine.interviewer import Interviewer, join_parts
from engine.stopwatch import Stopwatch
from engine.types import ChatOutcome, ChatRequest, Clock, InterviewAct, InterviewCommand, Rejection, RejectionReason
from models.interview_bank import DEFAULT_BANK, QuestionBank
from storage.interview_records import InterviewState, InterviewStep, StepKind

InterviewerOf = Callable[[QuestionBank], Interviewer]


class InterviewCommands:
    """Runs commands for the interview of a conversation; only the person who is interviewed may give one."""

    def __init__(self, sittings: Sittings, judge: InterviewJudge, shelf: BankShelf, clock: Clock) -> None:
        """Read and write by `sittings`; `judge` chooses what stands after a question that is skipped."""
        self._sittings = sittings
        self._judge = judge
        self._shelf = shelf
        self._clock = clock

    async def run(
        self,
        request: ChatRequest,
        command: InterviewCommand,
        watch: Stopwatch,
        writer: Writer,
        interviewer_of: InterviewerOf,
    ) -> ChatOutcome:
        """Do what the command says, or say why it cannot be done.

        Raises:
            ModelError, StorageError: the turn failed and left nothing behind.
        """
        lapsed = await self._sittings.end_lapsed(request.conversation)
        sitting = await self._sittings.find(request.conversation)
        if command.act is InterviewAct.START:
            return await self._start(request, command, watch, sitting, writer, interviewer_of)
        if refusal := _why_not(request, command, sitting, has_lapsed=lapsed is not None):
            return Rejection(reason=refusal)
        assert sitting is not None
        interviewer = interviewer_of(sitting.bank)
        text, steps, state = await self._act(command.act, sitting, interviewer)
        said = Said(text=text, expression=await writer.choose_expression(text))
        return await whole(self._sittings.answer(request, watch, sitting, steps, state, said))

    async def _start(
        self,
        request: ChatRequest,
        command: InterviewCommand,
        watch: Stopwatch,
        sitting: Sitting | None,
        writer: Writer,
        interviewer_of: InterviewerOf,
    ) -> ChatOutcome:
        if sitting is not None:
            is_own = sitting.interview.user == request.user
            return Rejection(reason=RejectionReason.INTERVIEW_OPEN if is_own else RejectionReason.INTERVIEW_TAKEN)
        bank = self._shelf.find(command.bank or DEFAULT_BANK)
        if bank is None:
            return Rejection(reason=RejectionReason.INTERVIEW_UNKNOWN_BANK)
        interviewer = interviewer_of(bank)
        text = interviewer.question_text(begin_question(bank, bank.questions[0].label, frozenset(), 0))
        plan = await self._sittings.plan(request.user, bank)
        if plan.first:
            names = [question.label for question in bank.questions if question.label in plan.first]
            text = f"{text} {interviewer.say('again', questions=', '.join(names))}"
        said = Said(text=text, expression=await writer.choose_expression(text))
        reply = await whole(self._sittings.begin(request, watch, bank, said))
        return reply or Rejection(reason=RejectionReason.INTERVIEW_OPEN)

    async def _act(
        self, act: InterviewAct, sitting: Sitting, interviewer: Interviewer
    ) -> tuple[str, Sequence[InterviewStep], InterviewState]:
        """Return what she says, the steps, and the state after a command."""
        running, standing = InterviewState.RUNNING, sitting.standing
        match act:
            case InterviewAct.HINT:
                return interviewer.hint(standing), [self._step(sitting, StepKind.HINT)], running
            case InterviewAct.PAUSE:
                return interviewer.say("paused"), (), InterviewState.PAUSED
            case InterviewAct.RESUME:
                return f"{interviewer.say('resumed')} {interviewer.question_text(standing)}", (), running
            case InterviewAct.SKIP:
                return await self._skip(sitting, interviewer)
        closed = self._step(sitting, StepKind.CLOSED, sitting.bank.marks.end)
        return interviewer.say("stopped"), [closed], InterviewState.ENDED

    async def _skip(
        self, sitting: Sitting, interviewer: Interviewer
    ) -> tuple[str, Sequence[InterviewStep], InterviewState]:
        bank, standing = sitting.bank, sitting.standing
        choices = sitting.plan.choices(bank, standing)
        chosen = await self._judge.choose(bank, standing, standing, "", choices)
        step = self._step(sitting, StepKind.SKIPPED, chosen)
        following = sitting.follow(standing, chosen)
        parts = [interviewer.say("skipped"), interviewer.reveal(standing) if standing.question.is_graded else ""]
        parts.append(interviewer.question_text(following) if following else interviewer.say("farewell"))
        state = InterviewState.RUNNING if following else InterviewState.ENDED
        return join_parts(parts), [step], state

    def _step(self, sitting: Sitting, kind: StepKind, following: str | None = None) -> InterviewStep:
        label = sitting.standing.question.label
        return InterviewStep(question=label, kind=kind, next_question=following or label, at=self._clock())


def _why_not(
    request: ChatRequest, command: InterviewCommand, sitting: Sitting | None, *, has_lapsed: bool
) -> RejectionReason | None:
    """Return why this person cannot give a command here."""
    if sitting is None:
        return RejectionReason.INTERVIEW_LAPSED if has_lapsed else RejectionReason.INTERVIEW_NONE
    if sitting.interview.user != request.user:
        return RejectionReason.INTERVIEW_TAKEN
    if command.question is not None and command.question != sitting.interview.question:
        return RejectionReason.INTERVIEW_MOVED_ON
    return None
