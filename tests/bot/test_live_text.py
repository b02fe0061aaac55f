"""Check that a reply is shown at its pace while it is written, taken back and ended."""

from __future__ import annotations

import asyncio

from bot.live_text import LiveText
from bot.stream_pace import Cadence
from engine.types import TextShown, TextWithdrawn

AT_ONCE = Cadence(first_s=0, every_s=0)
LIMIT_S = 30


async def test_versions_grow_and_end() -> None:
    live, seen = LiveText(AT_ONCE), list[str]()
    async with asyncio.timeout(LIMIT_S):
        live.show(TextShown(text="안"))
        async for text in live.versions():
            seen.append(text)
            if text == "안":
                live.show(TextShown(text="녕"))
            else:
                live.finish()
    assert seen == ["안", "안녕"]
    assert live.text == "안녕"


async def test_text_that_is_taken_back_is_shown_as_empty() -> None:
    live, seen = LiveText(AT_ONCE), list[str]()
    async with asyncio.timeout(LIMIT_S):
        live.show(TextShown(text="앗"))
        async for text in live.versions():
            seen.append(text)
            if text:
                live.show(TextWithdrawn())
            else:
                live.finish()
    assert seen == ["앗", ""]


async def test_pieces_between_two_edits_are_shown_together() -> None:
    live, seen = LiveText(Cadence(first_s=0, every_s=0.2)), list[str]()
    async with asyncio.timeout(LIMIT_S):
        live.show(TextShown(text="하나"))
        async for text in live.versions():
            seen.append(text)
            if text == "하나":
                for piece in "둘셋넷":
                    live.show(TextShown(text=piece))
            else:
                live.finish()
    assert seen == ["하나", "하나둘셋넷"]


async def test_finish_ends_the_wait_for_the_next_edit() -> None:
    live = LiveText(Cadence(first_s=3600))
    live.show(TextShown(text="안녕"))
    asyncio.get_running_loop().call_soon(live.finish)
    async with asyncio.timeout(LIMIT_S):
        assert [text async for text in live.versions()] == []
