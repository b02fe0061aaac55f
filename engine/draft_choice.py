"""Choose among drafts of her line: the one that the message makes most likely, beyond what any message would."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.profile import AdapterProfile
from models.types import TextGenerator


async def choose_draft(
    generator: TextGenerator, name: str, adapter: AdapterProfile, final_input: str, drafts: Sequence[str]
) -> str:
    """Return the draft with the highest `log p(draft | final_input) - contrast * log p(draft)` (Li et al. 2016, arXiv:1510.03055).

    A line that would follow anything is likely, but not because of the message. `p(draft)` is the mean over the profile's neutral
    prompts.

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
    return different[max(range(len(different)), key=worth.__getitem__)]


def _log_mean(logarithms: Sequence[float]) -> float:
    """Return the logarithm of the mean of numbers that are given by their logarithms."""
    largest = max(logarithms)
    return largest + math.log(sum(math.exp(each - largest) for each in logarithms) / len(logarithms))
