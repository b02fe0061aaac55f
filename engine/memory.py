"""What is remembered of a user: reading the memory adapter's answer, and finding the memory that a message calls for."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from engine.plain_text import remove_invisible
from models.types import Embeddings, TextEmbedder
from storage.records import Memory, UserKey

NOTHING = ""
FEELINGS_FOR_HER = "오로라에 대한 감정"
MOST_ROWS = 16_384  # vectors of memories, of all users: 8 MB of the embedded encoder's, 48 MB of one with 768 numbers
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
    """Tell whether two letters in a row of the value stand in `message`, so that nothing is remembered that nobody said."""
    said, value = "".join(message.split()), "".join(note.value.split())
    if len(value) == 1:
        return value in said
    return any(value[start : start + 2] in said for start in range(len(value) - 1))


def is_reading(note: MemoryNote) -> bool:
    """Tell whether a note may be in other words than the message: states and feelings are readings of it rather than quotations."""
    return note.key in {"상태", FEELINGS_FOR_HER}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vectors:
    """The memories of a user as they were last looked at: digests of their texts, and their unit rows in the same order."""

    digests: tuple[bytes, ...]
    rows: Embeddings


class MemoryRetriever:
    """Finds the memory whose embedding is nearest to a message.

    Each user's memories are one matrix, kept from turn to turn, so that a turn encodes its message and what is new. A row stands for
    the text that it was made of and for no other: what was changed or forgotten is gone at the user's next turn, and `forget` drops
    everything of a user at once. Kept are vectors and digests, never texts, of those who wrote last.
    """

    def __init__(self, embedder: TextEmbedder, threshold: float, most_rows: int = MOST_ROWS) -> None:
        """Accept a memory from a cosine of `threshold` on; keep `most_rows` vectors at most, of all users together."""
        self.kept_rows = 0
        self._embedder = embedder
        self._threshold = threshold
        self._most_rows = most_rows
        self._users: OrderedDict[UserKey, _Vectors] = OrderedDict()

    async def find(self, user: UserKey, message: str, memories: Sequence[Memory]) -> Memory | None:
        """Return the best for `message` (as typed) of `memories`, which are all that the user has; None below the threshold.

        Raises:
            EmbeddingError: the encoder failed.
        """
        if not memories:
            self.forget(user)
            return None
        digests = tuple(_digest(memory.text) for memory in memories)
        vectors = self._users.get(user)
        known = dict(zip(vectors.digests, vectors.rows, strict=True)) if vectors else {}
        new = {digest: memory.text for digest, memory in zip(digests, memories, strict=True) if digest not in known}
        encoded = await self._embedder.embed("memory", [message, *new.values()])
        if vectors is None or vectors.digests != digests:
            known |= zip(new, encoded[1:], strict=True)
            vectors = _Vectors(digests=digests, rows=np.stack([known[digest] for digest in digests]))
        self._keep(user, vectors)
        scores = vectors.rows @ encoded[0]
        best = int(scores.argmax())
        return memories[best] if scores[best] >= self._threshold else None

    def forget(self, user: UserKey) -> None:
        """Drop what is kept of a user."""
        if (dropped := self._users.pop(user, None)) is not None:
            self.kept_rows -= len(dropped.digests)

    def _keep(self, user: UserKey, vectors: _Vectors) -> None:
        self.forget(user)
        self._users[user] = vectors
        self.kept_rows += len(vectors.digests)
        while self.kept_rows > self._most_rows:
            self.forget(next(iter(self._users)))


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
