"""What crosses the border of `models`: two protocols, their arguments, and the answers that are evaluated. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How one sequence is sampled and where it ends.

    `temperature` 0 is greedy; `top_p` keeps the smallest set of tokens with that probability mass (Holtzman et al. 2020);
    `max_new_tokens` counts generated tokens; generation stops when the text holds `stop`; equal `seed`s draw equal numbers.
    With `ignore_end` the tokenizer's end token is a token like any other, so that a benchmark gets the tokens that it asks for.
    """

    temperature: float
    max_new_tokens: int
    stop: str
    seed: int
    top_p: float = 1.0
    ignore_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A finished generation: the text before the stop mark, why it ended, and what it cost.

    `first_token_s` is the time in seconds from the call to the first token.
    """

    text: str
    finish_reason: FinishReason
    new_tokens: int
    first_token_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswer:
    """What one step of a turn made of a prompt after its tries, and whether the last try had the form that the step asks for."""

    text: str
    is_well_formed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenExchange:
    """A final input that somebody wrote with her answers to it; `source` is file and line of the exchange, which may have others."""

    input: str
    answers: tuple[str, ...]
    source: str = ""


class TextGenerator(Protocol):
    """Generates text with one of several adapters; calls from many tasks share batches."""

    def count_tokens(self, adapter: str, text: str) -> int:
        """Count the tokens of `text` for the base model of `adapter`."""
        ...

    async def generate(
        self,
        adapter: str,
        prompt: str,
        sampling: Sampling,
        *,
        on_text: Callable[[str], None] | None = None,
    ) -> Generation:
        """Continue `prompt`; pass new text to `on_text` as it comes, never a part of the stop mark.

        Raises:
            GenerationError: this generation failed; the generator stays usable.
        """
        ...

    async def score(self, adapter: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return, for each (prompt, continuation), the natural logarithm of the continuation's probability after the prompt.

        Raises:
            GenerationError: this request failed; the generator stays usable.
        """
        ...


HER_LINE = "(오로라 답변) "
"""What stands in front of a line of hers where an encoder of relevance reads it, and not a message."""


class TextEmbedder(Protocol):
    """Turns texts into unit vectors with one of several encoders."""

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        """Return float32 rows of length 1, shape `(len(texts), dimensions)`.

        Raises:
            EmbeddingError: this request failed; the embedder stays usable.
        """
        ...
