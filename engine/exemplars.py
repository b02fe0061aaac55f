"""Find what somebody wrote for messages like this one; her adapters read it in front of what they answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.memory import MemoryNote, parse_memory
from engine.text_parts import word_beginnings
from engine.types import Exemplar
from models.profile import RELEVANCE_ENCODER, AdapterProfile, ExemplarUse, Profile
from models.types import TextEmbedder, WrittenExchange

if TYPE_CHECKING:
    from models.exemplars import ExemplarIndex


class ExemplarRetriever:
    """Looks up what adapters are shown, as the profile says; finds nothing for those of which it does not say so."""

    def __init__(self, indexes: Mapping[str, ExemplarIndex], embedder: TextEmbedder, profile: Profile) -> None:
        """Look into `indexes`, by the name of the adapter."""
        self._uses = {name: adapter.exemplars for name, adapter in profile.adapters.items() if adapter.exemplars}
        self._indexes = {name: index for name, index in indexes.items() if name in self._uses}
        self._embedder = embedder
        self._has_encoder = RELEVANCE_ENCODER in profile.encoders

    async def find(self, final_input: str) -> dict[str, list[Exemplar]]:
        """Return exemplars by the name of the adapter, nearest first.

        Nearness is the cosine of the words plus that of the encoder of relevance, or twice the first where there is none: for it two messages are alike when the same
        lines answer them.

        Raises:
            EmbeddingError: the embedder failed.
        """
        return {name: await self._find(index, self._uses[name], final_input) for name, index in self._indexes.items()}

    async def weigh(self, name: str, final_input: str, exchanges: Sequence[WrittenExchange]) -> list[Exemplar]:
        """Return the answers of `exchanges`, which need not be in the index of the adapter `name`, as near to `final_input` as `find` would have them.

        An adapter that is shown no exemplars has none.

        Raises:
            EmbeddingError: the embedder failed.
        """
        if not exchanges or name not in self._indexes:
            return []
        likeness = self._indexes[name].likeness(final_input, [each.input for each in exchanges])
        return await self._weigh(list(zip(exchanges, likeness, strict=True)), self._uses[name], final_input)

    async def _find(self, index: ExemplarIndex, use: ExemplarUse, final_input: str) -> list[Exemplar]:
        found = index.find(final_input, use.considered, use.same_key, adapted=use.adapted)
        nearest = sorted(await self._weigh(found, use, final_input), key=lambda each: -each.nearness)
        return first_of_each(nearest, lambda each: each.input, use.answers_each)

    async def _weigh(
        self, found: Sequence[tuple[WrittenExchange, float]], use: ExemplarUse, final_input: str
    ) -> list[Exemplar]:
        if not self._has_encoder:
            found = [(exchange, 2 * likeness) for exchange, likeness in found]
        elif found:
            texts = [final_input, *(exchange.input for exchange, _ in found)]
            own, *others = await self._embedder.embed(RELEVANCE_ENCODER, texts)
            pairs = zip(found, others, strict=True)
            found = [(exchange, likeness + float(own @ other)) for (exchange, likeness), other in pairs]
        return [
            Exemplar(input=exchange.input, answer=answer, nearness=nearness - use.foreign * foreign)
            for exchange, nearness in found
            for answer in exchange.answers
            for foreign in (count_foreign_words(answer, exchange.input, final_input) if use.foreign else 0,)
        ]


def first_of_each(exemplars: Iterable[Exemplar], part: Callable[[Exemplar], str], count: int = 1) -> list[Exemplar]:
    """Return the first `count` of those that share a `part`, such as the answer."""
    before: Counter[str] = Counter()
    kept = []
    for each in exemplars:
        if before[part(each)] < count:
            before[part(each)] += 1
            kept.append(each)
    return kept


def count_foreign_words(answer: str, asked: str, message: str) -> int:
    """Return how many words `answer` has from what was `asked` and `message` lacks, by their first two characters."""
    answered, there, here = (set(word_beginnings(text)) for text in (answer, asked, message))
    return len(answered & there - here)


def key_shares(notes: Iterable[Exemplar]) -> dict[str, float]:
    """Return the share (0..1) of notes under each key, by the squares of their nearness; under no key, "", of those that remember nothing."""
    weights: defaultdict[str, float] = defaultdict(float)
    for each in notes:
        note = parse_memory(each.answer)
        weights[note.key if isinstance(note, MemoryNote) else ""] += max(each.nearness, 0.0) ** 2
    total = sum(weights.values())
    return {key: weight / total for key, weight in weights.items()} if total else {}


def remembered_share(shares: Mapping[str, float]) -> float | None:
    """Return the share (0..1) of notes of which something is remembered, of the `key_shares` of notes; None without notes."""
    return 1 - shares.get("", 0.0) if shares else None


def show_exemplars(adapter: AdapterProfile, exemplars: Sequence[Exemplar]) -> str:
    """Return what stands in front of a prompt so that `adapter` reads `exemplars`, which are given nearest first, the nearest last."""
    return "".join(adapter.show_exchange(each.input, each.answer) for each in reversed(exemplars))
