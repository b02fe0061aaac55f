"""Put an exchange that somebody wrote into the terms of another message: its memory, its day, its part of the day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from models.fronts import split_front
from models.training.slots import PARTS_OF_DAY, WEEKDAYS, exchange_word
from models.types import WrittenExchange

_NAMES = frozenset({"이름", "별명"})
_TIMES = re.compile("|".join((*WEEKDAYS, *PARTS_OF_DAY)))
_OF_A_DAY = re.compile("주말|불금|한 주|월요병|쉬는 날|출근|퇴근|아침|밤")
"""What a line says of some days, or some times of day, only."""


def as_said_in(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with memory and time of `final_input`; None where it cannot be put so."""
    recalling = _with_memory_of(final_input, exchange)
    return None if recalling is None else _at_time_of(final_input, recalling)


def recalled_memory(final_input: str) -> tuple[str, str]:
    """Return key and value of the memory that stands in front, or nothing twice."""
    front, _, _ = split_front(final_input)
    key, _, value = front.strip(" []").partition(": ") if front.startswith("[") else ("", "", "")
    return key, value


def _with_memory_of(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with the value of the memory in front of `final_input`; None where another value would still be spoken of."""
    (key, old), (_, new) = recalled_memory(exchange.input), recalled_memory(final_input)
    if not key or old == new:
        return exchange
    put_in = partial(exchange_word, old=old, new=new, is_name=key in _NAMES)
    parts = [word for word in old.split() if len(word) > 1 and word not in new]
    answers = tuple(
        changed
        for changed in map(put_in, exchange.answers)
        if not any(part in changed.replace(new, "") for part in parts)
    )
    return replace(exchange, input=put_in(exchange.input), answers=answers) if answers else None


def _at_time_of(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with its weekdays moved to the day of `final_input` and its part of the day; without answers that only hold on its own day."""
    (_, then, _), (_, now, _) = split_front(exchange.input), split_front(final_input)
    if not then or then == now:
        return exchange
    bound = [bool(_OF_A_DAY.search(answer) or (not now and _TIMES.search(answer))) for answer in exchange.answers]
    answers = tuple(answer for answer, is_bound in zip(exchange.answers, bound, strict=True) if not is_bound)
    if not answers:
        return None
    if not now:
        return replace(exchange, answers=answers)
    (day_then, part_then), (day_now, part_now) = _TIMES.findall(then), _TIMES.findall(now)
    days = WEEKDAYS.index(day_now) - WEEKDAYS.index(day_then)

    def move(text: str) -> str:
        return _TIMES.sub(lambda match: _moved(match[0], days, {part_then: part_now}), text)

    return replace(exchange, input=move(exchange.input), answers=tuple(map(move, answers)))


def _moved(word: str, days: int, parts: Mapping[str, str]) -> str:
    return WEEKDAYS[(WEEKDAYS.index(word) + days) % len(WEEKDAYS)] if word in WEEKDAYS else parts.get(word, word)
