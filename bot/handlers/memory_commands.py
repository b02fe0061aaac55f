"""/memory list, edit, forget and pin: what she remembers of somebody, in their own hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.answers import Answer, ButtonStyle, Choice
from bot.desk import Value
from bot.handlers.memory import MemoryHandler
from bot.handlers.pages import Line, Listing, show_page
from bot.handlers.visit import Act, Book, Complete, Run, Visit, make_button, matching
from engine.memory import MemoryNote
from engine.memory_firewall import MemoryFirewall
from engine.plain_text import remove_invisible
from storage.records import Memory


class MemoryCommands:
    """Shows memories by their number in the list and changes them."""

    def __init__(self, memories: MemoryHandler, book: Book, firewall: MemoryFirewall) -> None:
        """Act through `memories`; ask `firewall` what a person may write."""
        self._memories = memories
        self._firewall = firewall
        self._book = book
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
        return await self._edit(visit, memory, value)

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
        return await self._pin(visit, memory)

    async def complete_number(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest the numbers of the list with their memories."""
        memories = await self._memories.list(visit.user)
        choices = [
            Choice(label=f"{number}. {memory.text}", value=str(number)) for number, memory in enumerate(memories, 1)
        ]
        return matching(choices, typed)

    async def _lines(self, visit: Visit) -> Sequence[Line]:
        memories = await self._memories.list(visit.user)
        return [
            Line(
                text=visit.texts.get(
                    "memory.pinned_item" if memory.is_pinned else "memory.item", number=number, memory=memory.text
                ),
                label=str(number),
                act=self._look_at(memory.id),
            )
            for number, memory in enumerate(memories, 1)
        ]

    def _look_at(self, memory_id: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            memory = next((each for each in await self._memories.list(visit.user) if each.id == memory_id), None)
            if memory is None:
                return replace(visit.say("memory.gone"), replaces=True)
            texts = visit.texts
            label = texts.get("memory.unpin_button" if memory.is_pinned else "memory.pin_button")
            buttons = (
                make_button(self._book, visit, label, self._pinning(memory_id)),
                make_button(
                    self._book,
                    visit,
                    texts.get("memory.forget_button"),
                    self._forgetting(memory_id),
                    style=ButtonStyle.DANGER,
                ),
                make_button(self._book, visit, texts.get("page.back"), self._back()),
            )
            text = texts.get("memory.detail", memory=memory.text, moment=texts.moment(memory.updated_at))
            return Answer(text=text, buttons=(buttons,), replaces=True)

        return act

    def _pinning(self, memory_id: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            memory = next((each for each in await self._memories.list(visit.user) if each.id == memory_id), None)
            done = visit.say("memory.gone") if memory is None else await self._pin(visit, memory)
            return replace(done, replaces=True)

        return act

    def _forgetting(self, memory_id: int) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            memory = await self._memories.forget_by_id(visit.user, memory_id)
            done = visit.say("memory.gone") if memory is None else visit.say("memory.forgotten", memory=memory.text)
            return replace(done, replaces=True)

        return act

    def _back(self) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            return await show_page(self._book, visit, self._listing, replaces=True)

        return act

    async def _pin(self, visit: Visit, memory: Memory) -> Answer:
        changed = await self._memories.pin(visit.user, memory.id, not memory.is_pinned)
        if changed is None:
            return visit.say("memory.gone")
        return visit.say("memory.pinned" if changed.is_pinned else "memory.unpinned", memory=changed.text)

    async def _edit(self, visit: Visit, memory: Memory, typed: str) -> Answer:
        """Give a memory another value, unless the firewall objects to it."""
        value = " ".join(remove_invisible(typed).split())
        if (objection := await self._firewall.object_to(MemoryNote(key=memory.key, value=value))) is not None:
            return visit.say(f"unfit.{objection}")
        edited = await self._memories.edit(visit.user, memory.id, value)
        return visit.say("memory.edited", memory=edited.text) if edited else visit.say("memory.gone")
