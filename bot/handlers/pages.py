"""Lists of any length, ten lines a page, with buttons to turn the page and to look at a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.answers import Answer, Button
from bot.commands import Role
from bot.handlers.visit import Act, Book, Visit, make_button

PAGE = 10
_BUTTONS_A_ROW = 5  # what Discord shows in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a list; `act` is what its button does, which bears `label`."""

    text: str
    label: str = ""
    act: Act | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that is read anew for every page: its heading, what is said when it is empty, and who may turn its pages."""

    title_key: str
    empty_key: str
    read: Callable[[Visit], Awaitable[Sequence[Line]]]
    who: Role = Role.EVERYONE


async def show_page(book: Book, visit: Visit, listing: Listing, number: int = 0, *, replaces: bool = False) -> Answer:
    """Show a page of a list, counted from 0; past the end the last one."""
    lines = await listing.read(visit)
    if not lines:
        return Answer(text=visit.texts.get(listing.empty_key), replaces=replaces)
    pages = (len(lines) + PAGE - 1) // PAGE
    number = min(max(number, 0), pages - 1)
    shown = lines[number * PAGE : (number + 1) * PAGE]
    parts = [visit.texts.get(listing.title_key), *(line.text for line in shown)]
    if pages > 1:
        parts.append(visit.texts.get("page.number", number=number + 1, pages=pages))
    looking = [
        make_button(book, visit, line.label, line.act, who=listing.who) for line in shown if line.act is not None
    ]
    rows = [tuple(looking[start : start + _BUTTONS_A_ROW]) for start in range(0, len(looking), _BUTTONS_A_ROW)]
    if turning := _turning(book, visit, listing, number, pages):
        rows.append(turning)
    return Answer(text="\n".join(parts), buttons=tuple(rows), replaces=replaces)


def _turning(book: Book, visit: Visit, listing: Listing, number: int, pages: int) -> tuple[Button, ...]:
    def turn(to: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await show_page(book, visit, listing, to, replaces=True)

        return act

    buttons = []
    if number > 0:
        label = visit.texts.get("page.previous")
        buttons.append(make_button(book, visit, label, turn(number - 1), who=listing.who))
    if number < pages - 1:
        label = visit.texts.get("page.next")
        buttons.append(make_button(book, visit, label, turn(number + 1), who=listing.who))
    return tuple(buttons)
