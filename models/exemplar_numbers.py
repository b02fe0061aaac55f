"""Put the numbers of a message into an exchange that somebody wrote for a message like it."""

from __future__ import annotations

import re
from dataclasses import replace

from models.types import WrittenExchange

_UNITS = "개월|시간|숟갈|접시|마리|번|개|시|살|명|잔|병|권|장|그릇|달|년|판|곡|통|켤레|벌|채|송이|조각"
"""What is counted with number words, too."""
_NUMBER = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)*[만천백억]*|(?<![가-힣])(?:(?:열|스물|스무|서른|마흔|쉰|예순|일흔|여든|아흔)"
    r"(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉)?|한|두|세|네|다섯|여섯|일곱|여덟|아홉))\s?"
    rf"(?P<unit>{_UNITS}|[가-힣])"
)
_NATIVE = frozenset(_UNITS.split("|"))
_IDIOM = ("한", "번")
_TO_CALL = frozenset(["109", "110", "112", "117", "119", "182", "1366", "1388", "1393", "1577"])
"""Numbers that stay what they are."""


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
