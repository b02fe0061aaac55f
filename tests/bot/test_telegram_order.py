"""Updates of a chat keep their order; chats do not wait for each other."""

from __future__ import annotations

import asyncio

from telegram import Update

from bot.telegram_order import OrderedByChat


def update(number: int, chat: int) -> Update:
    message = {"message_id": number, "date": 0, "chat": {"id": chat, "type": "private"}, "text": "a"}
    found = Update.de_json({"update_id": number, "message": message})
    assert found is not None
    return found


async def test_updates_of_a_chat_run_one_after_another_and_chats_at_once() -> None:
    order = OrderedByChat(8)
    gate, begun = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def slow(number: int) -> None:
        seen.append(f"begin {number}")
        begun.set()
        await gate.wait()
        seen.append(f"end {number}")

    async def quick(number: int) -> None:
        seen.append(f"quick {number}")

    first = asyncio.create_task(order.process_update(update(1, 1), slow(1)))
    second = asyncio.create_task(order.process_update(update(2, 1), quick(2)))
    third = asyncio.create_task(order.process_update(update(3, 1), quick(3)))
    await begun.wait()
    await order.process_update(update(4, 2), quick(4))
    assert seen == ["begin 1", "quick 4"]
    gate.set()
    await asyncio.gather(first, second, third)
    assert seen == ["begin 1", "quick 4", "end 1", "quick 2", "quick 3"]
    assert not order._locks


async def test_failure_of_one_update_does_not_hold_its_chat() -> None:
    order = OrderedByChat(8)

    async def fail() -> None:
        raise ValueError

    async def pass_on() -> str:
        return "on"

    results = await asyncio.gather(
        order.process_update(update(1, 1), fail()),
        order.process_update(update(2, 1), pass_on()),
        return_exceptions=True,
    )
    assert isinstance(results[0], ValueError)
    assert results[1] is None


async def test_update_without_a_chat_is_processed() -> None:
    seen: list[int] = []

    async def note() -> None:
        seen.append(1)

    await OrderedByChat(8).process_update(object(), note())
    assert seen == [1]
