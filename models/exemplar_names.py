"""Put the name that a message gives into an exchange that somebody wrote for a message like it."""

from __future__ import annotations

import re
from dataclasses import replace

from models.training.slots import exchange_word
from models.types import WrittenExchange

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
