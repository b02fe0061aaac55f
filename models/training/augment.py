"""Make messages look typed by many hands: spacing errors, dropped consonants, slang, calls, laughter, emoji, punctuation."""

from __future__ import annotations

import random
import re
from functools import cache

_CALL = re.compile(r"^(오?로라야|로라)[\s,!~]+")
_TYPOS = (
    ("했", "햇"), ("겠", "겟"), ("있", "잇"), ("없", "업"), ("같", "갓"), ("돼", "되"), ("되", "돼"), ("왜", "외"),
    ("좋", "조"), ("많", "만"), ("싫", "실"), ("뭐", "머"), ("괜찮", "괜찬"), ("않", "안"), ("어떡", "어떻"), ("거야", "꺼야"),
    ("진짜", "진쨔"), ("너무", "넘"), ("그냥", "걍"), ("재밌", "재밋"), ("내일", "낼"), ("근데", "근대"), ("해줘", "해조"),
)  # fmt: skip
_SLANG = (
    ("진짜", "ㄹㅇ"), ("인정", "ㅇㅈ"), ("감사", "ㄱㅅ"), ("미안", "먄"), ("정말", "증말"), ("맞아", "마자"), ("좋아", "조아"), ("알았어", "알써"), ("안녕", "안뇽"),
    ("싶어", "시퍼"), ("고마워", "고마웡"), ("이렇게", "일케"), ("그렇게", "글케"), ("어떻게", "어케"), ("솔직히", "솔까"),
)  # fmt: skip
_SYNONYMS = tuple(
    pair
    for one, two in (
        ("진짜", "정말"), ("엄청", "너무"), ("완전", "진짜"), ("추천해 줘", "골라 줘"), ("알려줘", "가르쳐줘"),
        ("좋아해", "좋아하는 편이야"), ("힘들어", "지쳐"), ("슬퍼", "우울해"), ("기뻐", "행복해"), ("근데", "그런데"), ("요즘", "최근에"),
        ("엄마", "어머니"), ("아빠", "아버지"), ("회사", "직장"), ("알바", "아르바이트"), ("맛있어", "맛나"),
    )
    for pair in ((one, two), (two, one))
)  # fmt: skip
_EMOJI = ("🙂", "😅", "🤔", "👀", "✨", "🙏", "😳", "🫠")  # those that suit good and bad news alike
_ENDINGS = ("~", "!", "..", "ㅎㅎ", " ㅎ", "...", "~~", "!!")


def add_noise(message: str, rng: random.Random) -> str:
    """Return `message` with at most a few of the ways that people type it; its meaning stays."""
    if rng.random() < 0.15:
        message = _CALL.sub("", message) if _CALL.match(message) else f"로라야 {message}"
    if rng.random() < 0.2:
        message = _respace(message, rng)
    if rng.random() < 0.2:
        message = _mistype(message, rng)
    if rng.random() < 0.25 and message and ("가" <= message[-1] <= "힣"):
        message += rng.choice(_ENDINGS)
    elif rng.random() < 0.3 and len(message) > 2:
        message = message.rstrip("?!.~") or message
    return f"{message} {rng.choice(_EMOJI)}" if rng.random() < 0.05 else message


def _respace(message: str, rng: random.Random) -> str:
    spaces = [index for index, character in enumerate(message) if character == " "]
    if not spaces:
        return message
    if rng.random() < 0.4:
        return message.replace(" ", "")
    cut = rng.choice(spaces)
    return message[:cut] + message[cut + 1 :]


def _mistype(message: str, rng: random.Random) -> str:
    possible = [pair for pair in (*_TYPOS, *_SLANG) if pair[0] in message]
    if not possible:
        return message
    right, wrong = rng.choice(possible)
    return message.replace(right, wrong, 1)


def swap_synonyms(message: str, rng: random.Random) -> str:
    """Return `message` with one word swapped for a synonym, or as it is where none is known."""
    possible = [pair for pair in _SYNONYMS if _whole_word(pair[0]).search(message)]
    if not possible:
        return message
    word, synonym = rng.choice(possible)
    return _whole_word(word).sub(synonym, message, count=1)


@cache
def _whole_word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S){re.escape(word)}(?=(?:은|는|이|가|을|를|랑|이랑|도|만|에|에서|한테)?(?!\w))")


def obfuscate(message: str, rng: random.Random) -> str:
    """Return `message` as somebody writes it to slip past a filter: symbols, digits, spaces or split jamo put in."""
    from models.text_features import split_jamo

    way = rng.randrange(5)
    letters = list(message)
    if way == 0:
        symbol = rng.choice("💗❤♥★♡^*.-_~@#1234567890!")
        return "".join(c + (symbol if c != " " and rng.random() < 0.6 else "") for c in letters)
    if way == 1:
        return " ".join(c for c in letters if c != " ")
    if way == 2:
        return split_jamo(message)
    if way == 3:
        return "".join(c * (rng.randint(2, 4) if rng.random() < 0.25 else 1) for c in letters)
    return "".join(c + (rng.choice("1234567890") * rng.randint(1, 3) if rng.random() < 0.3 else "") for c in letters)
