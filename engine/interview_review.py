"""Spaced repetition: which answers come first next time, and which are left out until they are due.

Leitner's boxes (S. Leitner, So lernt man lernen, 1972): what is answered at once moves up a box, what needed help stays, what was
missed goes back to the first. The time until a card is due doubles with each box, as Settles and Meeder 2016 (A Trainable Spaced
Repetition Model for Language Learning, ACL, section 3.1) put it; cards of the first box are due at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from engine.interview import Plan
from engine.interview_report import AnswerState, Report
from models.interview_bank import QuestionBank
from storage.interview_records import ReviewCard

BOXES = 6


def interval(box: int) -> timedelta:
    """Return how long a card of `box` rests: nothing, then 2, 4, 8, 16, 32 days."""
    return timedelta(days=0 if box == 1 else 2 ** (box - 1))


def review(report: Report, cards: Sequence[ReviewCard], now: datetime) -> list[ReviewCard]:
    """Return the cards of everything that was asked in an interview, moved to their new boxes."""
    boxes = {(card.question, card.label): card.box for card in cards}
    moved = []
    for question in report.questions:
        for answer in question.answers:
            if answer.state is AnswerState.NOT_REACHED:
                continue
            box = boxes.get((question.label, answer.label), 1)
            if answer.state is AnswerState.MISSED:
                box = 1
            elif answer.was_easy:
                box = min(box + 1, BOXES)
            card = ReviewCard(
                bank=report.bank,
                question=question.label,
                label=answer.label,
                box=box,
                asked_at=now,
                due_at=now + interval(box),
            )
            moved.append(card)
    return moved


def make_plan(bank: QuestionBank, cards: Iterable[ReviewCard], now: datetime) -> Plan:
    """Return what comes first and what is left out: questions with a card in the first box, and those with none that is due.

    Where nothing is due, everything is asked: who practises before the time may.
    """
    graded = {question.label for question in bank.questions if question.is_graded}
    known = [card for card in cards if card.question in graded]
    first = frozenset(card.question for card in known if card.box == 1)
    due = {card.question for card in known if card.due_at <= now}
    resting = frozenset(card.question for card in known) - due
    return Plan(first=first, left_out=resting if graded - resting else frozenset())
