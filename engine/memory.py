"""What is remembered of a user: reading the memory adapter's answer, and finding the memory that a message calls for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.plain_text import remove_invisible
from models.types import TextEmbedder
from storage.records import Memory

NOTHING = ""
_BRACKETS = str.maketrans({"【": "[", "】": "]", "［": "[", "］": "]", "：": ":", "〔": "[", "〕": "]"})
_INNER_COLON = re.compile(r"(?<=\d):(?=\d)|://")  # 3:30 and links; a link is refused later, for good


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNote:
    """One thing worth remembering: a key and a value, neither empty."""

    key: str
    value: str

    @property
    def text(self) -> str:
        """The note as the models read it."""
        return f"[{self.key}: {self.value}]"


def parse_memory(answer: str) -> MemoryNote | str | None:
    """Read an answer of the memory adapter.

    Returns the note; `NOTHING` where there is validly nothing to remember; None where the answer is malformed and another try is due.
    """
    text = " ".join(remove_invisible(answer).translate(_BRACKETS).split())
    if not text or text in {"[]", "없음", "[없음]"}:
        return NOTHING
    if "\ufffd" in text or text[0] != "[" or text[-1] != "]":
        return None
    body = text[1:-1]
    key, colon, value = (part.strip() for part in body.partition(":"))
    if not colon or not key or not value or "[" in body or "]" in body or ":" in _INNER_COLON.sub("", value):
        return None
    return MemoryNote(key=key, value=value)


def is_grounded(note: MemoryNote, message: str) -> bool:
    """Tell whether two letters in a row of the value stand in `message`, so that nothing is remembered that nobody said.

    A state (상태) is a reading of the message rather than a quotation and always passes.
    """
    if note.key == "상태":
        return True
    said, value = "".join(message.split()), "".join(note.value.split())
    if len(value) == 1:
        return value in said
    return any(value[start : start + 2] in said for start in range(len(value) - 1))


class MemoryRetriever:
    """Finds the memory whose embedding is nearest to a message."""

    def __init__(self, embedder: TextEmbedder, threshold: float) -> None:
        """Accept a memory from a cosine of `threshold` on."""
        self._embedder = embedder
        self._threshold = threshold

    async def find(self, message: str, memories: Sequence[Memory]) -> Memory | None:
        """Return the best memory for `message` (as typed), or None below the threshold.

        Raises:
            EmbeddingError: the encoder failed.
        """
        if not memories:
            return None
        rows = await self._embedder.embed("memory", [message, *(memory.text for memory in memories)])
        scores = rows[1:] @ rows[0]
        best = int(scores.argmax())
        return memories[best] if scores[best] >= self._threshold else None
