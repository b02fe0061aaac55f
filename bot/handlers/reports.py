"""Messages that people report to the moderators: taken from the context menu or /report, closed by a moderator."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.answers import Answer, ReportedMessage
from bot.commands import Role
from bot.desk import Value
from bot.handlers.modlog import Modlog
from bot.handlers.pages import Line
from bot.handlers.visit import Act, Book, Run, Visit, make_button
from storage.database import Database
from storage.reports import ReportStore

_MOST_AN_HOUR = 10
_LONGEST_TEXT, _LONGEST_LINK = 2000, 500


class ReportHandler:
    """Takes reports, and shows and closes them."""

    def __init__(self, database: Database, book: Book, modlog: Modlog) -> None:
        """Keep reports in `database`; tell moderators of them in their `modlog`."""
        self._database = database
        self._book = book
        self._modlog = modlog

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs; /report without a message that it replies to explains itself."""
        return {"report": self.explain}

    async def explain(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Say how a message is reported."""
        return visit.say("report.explain")

    async def take(self, visit: Visit, message: ReportedMessage) -> Answer:
        """Keep a report and tell the moderators."""
        if visit.community is None:
            return visit.say("report.private")
        if message.author == visit.user:
            return visit.say("report.own")
        link = message.link[:_LONGEST_LINK] or f"unknown:{secrets.token_hex(8)}"
        async with self._database.begin() as session:
            store = ReportStore(session)
            if await store.count_since(visit.user, visit.now - timedelta(hours=1)) >= _MOST_AN_HOUR:
                return visit.say("report.enough")
            report = await store.add(
                visit.user, message.author, visit.community.id, message.text[:_LONGEST_TEXT], link, visit.now
            )
        if report is None:  # somebody was faster; the moderators know already
            return visit.say("report.taken")
        line = self._modlog.texts.get("modlog.report", number=report.id, link=message.link)
        told = await self._modlog.tell(visit.community, line)
        return Answer(text=visit.texts.get("report.taken"), announcements=told)

    async def lines(self, visit: Visit) -> Sequence[Line]:
        """Return the open reports as lines of a list for moderators."""
        async with self._database.read() as session:
            reports = await ReportStore(session).waiting(visit.scope)
        return [
            Line(text=visit.texts.report_line(report), label=f"R{report.id}", act=self._look_at(report.id))
            for report in reports
        ]

    def _look_at(self, report_id: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            async with self._database.read() as session:
                reports = await ReportStore(session).waiting(visit.scope)
            report = next((each for each in reports if each.id == report_id), None)
            if report is None:
                return visit.say("report.closed_already", number=report_id)
            texts = visit.texts
            text = texts.get(
                "report.detail",
                number=report.id,
                user=report.author.id,
                reporter=report.reporter.id,
                moment=texts.moment(report.created_at),
                text=report.text,
                link=report.link,
            )
            label = texts.get("report.close_button")
            close = make_button(self._book, visit, label, self._closing(report.id), who=Role.MODERATOR, once=True)
            return Answer(text=text, buttons=((close,),))

        return act

    def _closing(self, report_id: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            async with self._database.begin() as session:
                closed = await ReportStore(session).close(report_id, visit.scope, visit.user, visit.now)
            key = "report.closed" if closed else "report.closed_already"
            return Answer(text=visit.texts.get(key, number=report_id), replaces=True)

        return act
