"""/interview: practice for a job interview, by commands and by the buttons below her questions; the card at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.answers import Actor, Answer, Attachment, Button, ButtonStyle, Choice
from bot.desk import Value
from bot.handlers.chat import ChatHandler
from bot.handlers.interview_cards import InterviewCards
from bot.handlers.visit import Act, Book, Complete, Run, Visit, matching
from bot.rendering import Texts
from engine.types import ChatReply, InterviewAct, InterviewCommand, InterviewView
from storage.interview_records import InterviewState
from storage.records import UserKey

_BUTTONS_LIVE = timedelta(days=1)  # longer than others: who thinks about an answer takes time
_MOST_STARTS = 5
_ACTS = (InterviewAct.HINT, InterviewAct.SKIP, InterviewAct.PAUSE, InterviewAct.RESUME, InterviewAct.END)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewExtras:
    """What goes with her line in an interview: buttons while it is open; at its end the card as text, picture and page."""

    buttons: tuple[tuple[Button, ...], ...] = ()
    text: str = ""
    picture: Attachment | None = None
    attachment: Attachment | None = None


class InterviewHandler:
    """Brings commands and presses to the conversation's turns, and dresses her replies."""

    def __init__(self, chat: ChatHandler, cards: InterviewCards, book: Book) -> None:
        """Submit turns by `chat`."""
        self._chat = chat
        self._cards = cards
        self._book = book

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        acts = {f"interview {act}": self._run_of(act) for act in _ACTS}
        return {"interview status": self.status, "interview start": self.start, **acts}

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        return {("interview start", "bank"): self.complete_bank}

    async def start(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Start an interview with a bank, the default one where none is named."""
        return await self._act(visit, InterviewCommand(act=InterviewAct.START, bank=str(arguments.get("bank", ""))))

    async def status(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Say what is open here, or how the last interview went, with buttons to go on."""
        status = await self._cards.status(visit.user, visit.actor.place.conversation, visit.texts)
        if status.open is None:
            return Answer(text=status.text, buttons=(self._start_buttons(visit),))
        if not status.is_own:
            return Answer(text=status.text)
        buttons = self._buttons(visit.user, visit.texts, status.open.state, status.open.question)
        return Answer(text=status.text, buttons=buttons)

    async def complete_bank(self, _: Visit, typed: str) -> list[Choice]:
        """Suggest the banks by their titles."""
        names = self._cards.bank_names()
        return matching([Choice(label=self._cards.title(name), value=name) for name in names], typed)

    async def extras(self, actor: Actor, texts: Texts, view: InterviewView) -> InterviewExtras:
        """Return what goes with a reply of hers in an interview."""
        if view.state is not InterviewState.ENDED:
            return InterviewExtras(buttons=self._buttons(actor.user, texts, view.state, view.question))
        card = await self._cards.card(view.id, texts)
        return (
            InterviewExtras(text=card.text, picture=card.picture, attachment=card.page) if card else InterviewExtras()
        )

    def _run_of(self, act: InterviewAct) -> Run:
        async def run(visit: Visit, _: Mapping[str, Value]) -> Answer:
            return await self._act(visit, InterviewCommand(act=act))

        return run

    async def _act(self, visit: Visit, command: InterviewCommand) -> Answer:
        """Hold a turn for a command, and return what she says; why it cannot be done is for this person alone."""
        texts = visit.texts
        turn = self._chat.submit(
            visit.user,
            visit.actor.place.conversation,
            "",
            locale=texts.language,
            zone=visit.actor.zone,
            community=visit.actor.place.community,
            interview=command,
        )
        outcome = await turn.outcome()
        said = texts.outcome(outcome, turn.request.request_id)
        if not isinstance(outcome, ChatReply) or outcome.interview is None:
            return Answer(text=said)
        extras = await self.extras(visit.actor, texts, outcome.interview)
        return Answer(
            text="\n\n".join(part for part in (said, extras.text) if part),
            buttons=extras.buttons,
            picture=extras.picture,
            attachment=extras.attachment,
            is_private=False,
        )

    def _buttons(
        self, user: UserKey, texts: Texts, state: InterviewState, question: str
    ) -> tuple[tuple[Button, ...], ...]:
        """Return the buttons below a question, for the person who is interviewed alone."""
        running = (InterviewAct.HINT, InterviewAct.SKIP, InterviewAct.END)
        acts = running if state is InterviewState.RUNNING else (InterviewAct.RESUME, InterviewAct.END)
        return (tuple(self._button(user, texts, act, question) for act in acts),)

    def _button(self, user: UserKey, texts: Texts, act: InterviewAct, question: str) -> Button:
        token = self._book.issue(self._pressing(act, question), presser=user, lifetime=_BUTTONS_LIVE)
        style = ButtonStyle.DANGER if act is InterviewAct.END else ButtonStyle.PLAIN
        return Button(label=texts.get(f"interview_button.{act}"), token=token, style=style)

    def _pressing(self, act: InterviewAct, question: str) -> Act:
        async def press(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await self._act(visit, InterviewCommand(act=act, question=question))

        return press

    def _start_buttons(self, visit: Visit) -> tuple[Button, ...]:
        return tuple(
            Button(
                label=visit.texts.get("interview_button.start", title=self._cards.title(name)),
                token=self._book.issue(self._starting(name), presser=visit.user),
                style=ButtonStyle.PRIMARY,
            )
            for name in self._cards.bank_names()[:_MOST_STARTS]
        )

    def _starting(self, bank: str) -> Act:
        async def press(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await self.start(visit, {"bank": bank})

        return press
