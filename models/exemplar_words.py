"""Put an exchange that somebody wrote into the terms of another message: its memory, its day, its numbers and its name."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from models.exemplar_names import with_name_of
from models.exemplar_numbers import with_numbers_of
from models.fronts import split_front
from models.training.slots import PARTS_OF_DAY, WEEKDAYS, exchange_word
from models.types import WrittenExchange

_SHORTEST_VALUE, _LONGEST_VALUE = 2, 12
"""Characters of a value that gives way, and of one that takes its place: one syllable stands in too many words, and a sentence fits nowhere."""
_NAMES, _PHRASES = frozenset({"이름", "별명"}), frozenset({"상태"})
_NAMED_DAY, _NAMED_PART = re.compile("|".join(WEEKDAYS)), re.compile("|".join(PARTS_OF_DAY))
_TIMES = re.compile(f"{_NAMED_DAY.pattern}|{_NAMED_PART.pattern}")
_OF_A_DAY = re.compile("주말|불금|한 주|월요병|쉬는 날|출근|퇴근|아침|밤")
"""What a line says of some days, or some times of day, only."""


def as_said_in(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with memory, day, numbers and name of `final_input`; None where it cannot be put so."""
    found: WrittenExchange | None = exchange
    # The day first: one in the user's own memory stays.
    for put_in in (_at_time_of, _with_memory_of, with_numbers_of, with_name_of):
        found = put_in(final_input, found) if found else None
    return found


def recalled_memory(final_input: str) -> tuple[str, str]:
    """Return key and value of the memory that stands in front, or nothing twice."""
    front, _, _ = split_front(final_input)
    key, _, value = front.strip(" []").partition(": ") if front.startswith("[") else ("", "", "")
    return key, value


def _with_memory_of(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with the value of the memory in front of `final_input`, and those answers that speak of it; None where there are none.

    An answer that does not name the value may still take it for granted, and a state is put in other words each time.
    """
    (key, old), (_, new) = recalled_memory(exchange.input), recalled_memory(final_input)
    if not key or old == new:
        return exchange
    if key in _PHRASES or len(old) < _SHORTEST_VALUE or len(new) > _LONGEST_VALUE:
        return None
    put_in = partial(exchange_word, old=old, new=new, is_name=key in _NAMES)
    parts = [word for word in old.split() if len(word) > 1 and word not in new]
    changed = [put_in(answer) for answer in exchange.answers if old in answer]
    answers = tuple(answer for answer in changed if not any(part in answer.replace(new, "") for part in parts))
    return replace(exchange, input=put_in(exchange.input), answers=answers) if answers else None


def _at_time_of(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with its weekdays moved to the day of `final_input`, without answers that hold only at their own time.

    None where the message itself names another day or part of the day, or no answer is left.
    """
    (front, then, message), (_, now, _) = split_front(exchange.input), split_front(final_input)
    if not then or then == now:
        return exchange
    times_then, times_now = _TIMES.findall(then), _TIMES.findall(now)
    if len(times_then) != 2 or (now and len(times_now) != 2):
        return None
    day_then, part_then = times_then
    day_now, part_now = times_now if now else ("", "")
    bound = [_OF_A_DAY]
    bound += [_NAMED_PART] if part_then != part_now else []
    bound += [] if now else [_NAMED_DAY]
    answers = tuple(answer for answer in exchange.answers if not any(pattern.search(answer) for pattern in bound))
    names_another = (day_then != day_now and _NAMED_DAY.search(message)) or (
        part_then != part_now and _NAMED_PART.search(message)
    )
    if not answers or names_another:
        return None
    if now:
        days = WEEKDAYS.index(day_now) - WEEKDAYS.index(day_then)
        answers = tuple(_NAMED_DAY.sub(lambda match: _days_after(match[0], days), answer) for answer in answers)
    return replace(exchange, input=f"{front}{now}{message}", answers=answers)


def _days_after(weekday: str, days: int) -> str:
    return WEEKDAYS[(WEEKDAYS.index(weekday) + days) % len(WEEKDAYS)]
