"""/status and /appeal: one's own warnings and blocks, and what one has to say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.answers import Answer, Choice, Form, FormField
from bot.button_book import LIFETIME
from bot.desk import Value
from bot.handlers.pages import Line, Listing, show_page
from bot.handlers.sanctions import SanctionHandler
from bot.handlers.visit import Act, Book, Complete, Run, Visit, make_button, matching
from storage.appeals import AppealStore
from storage.database import Database
from storage.records import Appeal, AppealState, Sanction
from storage.sanctions import SanctionStore

LONGEST_APPEAL = 1000
MOST_APPEALS = 3  # of one sanction


class OwnSanctionHandler:
    """Shows a person their own sanctions and takes appeals."""

    def __init__(self, database: Database, book: Book, cooldown: timedelta) -> None:
        """Read and write `database`; after a denied appeal a sanction can be appealed again once `cooldown` is over."""
        self._database = database
        self._book = book
        self._cooldown = cooldown
        self._sanctions = SanctionHandler(database)
        self._listing = Listing(title_key="status.title", empty_key="sanctions.none", read=self._lines)

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {"status": self.show, "appeal": self.appeal}

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        return {("appeal", "sanction"): self.complete_sanction}

    async def show(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Show one's own warnings and blocks, newest first, ten a page."""
        return await show_page(self._book, visit, self._listing)

    async def appeal(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Ask for what this person has to say against a sanction: the given one, else the newest."""
        sanctions = await self._sanctions.list(visit.user)
        if "sanction" in arguments:
            sanctions = [each for each in sanctions if each.id == arguments["sanction"]]
        if not sanctions:
            return visit.say("appeal.nothing")
        return await self._ask(visit, sanctions[0])

    async def complete_sanction(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest one's own sanctions."""
        lines = [
            Choice(label=visit.texts.sanction_line(each, visit.now), value=str(each.id))
            for each in await self._sanctions.list(visit.user)
        ]
        return matching(lines, typed)

    async def _lines(self, visit: Visit) -> Sequence[Line]:
        return [
            Line(text=visit.texts.sanction_line(each, visit.now), label=f"#{each.id}", act=self._look_at(each.id))
            for each in await self._sanctions.list(visit.user)
        ]

    def _look_at(self, sanction_id: int | None) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            async with self._database.read() as session:
                found = [each for each in await SanctionStore(session).of_user(visit.user) if each.id == sanction_id]
                if not found or sanction_id is None:
                    return visit.say("appeal.nothing")
                changes = await SanctionStore(session).changes([sanction_id])
                appeals = await AppealStore(session).of_sanction(sanction_id)
            texts = visit.texts
            lines = [texts.sanction_line(found[0], visit.now)]
            lines += [texts.sanction_change(change) for change in changes]
            lines += [texts.appeal(appeal) for appeal in appeals]
            buttons = [make_button(self._book, visit, texts.get("page.back"), self._back())]
            if not any(appeal.state is AppealState.OPEN for appeal in appeals) and len(appeals) < MOST_APPEALS:
                label = texts.get("appeal.button")
                buttons.insert(0, make_button(self._book, visit, label, self._asking(found[0]), opens_form=True))
            return Answer(text="\n".join(lines), buttons=(tuple(buttons),), replaces=True)

        return act

    def _back(self) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await show_page(self._book, visit, self._listing, replaces=True)

        return act

    def _asking(self, sanction: Sanction) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await self._ask(visit, sanction)

        return act

    async def _ask(self, visit: Visit, sanction: Sanction) -> Answer:
        """Open the form, unless another appeal could not be taken anyway."""
        async with self._database.read() as session:
            appeals = await AppealStore(session).of_sanction(sanction.id or 0)
        if (refusal := self._why_not(visit, appeals)) is not None:
            return refusal

        async def act(visit: Visit, values: Mapping[str, str]) -> Answer:
            return await self._take(visit, sanction, values.get("text", ""))

        field = FormField(
            name="text",
            label=visit.texts.get("appeal.field"),
            placeholder=visit.texts.get("appeal.placeholder"),
            is_long=True,
            max_length=LONGEST_APPEAL,
        )
        token = self._book.issue(act, presser=visit.user, lifetime=LIFETIME, once=True)
        title = visit.texts.get("appeal.title", number=sanction.id)
        return Answer(form=Form(token=token, title=title, fields=(field,)))

    async def _take(self, visit: Visit, sanction: Sanction, text: str) -> Answer:
        text = text.strip()
        if not 0 < len(text) <= LONGEST_APPEAL or sanction.id is None:
            return visit.say("appeal.length", most=LONGEST_APPEAL)
        async with self._database.begin() as session:
            store = AppealStore(session)
            if (refusal := self._why_not(visit, await store.of_sanction(sanction.id))) is not None:
                return refusal
            appeal = await store.open(sanction, text, visit.now, visit.texts.language)
        key = "appeal.open_already" if appeal is None else "appeal.taken"
        return visit.say(key, number=sanction.id)

    def _why_not(self, visit: Visit, appeals: Sequence[Appeal]) -> Answer | None:
        """Say why a sanction with these appeals cannot be appealed now; None where it can."""
        if any(appeal.state is AppealState.OPEN for appeal in appeals):
            return visit.say("appeal.open_already")
        if len(appeals) >= MOST_APPEALS:
            return visit.say("appeal.enough", most=MOST_APPEALS)
        denied = [each.decided_at for each in appeals if each.decided_at and each.state is AppealState.DENIED]
        again_at = max(denied, default=visit.now - self._cooldown) + self._cooldown
        return visit.say("appeal.too_soon", moment=visit.texts.moment(again_at)) if again_at > visit.now else None
