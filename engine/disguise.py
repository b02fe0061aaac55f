"""How a text reads once its disguises are taken off: lookalikes of other alphabets, scattered letters, loose jamo."""

from __future__ import annotations

import re
import unicodedata

from engine.plain_text import remove_invisible

# Cyrillic and Greek letters that look like Latin ones, and signs of other widths; below, what they look like.
_LOOKALIKES = str.maketrans(
    "аеорсхуіјѕԁԛԝһӏвкмнтгαεορινκτυκχηßøłđ。․，∶꞉【】〔〕",
    "aeopcxyijsdqwhlbkmhtraeopivktukxhbold..,::[][]",
)
_SIGNS_FOR_LETTERS = str.maketrans("0134578@$!|", "oieastbasil")
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_LOOSE_SYLLABLE = re.compile(f"([{_INITIALS}])([{_VOWELS}])(?:([{_FINALS}])(?![{_VOWELS}]))?")
_LETTER = r"[^\W\d_]"
_SIGNS_INSIDE_A_WORD = re.compile(rf"(?<={_LETTER})(?:[^\w\s]|\d|_)+(?={_LETTER})")
_LONE_LETTER = re.compile(rf"(?<!\w)({_LETTER})\s+(?={_LETTER})")


def plain_reading(text: str) -> str:
    """Return `text` in one line of lower-case letters without width variants, accents, unseen letters and lookalikes."""
    loose = "".join(_wide_jamo(letter) for letter in unicodedata.normalize("NFC", remove_invisible(text)))
    letters = unicodedata.normalize("NFKC", _LOOSE_SYLLABLE.sub(_syllable, loose)).casefold()
    bare = "".join(letter for letter in unicodedata.normalize("NFD", letters) if unicodedata.category(letter) != "Mn")
    return " ".join(unicodedata.normalize("NFC", bare).translate(_LOOKALIKES).split())


def readings(text: str) -> tuple[str, ...]:
    """Return how `text` can be read: plainly, signs as letters (1gn0re), without signs inside words, lone letters joined."""
    plain = plain_reading(text)
    unbroken = _SIGNS_INSIDE_A_WORD.sub("", plain)
    joined = _LONE_LETTER.sub(r"\1", unbroken)
    return tuple(dict.fromkeys((plain, plain.translate(_SIGNS_FOR_LETTERS), unbroken, joined)))


def _wide_jamo(letter: str) -> str:
    """Return half-width jamo in their usual form, and every other letter as it is."""
    kind, _, code = unicodedata.decomposition(letter).partition(" ")
    return chr(int(code, 16)) if kind == "<narrow>" and "\uffa0" < letter < "\uffdd" else letter


def _syllable(found: re.Match[str]) -> str:
    """Put loose jamo (ㅁㅜ) together; a lone one, as in ㅋㅋ, stays."""
    initial, vowel, final = found.groups()
    number = _INITIALS.index(initial) * 21 * 28 + _VOWELS.index(vowel) * 28
    return chr(0xAC00 + number + (_FINALS.index(final) + 1 if final else 0))
