"""/memory list, edit, forget and pin: what she remembers of somebody, in their own hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.answers import Answer, Choice
from bot.desk import Value
from bot.handlers.memory import MemoryHandler
from bot.handlers.memory_cards import MemoryCards
from bot.handlers.pages import Line, Listing, show_page
from bot.handlers.visit import Act, Book, Complete, Run, Visit, matching


class MemoryCommands:
    """Shows memories by their number in the list and changes them."""

    def __init__(self, memories: MemoryHandler, book: Book, cards: MemoryCards) -> None:
        """Act through `memories`; a memory that is looked at is one of `cards`."""
        self._memories = memories
        self._book = book
        self._cards = cards
        self._listing = Listing(title_key="memory.title", empty_key="memory.none", read=self._lines)

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {
            "memory list": self.show,
            "memory edit": self.edit,
            "memory forget": self.forget,
            "memory pin": self.pin,
        }

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        names = ("memory edit", "memory forget", "memory pin")
        return {(name, "number"): self.complete_number for name in names}

    async def show(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Show what is remembered, oldest first, ten a page."""
        return await show_page(self._book, visit, self._listing)

    async def edit(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Give a memory another text, if that is safe to stand in front of a message."""
        number, value = int(arguments["number"]), str(arguments["value"])
        memory = await self._memories.find(visit.user, number)
        if memory is None:
            return visit.say("memory.no_such", number=number)
        return Answer(text=visit.texts.memory_edited(await self._memories.edit(visit.user, memory.id, value)))

    async def forget(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Forget a memory."""
        number = int(arguments["number"])
        memory = await self._memories.forget(visit.user, number)
        if memory is None:
            return visit.say("memory.no_such", number=number)
        return visit.say("memory.forgotten", memory=memory.text)

    async def pin(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Pin a memory, or unpin a pinned one."""
        number = int(arguments["number"])
        memory = await self._memories.find(visit.user, number)
        if memory is None:
            return visit.say("memory.no_such", number=number)
        pinned = await self._memories.pin(visit.user, memory.id, not memory.is_pinned)
        return Answer(text=visit.texts.memory_pinned(pinned))

    async def complete_number(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest the numbers of the list with their memories."""
        memories = await self._memories.list(visit.user)
        choices = [
            Choice(label=f"{number}. {memory.text}", value=str(number)) for number, memory in enumerate(memories, 1)
        ]
        return matching(choices, typed)

    async def _lines(self, visit: Visit) -> Sequence[Line]:
        memories = await self._memories.list(visit.user)
        sources = await self._memories.sources(visit.user)
        return [
            Line(
                text=visit.texts.memory_line(number, memory, sources.get(memory.id)),
                label=str(number),
                act=self._look_at(memory.id),
            )
            for number, memory in enumerate(memories, 1)
        ]

    def _look_at(self, memory_id: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await self._cards.show(visit, memory_id, back=self._back(), replaces=True)

        return act

    def _back(self) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await show_page(self._book, visit, self._listing, replaces=True)

        return act
