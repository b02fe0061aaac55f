"""Equal work: turns that were recorded once, with the prompts and the number of new tokens that every contestant gets. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from models.types import Embeddings

_FIRST_SYLLABLE, _SYLLABLES = ord("가"), 11_172


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationWork:
    """One generation: exactly `new_tokens` tokens behind `prompt`; `answer` is what was read from them when it was recorded."""

    adapter: str
    prompt: str
    new_tokens: int
    answer: str
    temperature: float
    top_p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingWork:
    """Texts that one encoder turns into `rows` at one point of a turn; texts of earlier turns, whose rows are kept, are not among them."""

    encoder: str
    texts: tuple[str, ...]
    rows: Embeddings = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnWork:
    """One message and everything a turn of it asks of the models; generations stand in `ADAPTER_NAMES`' order."""

    message: str
    encodings: tuple[EncodingWork, ...]
    generations: tuple[GenerationWork, ...]

    def generation(self, adapter: str) -> GenerationWork:
        """Return the work of one adapter."""
        return next(each for each in self.generations if each.adapter == adapter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Recorded conversations; user number n has the conversation n modulo their number, over and over, as a new person each time."""

    conversations: tuple[tuple[TurnWork, ...], ...]

    def turns_of(self, user: int, turns: int) -> Sequence[tuple[int, int, TurnWork]]:
        """Return `turns` of `user` as (round, place in the conversation, work)."""
        conversation = self.conversations[user % len(self.conversations)]
        return [
            (n // len(conversation), n % len(conversation), conversation[n % len(conversation)]) for n in range(turns)
        ]


def as_own(text: str, user: str) -> str:
    """Return `text` as only `user` writes it, two syllables longer: what others wrote, or were recorded writing, saves nobody its encoding."""
    number = int.from_bytes(blake2b(user.encode(), digest_size=8).digest())
    return text + "".join(chr(_FIRST_SYLLABLE + part % _SYLLABLES) for part in (number, number // _SYLLABLES))
