"""Fill `{slots}` in corpus lines from word lists, with the Korean particle that fits each word."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence

from models.errors import ModelError

WEEKDAYS = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")
PARTS_OF_DAY = ("오전", "오후", "저녁")
TIME_WORDS = re.compile("오늘|내일|지금|요일|이따|휴일")  # a message with one of them has a time mark in front
_SLOT = re.compile(r"\{([^{}:]+?)(\d?)(?::([^{}/]*)/([^{}/]*))?\}")
_ENDINGS = (
    ("이라고", "라고"), ("이라니", "라니"), ("이라면", "라면"), ("이라서", "라서"), ("이라도", "라도"), ("이라", "라"), ("이잖아", "잖아"), ("이구나", "구나"),
    ("이네", "네"), ("이지", "지"), ("이랑", "랑"), ("이나", "나"), ("이가", "가"), ("이는", "는"), ("이를", "를"), ("이도", "도"), ("이한테", "한테"),
    ("이", "가"), ("은", "는"), ("을", "를"), ("과", "와"), ("으로", "로"),
)  # fmt: skip
"""What follows a word, behind a consonant and behind a vowel."""
_DERIVED_WEEKDAYS = {"어제요일": -1, "요일": 0, "다음요일": 1}


class SlotError(ModelError):
    """A slot names no list, or its particle is malformed."""


def read_slot_lists(lines: Iterable[str]) -> dict[str, list[str]]:
    """Read `@name: value, value` lines into lists; other lines are ignored."""
    lists: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("@") and ":" in line:
            name, _, values = line[1:].partition(":")
            lists[name.strip()] = [value.strip() for value in values.split(",") if value.strip()]
    return lists


def has_final_consonant(word: str) -> bool:
    """Tell whether the last Hangul syllable or digit of `word` ends in a consonant."""
    for character in reversed(word):
        if "가" <= character <= "힣":
            return (ord(character) - ord("가")) % 28 != 0
        if character.isdigit():
            return character in "013678"
        if character.isascii() and character.isalpha():
            return character.lower() in "lmnr"
    return False


def ends_in_rieul(word: str) -> bool:
    """Tell whether the last letter or digit of `word` is spoken with a final ㄹ."""
    last = next((c for c in reversed(word) if c.isalnum()), "")
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28 == 8
    return last in set("178lLrR")


def choose_particle(word: str, after_consonant: str, after_vowel: str) -> str:
    """Choose the form of a particle that follows `word`; 으로/로 follows ㄹ with 로."""
    if (after_consonant, after_vowel) == ("으로", "로") and ends_in_rieul(word):
        return after_vowel
    return after_consonant if has_final_consonant(word) else after_vowel


def exchange_word(text: str, old: str, new: str, *, is_name: bool = False) -> str:
    """Return `text` with `new` wherever `old` stood, each with the particle that fits; of a name 야 is a call, of a thing it is an ending."""
    pairs = [*_ENDINGS, ("아", "야") if is_name else ("이야", "야")]
    forms = {choose_particle(old, *pair): pair for pair in pairs}
    particles = "|".join(sorted(forms, key=len, reverse=True))

    def put_in(match: re.Match[str]) -> str:
        form, space = match[1], match[2]
        if has_final_consonant(old) == has_final_consonant(new) and form != "로" and form != "으로":
            return f"{new}{form or ''}{space or ''}"
        is_call = form == "이" and not space  # 민준이! is no subject
        return new if not form or is_call else f"{new}{choose_particle(new, *forms[form])}{space}"

    return re.sub(f"(?<![가-힣A-Za-z0-9]){re.escape(old)}(?:({particles})(?![가-힣])( ?))?", put_in, text)


def slot_names(text: str) -> set[str]:
    """Return the names (with their digit) of the slots in `text`."""
    if "{" not in text:  # most lines: the search would cost more than the rest of reading
        return set()
    return {match[1] + match[2] for match in _SLOT.finditer(text)}


def without_slots(text: str) -> str:
    """Return `text` with a plain letter in place of every slot, for checks of form."""
    return _SLOT.sub("X", text)


def draw_values(names: Iterable[str], lists: Mapping[str, Sequence[str]], rng: random.Random) -> dict[str, str]:
    """Draw one value for each slot name; slots of one list get different values.

    Raises:
        SlotError: a name that no list has.
    """
    values: dict[str, str] = {}
    day = rng.randrange(7)
    for name in sorted(names):
        base = name.rstrip("0123456789")
        if base in _DERIVED_WEEKDAYS:
            values[name] = WEEKDAYS[(day + _DERIVED_WEEKDAYS[base]) % 7]
        elif base == "때":
            values[name] = rng.choice(PARTS_OF_DAY)
        elif base in lists:
            taken = {values[other] for other in values if other.rstrip("0123456789") == base}
            left = [value for value in lists[base] if value not in taken]
            if not left:
                raise SlotError(f"the word list {base!r} has too few values for {name!r}")
            values[name] = rng.choice(left)
        else:
            raise SlotError(f"no word list named {base!r}")
    return values


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace every slot in `text` by its value and the particle that fits."""

    def replace(match: re.Match[str]) -> str:
        value = values[match[1] + match[2]]
        if match[3] is None:
            return value
        return value + choose_particle(value, match[3], match[4])

    return _SLOT.sub(replace, text)
