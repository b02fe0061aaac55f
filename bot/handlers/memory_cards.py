"""The card of a memory: what is remembered, where it comes from and when it was last used, to edit, forget, pin or undo.

It opens from the mark on a reply that left a memory, by the turn's request id, and from `/memory`. Memories are looked up by
who presses, so nobody gets to see another person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.answers import Answer, Button, ButtonStyle, Form, FormField
from bot.button_book import LIFETIME
from bot.handlers.memory import MemoryHandler
from bot.handlers.visit import Act, Book, Visit, make_button
from engine.memory_firewall import MAX_VALUE
from storage.records import Memory, MemoryChange

CARD = "memory"  # the standing button on a reply; it is about a request id


class MemoryCards:
    """Shows the cards of a person's own memories and does what their buttons say."""

    def __init__(self, memories: MemoryHandler, book: Book) -> None:
        """Act through `memories`."""
        self._memories = memories
        self._book = book

    async def show_turn(self, visit: Visit, request_id: str) -> Answer:
        """Show what a turn of this person left in memory; for the mark on a reply."""
        change = await self._memories.change_of_turn(visit.user, request_id)
        if change is None:
            return visit.say("memory.not_of_turn")
        return await self.show(visit, change.memory_id)

    async def show(self, visit: Visit, memory_id: int, *, back: Act | None = None, replaces: bool = False) -> Answer:
        """Show the card of a memory; `back` is what leads back to where it was opened."""
        changes = await self._memories.changes_of(visit.user, memory_id)
        if not changes:
            return replace(visit.say("memory.gone"), replaces=replaces)
        memory = next((each for each in await self._memories.list(visit.user) if each.id == memory_id), None)
        text = visit.texts.memory_card(memory, changes)
        row = self._buttons(visit, memory_id, memory, changes, back)
        return Answer(text=text, buttons=(row,), replaces=replaces)

    def _buttons(
        self, visit: Visit, memory_id: int, memory: Memory | None, changes: Sequence[MemoryChange], back: Act | None
    ) -> tuple[Button, ...]:
        def button(key: str, act: Act, style: ButtonStyle = ButtonStyle.PLAIN, *, opens_form: bool = False) -> Button:
            label = visit.texts.get(key)
            return make_button(self._book, visit, label, act, style=style, opens_form=opens_form)

        row = []
        if memory is not None:
            pin_key = "memory.unpin_button" if memory.is_pinned else "memory.pin_button"
            row.append(button("memory.edit_button", self._asking(memory, back), opens_form=True))
            row.append(button("memory.forget_button", self._forgetting(memory_id, back), ButtonStyle.DANGER))
            row.append(button(pin_key, self._pinning(memory, back)))
        row.append(button("memory.undo_button", self._undoing(changes[-1], back)))
        if back is not None:
            row.append(button("page.back", back))
        return tuple(row)

    def _asking(self, memory: Memory, back: Act | None) -> Act:
        async def edit(visit: Visit, values: Mapping[str, str]) -> Answer:
            done = await self._memories.edit(visit.user, memory.id, values.get("value", ""))
            return await self._tell(visit, visit.texts.memory_edited(done), memory.id, back)

        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            field = FormField(
                name="value",
                label=visit.texts.get("memory.edit_field", name=memory.key),
                placeholder=memory.value,
                max_length=MAX_VALUE,
            )
            token = self._book.issue(edit, presser=visit.user, lifetime=LIFETIME, once=True)
            return Answer(form=Form(token=token, title=visit.texts.get("memory.edit_title"), fields=(field,)))

        return act

    def _forgetting(self, memory_id: int, back: Act | None) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            done = await self._memories.forget_by_id(visit.user, memory_id)
            line = visit.texts.get("memory.forgotten", memory=done.text) if done else visit.texts.get("memory.gone")
            return await self._tell(visit, line, memory_id, back)

        return act

    def _pinning(self, memory: Memory, back: Act | None) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            done = await self._memories.pin(visit.user, memory.id, not memory.is_pinned)
            return await self._tell(visit, visit.texts.memory_pinned(done), memory.id, back)

        return act

    def _undoing(self, change: MemoryChange, back: Act | None) -> Act:
        async def act(visit: Visit, _: Mapping[str, str]) -> Answer:
            done = await self._memories.undo(visit.user, change)
            return await self._tell(visit, visit.texts.memory_undone(done), change.memory_id, back)

        return act

    async def _tell(self, visit: Visit, line: str, memory_id: int, back: Act | None) -> Answer:
        """Say what came of it above the card as it is now."""
        card = await self.show(visit, memory_id, back=back, replaces=True)
        return replace(card, text=f"{line}\n\n{card.text}")
