"""Check how text comes from the device thread to the event loop."""

from __future__ import annotations

import asyncio

import pytest

from models.errors import GenerationError
from models.receiver import Receiver
from models.types import FinishReason, Generation

WHOLE = Generation(text="안녕! 오늘 뭐 해?", finish_reason=FinishReason.STOP, new_tokens=4, first_token_s=0.01)


async def test_first_text_comes_at_once_and_the_rest_in_parts_that_make_the_whole() -> None:
    pieces: list[str] = []
    times = iter([0.0, 0.0, 0.01, 0.02, 0.05, 0.05, 0.06, 0.07])
    receiver = Receiver(pieces.append, clock=lambda: next(times))
    for text in ("안녕", "!", " 오늘", " 뭐", " 해?"):
        receiver.on_text(text)
    receiver.on_finish(WHOLE)
    assert await receiver.future == WHOLE
    assert pieces == ["안녕", "! 오늘 뭐", " 해?"]


async def test_text_that_was_held_back_is_not_shown_after_an_error() -> None:
    pieces: list[str] = []
    receiver = Receiver(pieces.append, clock=lambda: 0.0)
    receiver.on_text("안녕")
    receiver.on_text(" https://")
    receiver.on_error(GenerationError("out of memory"))
    with pytest.raises(GenerationError):
        await receiver.future
    assert pieces == ["안녕"]


async def test_caller_who_is_gone_is_told_nothing_more() -> None:
    pieces: list[str] = []
    receiver = Receiver(pieces.append)
    receiver.future.cancel()
    receiver.on_text("안녕")
    receiver.on_finish(WHOLE)
    await asyncio.sleep(0)
    assert pieces == []
