"""Choose among drafts of her line: one that is likely after the message, and that an encoder finds to be an answer to it.

Always the best one would say the same line to everybody who greets her; so one is drawn, the more often the better it is.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence

from engine.exemplars import show_exemplars
from engine.text_parts import word_beginnings
from engine.types import Exemplar
from models.profile import RELEVANCE_ENCODER, Profile
from models.types import HER_LINE, TextEmbedder, TextGenerator

_DRAWN_FROM = 3
"""So many times the drafts are the exemplars among which those of a try are drawn."""


async def choose_draft(
    generator: TextGenerator,
    embedder: TextEmbedder,
    profile: Profile,
    final_input: str,
    drafts: Sequence[str],
    seed: int,
    after: Mapping[str, Exemplar] | None = None,
) -> str:
    """Draw one of `drafts` of her line by its worth (`DraftChoice`); equal seeds draw equally, equal drafts are one.

    `after` has the exemplars which drafts were written after; a draft is as likely as it is there.

    A line that would follow anything is likely, but not because of the message; and a line about something else can be likely because
    it repeats a word of it.

    Raises:
        GenerationError, EmbeddingError: a model failed.
    """
    adapter = profile.adapters["output_message"]
    choice = adapter.choice
    different = list(dict.fromkeys(drafts))
    if choice is None or len(different) == 1:
        return different[0]
    contexts = (final_input, *(choice.neutral_prompts if choice.contrast else ()))
    exemplars = after or {}
    fronts = {draft: show_exemplars(adapter, [each]) for draft, each in exemplars.items()}
    pairs = [
        (f"{fronts.get(draft, '')}{text}{adapter.start_mark}", f" {draft} {adapter.stop_mark}")
        for draft in different
        for text in contexts
    ]
    scores = await generator.score("output_message", pairs)
    relevance = await _relevance(embedder, profile, final_input, [(draft, exemplars.get(draft)) for draft in different])
    worth = []
    for number, relevant in enumerate(relevance):
        given, *neutral = scores[number * len(contexts) : (number + 1) * len(contexts)]
        contrast = choice.contrast * _log_mean(neutral) if neutral else 0.0
        draft = different[number]
        again = choice.repetition * count_repeated_words(draft)
        near = 0.0
        if (exemplar := exemplars.get(draft)) is not None:
            departed = choice.departure * count_departures(draft, exemplar.answer, final_input)
            near = choice.nearness * exemplar.nearness - departed
        worth.append(given + relevant + near - contrast - again)
    return different[draw_by_worth(worth, choice.spread, random.Random(seed).random())]


async def _relevance(
    embedder: TextEmbedder, profile: Profile, final_input: str, lines: Sequence[tuple[str, Exemplar | None]]
) -> list[float]:
    """Return what the cosine of each of her lines with the message is worth, in nats; 0 where the profile counts none.

    Of a line with an exemplar a share of the cosine with that one's own message goes off.
    """
    choice = profile.adapters["output_message"].choice
    if choice is None or not choice.relevance or RELEVANCE_ENCODER not in profile.encoders:
        return [0.0] * len(lines)
    own = [exemplar.input for _, exemplar in lines if exemplar and choice.own_share]
    texts = list(dict.fromkeys([final_input, *(f"{HER_LINE}{line}" for line, _ in lines), *own]))
    vectors = dict(zip(texts, await embedder.embed(RELEVANCE_ENCODER, texts), strict=True))

    def worth(line: str, exemplar: Exemplar | None) -> float:
        said = vectors[f"{HER_LINE}{line}"]
        cosine = float(said @ vectors[final_input])
        if exemplar and choice.own_share:
            cosine -= choice.own_share * float(said @ vectors[exemplar.input])
        return choice.relevance * cosine

    return [worth(*each) for each in lines]


async def draw_exemplars(
    embedder: TextEmbedder, profile: Profile, final_input: str, exemplars: Sequence[Exemplar], seed: int
) -> list[Exemplar]:
    """Draw of `exemplars`, given nearest first, as many as there are drafts to write after them; nearest first again.

    They are drawn by the worth that `choose_draft` would find in their answers: the nearest alone would answer everybody who says the same with
    the same line, and all of them are drafts for nothing (decision 0043).

    Raises:
        EmbeddingError: the encoder of relevance failed.
    """
    choice = profile.adapters["output_message"].choice
    if choice is None or not exemplars:
        return list(exemplars[:1])
    left = list(exemplars[: _DRAWN_FROM * choice.drafts])
    relevance = await _relevance(embedder, profile, final_input, [(each.answer, each) for each in left])
    worth = [choice.nearness * each.nearness + relevant for each, relevant in zip(left, relevance, strict=True)]
    rng = random.Random(seed)
    drawn: list[Exemplar] = []
    while left and len(drawn) < choice.drafts:
        place = draw_by_worth(worth, choice.spread, rng.random())
        drawn.append(left.pop(place))
        del worth[place]
    return sorted(drawn, key=lambda each: -each.nearness)


def count_departures(draft: str, answer: str, message: str) -> int:
    """Return how many words of `draft` are neither in the `answer` that it follows nor in `message`, and of the answer's how many give way to nothing."""
    written, followed, asked = (Counter(word_beginnings(text)) for text in (draft, answer, message))
    new = (written - followed).elements()
    invented = [word for word in new if word not in asked]
    taken = (written - followed).total() - len(invented)
    return len(invented) + max(0, (followed - written).total() - taken)


def count_repeated_words(text: str) -> int:
    """Return how many words of two characters and more begin as an earlier one does (its first two: 첫날은, 첫날의)."""
    beginnings = word_beginnings(text)
    return len(beginnings) - len(set(beginnings))


def draw_by_worth(worth: Sequence[float], spread: float, draw: float) -> int:
    """Return the index on which `draw`, uniform in [0, 1), falls where the odds are `exp(worth / spread)`; the best for a spread of 0."""
    best = max(range(len(worth)), key=worth.__getitem__)
    if spread == 0:
        return best
    odds = [math.exp((each - worth[best]) / spread) for each in worth]
    left = draw * sum(odds)
    for index, part in enumerate(odds):
        left -= part
        if left < 0:
            return index
    return best  # rounding left a crumb


def _log_mean(logarithms: Sequence[float]) -> float:
    """Return the logarithm of the mean of numbers that are given by their logarithms."""
    largest = max(logarithms)
    return largest + math.log(sum(math.exp(each - largest) for each in logarithms) / len(logarithms))
