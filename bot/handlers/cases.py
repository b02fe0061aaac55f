"""/sanctions open, user and category: what moderators see of warnings and blocks, with evidence, and where they decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from bot.answers import Answer, Choice, Form, FormField
from bot.block_length import parse_length
from bot.button_book import LIFETIME, PressRefusal
from bot.case_card import CASE, decision_buttons
from bot.commands import LONGEST_TEXT, Role, may_use
from bot.desk import Value
from bot.handlers.decisions import Refused, Ruling, Verdict
from bot.handlers.moderation import ModerationHandler
from bot.handlers.pages import Line, Listing, show_page
from bot.handlers.reports import ReportHandler
from bot.handlers.visit import Act, Book, Complete, Run, Visit, matching
from bot.standing_buttons import StandingAct, StandingButtons
from storage.appeals import AppealStore
from storage.database import Database
from storage.notes import NoteStore
from storage.records import AppealState, Note, Sanction, Scope, UserKey
from storage.sanctions import SanctionStore

ReadLines = Callable[[Visit], Awaitable[Sequence[Line]]]
CaseAct = Callable[[Visit, int], Awaitable[Answer]]
VisitAt = Callable[[Visit, str | None], Awaitable[Visit]]
_MODERATOR = Role.MODERATOR
MOST = 200  # sanctions of a list: each page opens the sealed texts of all of them


class CaseHandler:
    """Lists sanctions, appeals and reports within the moderator's scope; looks at one; decides appeals."""

    def __init__(
        self,
        database: Database,
        book: Book,
        moderation: ModerationHandler,
        reports: ReportHandler,
        visit_at: VisitAt,
    ) -> None:
        """Read `database`; decide through `moderation` and close `reports`. `visit_at` reads rights in another community."""
        self._database = database
        self._book = book
        self._moderation = moderation
        self._reports = reports
        self._visit_at = visit_at

    def offer_buttons(self, standing: StandingButtons) -> None:
        """Let the buttons of cards and cases do what they say. Each reads the presser's rights in the case's own community."""
        standing.offer(CASE, self._at_case(self._show))
        standing.offer(Verdict.END, self._at_case(self._ask_to_end))
        standing.offer(Verdict.OVERTURN, self._at_case(self._ask_reason(Verdict.OVERTURN)))
        standing.offer(Verdict.UPHOLD, self._at_case(self._ask_reason(Verdict.UPHOLD)))

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {"sanctions open": self.open, "sanctions user": self.of_user, "sanctions category": self.of_category}

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        return {("sanctions category", "category"): self.complete_category}

    async def open(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """List open appeals, open reports and blocks in force."""
        return await self._list(visit, "cases.open_title", "cases.nothing_open", self._open_lines)

    async def of_user(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """List a user's sanctions and the notes on them."""
        user = UserKey(platform=visit.user.platform, id=str(arguments["user"]))

        async def read(visit: Visit) -> Sequence[Line]:
            async with self._database.read() as session:
                sanctions = await SanctionStore(session).of_user_within(user, visit.scope)
                notes = await NoteStore(session).of_user(user, visit.scope)
            return [*(self._line(visit, each) for each in sanctions), *(_note_line(visit, note) for note in notes)]

        return await self._list(visit, "cases.user_title", "cases.none", read)

    async def of_category(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """List the sanctions of a category."""
        category = str(arguments["category"])

        async def read(visit: Visit) -> Sequence[Line]:
            async with self._database.read() as session:
                store = SanctionStore(session)
                known = await store.categories(visit.scope)
                named = [name for name in known if category in (name, visit.texts.category(name))]
                sanctions = [each for name in named for each in await store.of_category(name, visit.scope, MOST + 1)]
            return self._newest(visit, sanctions)

        return await self._list(visit, "cases.category_title", "cases.none", read)

    async def complete_category(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest the categories that sanctions here have."""
        async with self._database.read() as session:
            names = await SanctionStore(session).categories(visit.scope)
        choices = [Choice(label=visit.texts.category(name), value=name) for name in names]
        return matching(choices, typed)

    async def _list(self, visit: Visit, title: str, empty: str, read: ReadLines) -> Answer:
        listing = Listing(title_key=title, empty_key=empty, read=read, who=_MODERATOR)
        return await show_page(self._book, visit, listing)

    async def _open_lines(self, visit: Visit) -> Sequence[Line]:
        async with self._database.read() as session:
            store = SanctionStore(session)
            appealed = []
            for appeal in await AppealStore(session).waiting(visit.scope):
                sanction = await store.get(appeal.sanction_id, visit.scope)
                if sanction is not None:
                    text = visit.texts.get("cases.appeal", case=visit.texts.case_line(sanction, visit.now))
                    appealed.append(Line(text=text, label=f"#{sanction.id}", act=self._look_at(sanction.id)))
            blocks = await store.in_force(visit.now, visit.scope, MOST + 1)
        reported = await self._reports.lines(visit)
        return [*appealed, *reported, *self._newest(visit, blocks)]

    def _newest(self, visit: Visit, sanctions: Sequence[Sanction]) -> list[Line]:
        """Return a line for each sanction; of more than `MOST`, which are read for every page, the newest."""
        lines = [self._line(visit, each) for each in sanctions[:MOST]]
        return lines if len(sanctions) <= MOST else [*lines, Line(text=visit.texts.get("cases.more", most=MOST))]

    def _line(self, visit: Visit, sanction: Sanction) -> Line:
        text = visit.texts.case_line(sanction, visit.now)
        return Line(text=text, label=f"#{sanction.id}", act=self._look_at(sanction.id))

    def _look_at(self, sanction_id: int | None) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await self._show(visit, sanction_id or 0)

        return act

    async def decide(self, visit: Visit, sanction_id: int, state: AppealState, reason: str) -> Answer:
        """Decide an open appeal alone: deny it, or grant it by overturning the sanction."""
        verdict = Verdict.OVERTURN if state is AppealState.GRANTED else Verdict.UPHOLD
        return await self._moderation.rule(visit, Ruling(number=sanction_id, verdict=verdict, reason=reason))

    def _at_case(self, act: CaseAct) -> StandingAct:
        """Let a button act where its case belongs, whichever channel its card stands in, for the moderators of that place."""

        async def press(visit: Visit, about: str) -> Answer:
            number = int(about) if about.isascii() and about.isdigit() and len(about) < 10 else 0
            here = await self._visit_of_case(visit, number)
            if here is None or not may_use(_MODERATOR, here.actor.rights):
                return visit.say(f"press.{PressRefusal.NOT_ALLOWED}")
            return await act(here, number)

        return press

    async def _visit_of_case(self, visit: Visit, number: int) -> Visit | None:
        async with self._database.read() as session:
            sanction = await SanctionStore(session).get(number, Scope(platform=visit.user.platform))
        if sanction is None:
            return None
        is_everywhere = visit.community is None and visit.actor.rights.is_owner
        return visit if is_everywhere else await self._visit_at(visit, sanction.community)

    async def _show(self, visit: Visit, sanction_id: int) -> Answer:
        """Show a sanction with its evidence, what was done about it, and what can be."""
        async with self._database.read() as session:
            sanction = await SanctionStore(session).get(sanction_id, visit.scope)
            if sanction is None:
                return visit.say(f"refused.{Refused.NO_SUCH}", number=sanction_id)
            changes = await SanctionStore(session).changes([sanction_id])
            appeals = await AppealStore(session).of_sanction(sanction_id)
        texts = visit.texts
        lines = [texts.case_line(sanction, visit.now, is_whole=True), *texts.standing(sanction)]
        lines += texts.evidence(sanction.evidence)
        lines += [texts.sanction_change(change) for change in changes]
        lines += [texts.appeal(appeal) for appeal in appeals]
        is_own = visit.is_me(sanction.user) and not visit.actor.rights.is_owner
        buttons = () if is_own else decision_buttons(texts, sanction, appeals, visit.now)
        return Answer(text="\n".join(lines), buttons=(buttons,) if buttons else ())

    async def _ask_to_end(self, visit: Visit, number: int) -> Answer:
        """Ask why a block is to end, and what of it is to remain."""
        appeal = await self._open_appeal(number)

        async def end(visit: Visit, values: Mapping[str, str]) -> Answer:
            remaining = values.get("remaining", "").strip()
            length = parse_length(remaining) if remaining else timedelta()
            if length is None:
                return visit.say("moderation.bad_length")
            ruling = Ruling(
                number=number, verdict=Verdict.END, reason=values.get("reason", ""), remaining=length, appeal=appeal
            )
            return await self._rule(visit, ruling)

        remaining = FormField(
            name="remaining",
            label=visit.texts.get("cases.remaining_field"),
            placeholder="12h",
            is_required=False,
            max_length=16,
        )
        title = visit.texts.get("cases.lift_title", number=number)
        return self._form(visit, end, title, (_reason_field(visit), remaining))

    def _ask_reason(self, verdict: Verdict) -> CaseAct:
        async def ask(visit: Visit, number: int) -> Answer:
            appeal = await self._open_appeal(number)

            async def decide(visit: Visit, values: Mapping[str, str]) -> Answer:
                reason = values.get("reason", "")
                return await self._rule(visit, Ruling(number=number, verdict=verdict, reason=reason, appeal=appeal))

            title = visit.texts.get(f"cases.{verdict}_title", number=number)
            return self._form(visit, decide, title, (_reason_field(visit),))

        return ask

    async def _open_appeal(self, number: int) -> int | None:
        async with self._database.read() as session:
            appeals = await AppealStore(session).of_sanction(number)
        return next((appeal.id for appeal in appeals if appeal.state is AppealState.OPEN), None)

    async def _rule(self, visit: Visit, ruling: Ruling) -> Answer:
        """Decide with the rights that the person has now, in the case's own community."""
        here = await self._visit_of_case(visit, ruling.number)
        if here is None or not may_use(_MODERATOR, here.actor.rights):
            return visit.say(f"press.{PressRefusal.NOT_ALLOWED}")
        return await self._moderation.rule(here, ruling)

    def _form(self, visit: Visit, act: Act, title: str, fields: tuple[FormField, ...]) -> Answer:
        token = self._book.issue(act, presser=visit.user, lifetime=LIFETIME, once=True)
        return Answer(form=Form(token=token, title=title, fields=fields))


def _reason_field(visit: Visit) -> FormField:
    return FormField(name="reason", label=visit.texts.get("cases.reason_field"), is_long=True, max_length=LONGEST_TEXT)


def _note_line(visit: Visit, note: Note) -> Line:
    moment = visit.texts.moment(note.created_at)
    return Line(text=visit.texts.get("cases.note", text=note.text, author=note.author.id, moment=moment))
