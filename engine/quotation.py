"""A memory in the words of whoever said it, for models that see that something is worth remembering sooner than they can put it."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.memory import FEELINGS_FOR_HER, MemoryNote
from engine.plain_text import remove_invisible

MOST_LETTERS = 60  # of a quotation; more than most messages have
_NAMES = {"이름", "별명", "태명", "게임 닉네임"}  # are said as they are, or not at all
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?~…,])\s+|[ㅋㅎㅠㅜ]{2,}")
_BRACKETS = re.compile(r"[\[\]【】［］〔〕]|:(?!\d)|：")
_EDGES = re.compile(r"^(?:[^\w(]|_)+|(?:[^\w)%]|[ㄱ-ㅣ_])+$")


def is_said(note: MemoryNote, message: str) -> bool:
    """Tell whether each word of the note's value stands in `message`, or begins as something in it: what follows are endings."""
    said = "".join(message.casefold().split())
    return all(word[:2] in said for word in _WORD.findall(note.value.casefold()))


def can_be_quoted(note: MemoryNote) -> bool:
    """Tell whether a note would be as good with a sentence for a value: a name would not, nor how somebody feels about her."""
    return note.key not in _NAMES | {FEELINGS_FOR_HER}


def quote(note: MemoryNote, message: str) -> MemoryNote:
    """Return `note` with words of `message` for a value: all of it, or as much of the part that has most of the value as there is room for.

    Laughter, tears, emoji and punctuation at the ends are left out; a message of nothing else leaves the note as it is.
    """
    plain = _BRACKETS.sub(" ", remove_invisible(message))
    whole = _tidy(" ".join(_SENTENCE_END.split(plain)))
    if len(whole) > MOST_LETTERS:
        whole = _cut(max(map(_tidy, _SENTENCE_END.split(plain)), key=lambda part: _in_common(note.value, part)))
    return replace(note, value=whole) if whole else note


def _tidy(text: str) -> str:
    return _EDGES.sub("", " ".join(text.split()))


def _cut(text: str) -> str:
    """Return as many whole words as there is room for."""
    if len(text) <= MOST_LETTERS:
        return text
    return _tidy(text[: MOST_LETTERS + 1].rpartition(" ")[0] or text[:MOST_LETTERS])


def _in_common(value: str, part: str) -> int:
    return sum(word[:2] in part for word in _WORD.findall(value))
