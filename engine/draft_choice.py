"""Choose among drafts of her line: rather one that the message makes likely, beyond what any message would.

Always the best one would say the same line to everybody who greets her; so one is drawn, the more often the better it is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from models.profile import AdapterProfile
from models.types import TextGenerator


async def choose_draft(
    generator: TextGenerator, name: str, adapter: AdapterProfile, final_input: str, drafts: Sequence[str], seed: int
) -> str:
    """Draw a draft by its worth, `log p(draft | final_input) - contrast * log p(draft)` (Li et al. 2016, arXiv:1510.03055).

    A line that would follow anything is likely, but not because of the message. `p(draft)` is the mean over the profile's neutral
    prompts. Equal seeds draw equally; equal drafts are one.

    Raises:
        GenerationError: the generator failed.
    """
    choice = adapter.choice
    different = list(dict.fromkeys(drafts))
    if choice is None or len(different) == 1:
        return different[0]
    contexts = (final_input, *choice.neutral_prompts)
    pairs = [
        (f"{text}{adapter.start_mark}", f" {draft} {adapter.stop_mark}") for draft in different for text in contexts
    ]
    scores = await generator.score(name, pairs)
    worth = []
    for start in range(0, len(scores), len(contexts)):
        given, *neutral = scores[start : start + len(contexts)]
        worth.append(given - choice.contrast * _log_mean(neutral))
    return different[draw_by_worth(worth, choice.spread, random.Random(seed).random())]


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
