"""Record the turns of a pipeline, and play them again over real models. No torch here.

Both stand between a pipeline and the models. A replayed generation really runs, on the recorded prompt and to the recorded number of
tokens, and then hands the recorded answer on; so every prompt that follows is the recorded one too. Which turn a call belongs to is
kept in a context variable, which the tasks of that turn inherit.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

import numpy as np

from models.benchmark.workload import EncodingWork, GenerationWork, TurnWork, as_own
from models.errors import GenerationError
from models.profile import ADAPTER_NAMES, Profile
from models.types import Embeddings, FinishReason, Generation, Sampling, TextEmbedder, TextGenerator

_ANOTHER = -1e6  # the logarithmic score of a draft that is not the recorded answer: no spread draws it


@dataclass(slots=True, kw_only=True)
class TurnRecord:
    """What a turn has asked for so far: every generation with its tries, and every encoding of a text that is not `known`.

    `known` are the texts that the conversation's turns have had encoded, each with its encoder.
    """

    message: str
    known: set[tuple[str, str]] = field(default_factory=set)
    tries: dict[str, list[GenerationWork]] = field(default_factory=dict)
    encodings: list[EncodingWork] = field(default_factory=list)

    def note_encoding(self, encoder: str, texts: Sequence[str], rows: Embeddings) -> None:
        """Note what is new in the conversation among `texts` and their `rows`."""
        new = {text: row for text, row in zip(texts, rows, strict=True) if (encoder, text) not in self.known}
        if new:
            self.known |= {(encoder, text) for text in new}
            self.encodings.append(EncodingWork(encoder=encoder, texts=tuple(new), rows=np.stack(list(new.values()))))

    def work(self, profile: Profile) -> TurnWork | None:
        """Return the turn with the last try of each adapter; None when an adapter did not answer or may have had no good try."""
        if any(not 0 < len(self.tries.get(name, ())) < profile.adapters[name].tries for name in ADAPTER_NAMES):
            return None
        generations = tuple(self.tries[name][-1] for name in ADAPTER_NAMES)
        return TurnWork(message=self.message, encodings=tuple(self.encodings), generations=generations)


RECORDED: ContextVar[TurnRecord] = ContextVar("RECORDED")


@dataclass(slots=True, kw_only=True)
class TurnPlay:
    """A turn that is played again for `user`; times are `time.perf_counter()`, 0 before they have come."""

    user: str
    work: TurnWork
    generations: Counter[str] = field(default_factory=Counter)
    first_token_at: float = 0.0
    reply_at: float = 0.0


PLAYED: ContextVar[TurnPlay] = ContextVar("PLAYED")


class RecordingGenerator:
    """Passes calls on and notes them in the turn's `RECORDED`."""

    def __init__(self, generator: TextGenerator) -> None:
        """Record calls of `generator`."""
        self._generator = generator

    def count_tokens(self, adapter: str, text: str) -> int:
        """Count the tokens of `text` for the base model of `adapter`."""
        return self._generator.count_tokens(adapter, text)

    async def generate(
        self, adapter: str, prompt: str, sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        """Continue `prompt` and note what came."""
        generation = await self._generator.generate(adapter, prompt, sampling, on_text=on_text)
        work = GenerationWork(
            adapter=adapter,
            prompt=prompt,
            new_tokens=max(1, generation.new_tokens),
            answer=generation.text,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
        )
        RECORDED.get().tries.setdefault(adapter, []).append(work)
        return generation

    async def score(self, adapter: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Score `pairs`."""
        return await self._generator.score(adapter, pairs)


class RecordingEmbedder:
    """Passes texts on and notes them in the turn's `RECORDED`."""

    def __init__(self, embedder: TextEmbedder) -> None:
        """Record calls of `embedder`."""
        self._embedder = embedder

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        """Embed `texts` and note those that are new in the conversation."""
        rows = await self._embedder.embed(encoder, texts)
        if (record := RECORDED.get(None)) is not None:
            record.note_encoding(encoder, texts, rows)
        return rows


class ReplayingEmbedder:
    """Does the encodings of the turn in `PLAYED` on a real embedder, and answers with the recorded rows.

    A text that a turn brings is encoded as its user's own, so it is new to the embedder whoever else replays it, and known to it in that
    user's later turns for as long as it remembers, as in production. Others, such as names of categories, are passed on as they are.
    """

    def __init__(self, embedder: TextEmbedder) -> None:
        """Encode with `embedder`."""
        self._embedder = embedder
        self._rows: dict[tuple[str, str], Embeddings] = {}

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        """Encode `texts`; return the rows that were recorded of them."""
        play = PLAYED.get()
        for each in play.work.encodings:
            self._rows.update({(each.encoder, text): row for text, row in zip(each.texts, each.rows, strict=True)})
        asked = [as_own(text, play.user) if (encoder, text) in self._rows else text for text in texts]
        made = await self._embedder.embed(encoder, asked)
        return np.stack([self._rows.get((encoder, text), row) for text, row in zip(texts, made, strict=True)])


class ReplayingGenerator:
    """Does the work of the turn in `PLAYED` on a real generator and answers as recorded.

    Where the pipeline leaves things out, a prompt may lack what the recorded one has in front; then only the number of tokens is that
    of the recorded turn.
    """

    def __init__(self, generator: TextGenerator, *, is_equal_work: bool = True) -> None:
        """Run generations on `generator`; for equal work no prompt may be another than the recorded one."""
        self._generator = generator
        self._is_equal_work = is_equal_work

    def count_tokens(self, adapter: str, text: str) -> int:
        """Count the tokens of `text` for the base model of `adapter`."""
        return self._generator.count_tokens(adapter, text)

    async def generate(
        self, adapter: str, prompt: str, sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        """Generate as many tokens as were recorded, and answer as recorded; further drafts answer a little differently.

        Raises:
            GenerationError: the prompt is not the recorded one, and the work shall be equal.
        """
        play = PLAYED.get()
        work = play.work.generation(adapter)
        if self._is_equal_work and prompt != work.prompt:
            raise GenerationError(f"the {adapter} prompt of a replayed turn is not the recorded one")
        forced = replace(sampling, max_new_tokens=work.new_tokens, stop="", ignore_end=True)
        answer = work.answer
        if adapter == "output_message":
            answer += "!" * play.generations[adapter]
        play.generations[adapter] += 1

        def see(_: str) -> None:
            play.first_token_at = play.first_token_at or time.perf_counter()

        made = await self._generator.generate(
            adapter, prompt, forced, on_text=see if adapter == "output_message" else None
        )
        if adapter == "output_message":
            see("")
            play.reply_at = time.perf_counter()
            if on_text is not None:
                on_text(answer)
        return replace(made, text=answer, finish_reason=FinishReason.STOP)

    async def score(self, adapter: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Score `pairs`, then prefer the recorded answer whatever the weights say."""
        play = PLAYED.get()
        await self._generator.score(adapter, pairs)
        if adapter == "output_message":
            play.first_token_at = play.reply_at = time.perf_counter()  # drafts are shown when one of them is chosen
        recorded = pairs[0][
            1
        ]  # drafts are compared in the order in which they were asked for, and a memory's own key stands first
        return [0.0 if continuation == recorded else _ANOTHER for _, continuation in pairs]
