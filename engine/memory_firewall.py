"""What may be remembered: the one gate that every memory passes, whether a model wrote it or a person typed it.

A memory stands in front of later messages, so a text that steers her there would steer her for good. `find_objection` judges the
text itself, read as `engine/disguise.py` reads it; `MemoryFirewall` also asks whether it would be sanctioned as a message.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from engine.disguise import plain_reading, readings
from engine.ethics import EthicsScorer
from engine.final_input import MARK_WORDS
from engine.instructions import looks_like_instruction
from engine.memory import MemoryNote, parse_memory
from engine.plain_text import has_link, remove_invisible
from engine.sanction_policy import SanctionPolicy, find_offences
from models.profile import EthicsThresholds

MAX_KEY, MAX_VALUE = 30, 80
_MOST_ACCENTS = 2  # combining marks in a row; what emoji need
_JOINER = "\u200d"  # `remove_invisible` leaves it between emoji only
_MARKS = tuple("".join(word.split()) for word in (*MARK_WORDS, "지금은"))
_TEMPLATE = re.compile(r"</?\|?\w+\|?>|<<|>>|###|\b(?:system|assistant|user)\s*:|[\[\]]")
_MENTION = re.compile(r"@\s?\w|<[@#]|(?<!\d)\d{15,20}(?!\d)")
_SPELT_LINK = re.compile(r"\w\s*[(\[{]?\s*(?:\.|dot|닷)\s*[)\]}]?\s*(?:com|net|org|kr|io|gg|me|ly|xyz)\b")


class Objection(StrEnum):
    """Why something is not remembered."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNSEEN = "unseen"
    LINK = "link"
    MENTION = "mention"
    MARK = "mark"
    INSTRUCTION = "instruction"
    OFFENCE = "offence"


def find_objection(note: MemoryNote) -> Objection | None:
    """Say what speaks against a note, from its text alone; None where nothing does."""
    key, value = plain_reading(note.key), plain_reading(note.value)
    text = f"{key} {value}"
    if not key or not value:
        return Objection.EMPTY
    if max(len(note.key), len(key)) > MAX_KEY or max(len(note.value), len(value)) > MAX_VALUE:
        return Objection.TOO_LONG
    if _has_unseen(note.text):
        return Objection.UNSEEN
    if has_link(text) or _SPELT_LINK.search(text):
        return Objection.LINK
    if _MENTION.search(text):
        return Objection.MENTION
    ways = [way for part in (note.key, note.value, text) for way in readings(part)]
    if parse_memory(note.text) != note or _TEMPLATE.search(text) or any(_holds_mark(way) for way in ways):
        return Objection.MARK
    return Objection.INSTRUCTION if any(looks_like_instruction(way) for way in ways) else None


class MemoryFirewall:
    """Judges notes by their text and by what the ethics encoder says of them."""

    def __init__(self, ethics: EthicsScorer, thresholds: EthicsThresholds, policy: SanctionPolicy) -> None:
        """Score by `ethics`, and judge the scores as those of messages are judged."""
        self._ethics = ethics
        self._thresholds = thresholds
        self._policy = policy

    async def object_to(self, note: MemoryNote) -> Objection | None:
        """Say why a note may not be remembered; None where it may.

        Raises:
            EmbeddingError: the encoder failed.
        """
        objection = find_objection(note)
        if objection is not None:
            return objection
        whole = f"{note.key} {note.value}"
        texts = dict.fromkeys([note.key, note.value, whole, *readings(note.value)])
        scores = await self._ethics.score_all(list(texts))
        is_offence = any(find_offences(part, self._thresholds, self._policy) for part in scores)
        return Objection.OFFENCE if is_offence else None


def _holds_mark(text: str) -> bool:
    closed = "".join(text.split())
    return any(mark in closed for mark in _MARKS)


def _has_unseen(text: str) -> bool:
    """Tell whether a text holds what nobody sees or no keyboard writes: control and hidden letters, heaps of accents."""
    seen, accents = remove_invisible(text), 0
    for letter in seen:
        category = unicodedata.category(letter)
        accents = accents + 1 if category in {"Mn", "Me"} else 0
        is_hidden = category in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and letter != _JOINER
        if is_hidden or accents > _MOST_ACCENTS or letter == "\ufffd":
            return True
    return len(seen) != len(text)
