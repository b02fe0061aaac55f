"""Put an exchange that somebody wrote into the terms of another message: its memory, its day, its numbers and its name."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

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
_INTRODUCTION = re.compile(
    r"(?:^|[\s,.!])(?:나|난|나는|저|전|저는|나를|저를|날) (?P<name>[가-힣]{2,4}?)(?<![병증암염])(?:이?라고 ?(?:해|합|불|부)|이?라 ?합)"
    r"|이름[은이] ?(?P<named>[가-힣]{2,4}?)(?:이?야|이에요|예요|입니다|이?요)(?![가-힣])"
)
_NAME_ALONE = re.compile(
    r"이름을? ?(?:물|질문)\w* \(사용자 질문\) ?(?!비밀|안|몰|글쎄|그냥|아직|싫|없|맞|뭐|왜|너|네|니|로라|오로라)"
    r"(?P<name>[가-힣]{2,4}?)(?:이?야|이에요|예요|입니다|이?요)?[^가-힣]*$"
)
_FULL_NAME = 3  # syllables, the first of them the family's
_ANY_NAME = "○○"
_NUMBER = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)*[만천백억]*|(?<![가-힣])(?:(?:열|스물|스무|서른|마흔|쉰|예순|일흔|여든|아흔)"
    r"(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉)?|한|두|세|네|다섯|여섯|일곱|여덟|아홉))\s?"
    r"(?P<unit>개월|시간|숟갈|접시|마리|번|개|시|살|명|잔|병|권|장|그릇|달|년|판|곡|통|켤레|벌|채|송이|조각|[가-힣])"
)
_NATIVE = frozenset(
    [
        "개월",
        "시간",
        "숟갈",
        "접시",
        "마리",
        "번",
        "개",
        "시",
        "살",
        "명",
        "잔",
        "병",
        "권",
        "장",
        "그릇",
        "달",
        "년",
        "판",
        "곡",
        "통",
        "켤레",
        "벌",
        "채",
        "송이",
        "조각",
    ]
)
_IDIOM = ("한", "번")
_TO_CALL = frozenset(["109", "110", "112", "117", "119", "182", "1366", "1388", "1393", "1577"])
"""Numbers that stay what they are."""


def as_said_in(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with memory and day of `final_input`; None where it cannot be put so."""
    found = _at_time_of(final_input, exchange)  # first: a day in the user's own memory stays
    found = None if found is None else _with_memory_of(final_input, found)
    found = None if found is None else with_numbers_of(final_input, found)
    return None if found is None else with_name_of(final_input, found)


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


def with_numbers_of(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with the numbers of `final_input` in the places of its own that count the same; None where no answer is left.

    An answer that repeats a number of its own message for which this one has none is left out, and one that reckons with such a number.
    """
    if not (then := _find_numbers(exchange.input)):
        return exchange
    now = _find_numbers(final_input)
    changed = {
        unit: (then[unit][0], now[unit][0]) for unit in then if _is_one(then[unit]) and _is_one(now.get(unit, []))
    }
    changed = {unit: pair for unit, pair in changed.items() if pair[0] != pair[1]}
    answers = tuple(
        put_in for answer in exchange.answers if (put_in := _exchange_numbers(answer, then, now, changed)) is not None
    )
    if not answers:
        return None
    return replace(exchange, input=_put_numbers(exchange.input, changed), answers=answers)


def _exchange_numbers(
    answer: str, then: dict[str, list[str]], now: dict[str, list[str]], changed: dict[str, tuple[str, str]]
) -> str | None:
    for unit, numbers in _find_numbers(answer).items():
        for number in numbers:
            is_stale = number in then.get(unit, []) and number not in now.get(unit, [])
            is_reckoned = unit in changed and number not in changed[unit]
            if is_reckoned or (is_stale and unit not in changed):
                return None
    return _put_numbers(answer, changed)


def _put_numbers(text: str, changed: dict[str, tuple[str, str]]) -> str:
    def put_in(match: re.Match[str]) -> str:
        then, now = changed.get(match["unit"], ("", ""))
        return match[0].replace(then, now, 1) if match["number"] == then else match[0]

    return _NUMBER.sub(put_in, text)


def _find_numbers(text: str) -> dict[str, list[str]]:
    """Return the numbers of `text` by what they count, the first syllable of it where that is not a common unit."""
    found: dict[str, list[str]] = {}
    for match in _NUMBER.finditer(text):
        number, unit = match["number"], match["unit"]
        is_word = not number[0].isdigit()
        if (number, unit) != _IDIOM and number not in _TO_CALL and (not is_word or unit in _NATIVE):
            found.setdefault(unit, []).append(number)
    return found


def _is_one(numbers: list[str]) -> bool:
    return len(numbers) == 1


def with_name_of(final_input: str, exchange: WrittenExchange) -> WrittenExchange | None:
    """Return `exchange` with the name by which `final_input` introduces somebody in the place of its own; None where no answer is left.

    An answer that calls somebody by a name which this message does not give is left out.
    """
    then, now = _find_introduced(exchange.input), _find_introduced(final_input)
    if not then or then == now:
        return exchange
    pairs = [(then, now), *([(then[1:], now[-2:])] if len(then) == _FULL_NAME else [])]
    named = [answer for answer in exchange.answers if any(old in answer for old, _ in pairs)]
    answers = tuple(_put_names(answer, pairs) for answer in exchange.answers if now or answer not in named)
    if not answers:
        return None
    return replace(exchange, input=_put_names(exchange.input, pairs) if now else exchange.input, answers=answers)


def _put_names(text: str, pairs: list[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = exchange_word(text, old, new, is_name=True)
    return text


def mask_name(text: str) -> str:
    """Return `text` with one sign in the place of a name that answers her question for it: other names are like it."""
    match = _NAME_ALONE.search(text)
    return text.replace(match["name"], _ANY_NAME) if match else text


def _find_introduced(text: str) -> str:
    """Return the name by which somebody is introduced in `text`; empty where nobody is."""
    match = _NAME_ALONE.search(text) or _INTRODUCTION.search(text)
    return next((name for name in match.groups() if name), "") if match else ""
