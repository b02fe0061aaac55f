"""/sanctions open, user and category: what moderators see of warnings and blocks, with evidence, and where they decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.answers import Answer, Button, ButtonStyle, Choice, Form, FormField
from bot.block_length import parse_length
from bot.button_book import LIFETIME
from bot.commands import LONGEST_TEXT, Role
from bot.desk import Value
from bot.handlers.moderation import ModerationHandler
from bot.handlers.modlog import Modlog
from bot.handlers.pages import Line, Listing, show_page
from bot.handlers.reports import ReportHandler
from bot.handlers.visit import Act, Book, Complete, Run, Visit, make_button, matching
from storage.appeals import AppealStore
from storage.database import Database
from storage.notes import NoteStore
from storage.records import AppealState, Note, Sanction, UserKey
from storage.sanctions import SanctionStore

ReadLines = Callable[[Visit], Awaitable[Sequence[Line]]]
_MODERATOR = Role.MODERATOR


class CaseHandler:
    """Lists sanctions, appeals and reports within the moderator's scope; looks at one; decides appeals."""

    def __init__(
        self,
        database: Database,
        book: Book,
        modlog: Modlog,
        moderation: ModerationHandler,
        reports: ReportHandler,
    ) -> None:
        """Read `database`; end blocks through `moderation` and close `reports`."""
        self._database = database
        self._book = book
        self._modlog = modlog
        self._moderation = moderation
        self._reports = reports

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
                return [
                    self._line(visit, each) for name in named for each in await store.of_category(name, visit.scope)
                ]

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
            blocks = await store.in_force(visit.now, visit.scope)
        reported = await self._reports.lines(visit)
        return [*appealed, *reported, *(self._line(visit, block) for block in blocks)]

    def _line(self, visit: Visit, sanction: Sanction) -> Line:
        text = visit.texts.case_line(sanction, visit.now)
        return Line(text=text, label=f"#{sanction.id}", act=self._look_at(sanction.id))

    def _look_at(self, sanction_id: int | None) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await self._show(visit, sanction_id or 0)

        return act

    async def _show(self, visit: Visit, sanction_id: int) -> Answer:
        """Show a sanction with its evidence, what was done about it, and what can be."""
        async with self._database.read() as session:
            sanction = await SanctionStore(session).get(sanction_id, visit.scope)
            if sanction is None:
                return visit.say("moderation.no_such", number=sanction_id)
            changes = await SanctionStore(session).changes([sanction_id])
            appeals = await AppealStore(session).of_sanction(sanction_id)
        texts = visit.texts
        lines = [texts.case_line(sanction, visit.now, is_whole=True), *texts.standing(sanction)]
        lines += texts.evidence(sanction.evidence)
        lines += [texts.sanction_change(change) for change in changes]
        lines += [texts.appeal(appeal) for appeal in appeals]
        is_own = visit.is_me(sanction.user) and not visit.actor.rights.is_owner
        buttons = []
        if sanction.holds(visit.now) and not is_own:
            buttons.append(self._form_button(visit, "cases.lift_button", self._asking_to_lift(sanction_id)))
        if any(appeal.state is AppealState.OPEN for appeal in appeals) and not is_own:
            if not sanction.holds(visit.now):
                grant = self._asking(sanction_id, AppealState.GRANTED)
                buttons.append(self._form_button(visit, "cases.grant_button", grant))
            buttons.append(self._form_button(visit, "cases.deny_button", self._asking(sanction_id, AppealState.DENIED)))
        return Answer(text="\n".join(lines), buttons=(tuple(buttons),) if buttons else ())

    def _form_button(self, visit: Visit, key: str, act: Act) -> Button:
        style = ButtonStyle.DANGER if key == "cases.deny_button" else ButtonStyle.PRIMARY
        label = visit.texts.get(key)
        return make_button(self._book, visit, label, act, who=_MODERATOR, style=style, opens_form=True)

    def _asking_to_lift(self, sanction_id: int) -> Act:
        async def lift(visit: Visit, values: Mapping[str, str]) -> Answer:
            remaining, reason = values.get("remaining", "").strip(), values.get("reason", "").strip()
            length = parse_length(remaining) if remaining else None
            if (remaining and length is None) or not 0 < len(reason) <= LONGEST_TEXT:
                return visit.say("moderation.bad_length" if reason else "moderation.no_reason")
            end = visit.now if length is None else visit.now + length
            return await self._moderation.end(visit, sanction_id, end, reason)

        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            texts = visit.texts
            remaining = FormField(
                name="remaining",
                label=texts.get("cases.remaining_field"),
                placeholder="12h",
                is_required=False,
                max_length=16,
            )
            title = texts.get("cases.lift_title", number=sanction_id)
            return self._form(visit, lift, title, (_reason_field(visit), remaining))

        return act

    def _asking(self, sanction_id: int, state: AppealState) -> Act:
        async def decide(visit: Visit, values: Mapping[str, str]) -> Answer:
            return await self.decide(visit, sanction_id, state, values.get("reason", "").strip())

        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            title = visit.texts.get("cases.decide_title", number=sanction_id)
            return self._form(visit, decide, title, (_reason_field(visit),))

        return act

    def _form(self, visit: Visit, act: Act, title: str, fields: tuple[FormField, ...]) -> Answer:
        token = self._book.issue(act, presser=visit.user, who=_MODERATOR, lifetime=LIFETIME, once=True)
        return Answer(form=Form(token=token, title=title, fields=fields))

    async def decide(self, visit: Visit, sanction_id: int, state: AppealState, reason: str) -> Answer:
        """Grant an appeal against what is over or was a warning, or deny one. A block in force is granted by lifting it."""
        if not 0 < len(reason) <= LONGEST_TEXT:
            return visit.say("moderation.no_reason")
        async with self._database.begin() as session:
            sanction = await SanctionStore(session).get(sanction_id, visit.scope)
            if sanction is None:
                return visit.say("moderation.no_such", number=sanction_id)
            if visit.is_me(sanction.user) and not visit.actor.rights.is_owner:
                return visit.say("moderation.own_case")
            appeal = await AppealStore(session).decide(sanction_id, state, visit.user, reason, visit.now)
        if appeal is None:
            return visit.say("cases.decided_already", number=sanction_id)
        key = "modlog.granted" if state is AppealState.GRANTED else "modlog.denied"
        line = self._modlog.texts.get(
            key, number=sanction_id, user=sanction.user.id, reason=reason, moderator=visit.user.id
        )
        told = await self._modlog.tell(visit.community, line)
        return Answer(text=visit.texts.get("cases.decided", number=sanction_id), announcements=told)


def _reason_field(visit: Visit) -> FormField:
    return FormField(name="reason", label=visit.texts.get("cases.reason_field"), is_long=True, max_length=LONGEST_TEXT)


def _note_line(visit: Visit, note: Note) -> Line:
    moment = visit.texts.moment(note.created_at)
    return Line(text=visit.texts.get("cases.note", text=note.text, author=note.author.id, moment=moment))
