"""The cards of interviews, and what is open in a conversation: read from storage for whoever shows them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.answers import Attachment
from bot.rendering import Texts
from bot.report_card import write_card_page, write_card_text
from bot.report_chart import draw_chart_png
from engine.interview_banks import BankShelf
from engine.interview_report import Report, build_report
from storage.database import Database
from storage.interview_records import Interview, InterviewState
from storage.interviews import InterviewStore
from storage.records import ConversationKey, UserKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as text, as a picture of its chart, and as a page to keep."""

    text: str
    picture: Attachment
    page: Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewStatus:
    """What is open in a conversation, and whether it is this user's; `text` says it, with the last card where nothing is open."""

    text: str
    open: Interview | None
    is_own: bool


class InterviewCards:
    """Reads cards by interview and by user."""

    def __init__(self, database: Database, banks: BankShelf) -> None:
        """Read `database`; a card needs the bank of its interview."""
        self._database = database
        self._banks = banks

    async def card(self, interview_id: int, texts: Texts) -> Card | None:
        """Return the card of an interview; None where it, or its bank, is gone."""
        async with self._database.read() as session:
            interview = await InterviewStore(session).get(interview_id)
        report = None if interview is None else self._report(interview)
        return None if report is None else await asyncio.to_thread(_make_card, report, texts)

    async def status(self, user: UserKey, conversation: ConversationKey, texts: Texts) -> InterviewStatus:
        """Say what is open in a conversation; where nothing is, how this user's last interview went."""
        async with self._database.read() as session:
            store = InterviewStore(session)
            open_ = await store.open_in(conversation)
            past = [each for each in await store.of_user(user) if each.state is InterviewState.ENDED]
        if open_ is not None and open_.user == user:
            text = texts.get(f"interview.{open_.state}", title=self.title(open_.bank), question=open_.question)
            return InterviewStatus(text=text, open=open_, is_own=True)
        lines = [texts.get("interview.taken" if open_ is not None else "interview.how")]
        report = self._report(past[-1]) if past else None
        if report is not None:
            lines += ["", write_card_text(report, texts)]
        return InterviewStatus(text="\n".join(lines), open=open_, is_own=False)

    def bank_names(self) -> list[str]:
        """Return the names of the banks, the default one first."""
        return self._banks.names()

    def title(self, bank: str) -> str:
        """Return a bank's title; its name where it cannot be read."""
        found = self._banks.find(bank)
        return bank if found is None else found.title

    def _report(self, interview: Interview) -> Report | None:
        bank = self._banks.find(interview.bank)
        return None if bank is None else build_report(bank, interview)


def _make_card(report: Report, texts: Texts) -> Card:
    name = f"interview-{report.ended_at:%Y%m%d-%H%M}"
    return Card(
        text=write_card_text(report, texts),
        picture=Attachment(name=f"{name}.png", data=draw_chart_png(report, texts), media_type="image/png"),
        page=Attachment(name=f"{name}.html", data=write_card_page(report, texts), media_type="text/html"),
    )
