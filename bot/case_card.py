"""The card of a case in a modlog: what it is and how it stands, with buttons for its moderators. No evidence is on it.

Who reads a modlog is its admins' choice; what was said, and what the user says against it, is shown to moderators who press.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.answers import Button, ButtonStyle
from bot.handlers.decisions import Verdict
from bot.rendering import Texts
from bot.standing_buttons import standing_button
from storage.records import Appeal, AppealState, Sanction, SanctionChange, SanctionState

CASE = "case"  # the button that shows the whole case


def card_text(
    texts: Texts, sanction: Sanction, changes: Sequence[SanctionChange], appeals: Sequence[Appeal], now: datetime
) -> str:
    """Write a card: the sanction as it stands now, then what happened to it, a line each."""
    state = texts.get(f"sanction_state.{sanction.state(now)}")
    lines = [texts.get("case_card.title", case=texts.case_line(sanction, now, is_whole=True), state=state)]
    events = [
        (appeal.created_at, texts.get("card.appealed", moment=texts.moment(appeal.created_at))) for appeal in appeals
    ]
    events += [(change.changed_at, texts.card_change(change)) for change in changes]
    events += [(a.decided_at, texts.card_denial(a)) for a in appeals if a.decided_at and a.state is AppealState.DENIED]
    lines += [line for _, line in sorted(events, key=lambda event: event[0])]
    if any(appeal.state is AppealState.OPEN for appeal in appeals):
        lines.append(texts.get("card.waiting"))
    return "\n".join(lines)


def card_buttons(texts: Texts, sanction: Sanction, appeals: Sequence[Appeal], now: datetime) -> tuple[Button, ...]:
    """Return what stands below a card: the case, and what can be decided in it."""
    case = standing_button(texts.get("cases.case_button"), CASE, str(sanction.id))
    return case, *decision_buttons(texts, sanction, appeals, now)


def decision_buttons(texts: Texts, sanction: Sanction, appeals: Sequence[Appeal], now: datetime) -> tuple[Button, ...]:
    """Return a button for everything that can be decided in a case as it stands."""
    offered = [(Verdict.END, ButtonStyle.PLAIN)] if sanction.holds(now) else []
    if sanction.decision is not SanctionState.OVERTURNED:
        offered.append((Verdict.OVERTURN, ButtonStyle.PRIMARY))
    if any(appeal.state is AppealState.OPEN for appeal in appeals):
        offered.append((Verdict.UPHOLD, ButtonStyle.DANGER))
    return tuple(
        standing_button(
            texts.get(f"cases.{verdict}_button"), verdict.value, str(sanction.id), style=style, opens_form=True
        )
        for verdict, style in offered
    )
