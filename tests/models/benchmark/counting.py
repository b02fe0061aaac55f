"""Count the texts that contestants encode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.benchmark.contest import Contest
from models.benchmark.workload import Workload, as_own


class CountingEncoder:
    """A sentence encoder that keeps every text it is given."""

    def __init__(self, encoder: Any) -> None:
        """Encode with `encoder`."""
        self.encoded: list[str] = []
        self._encoder = encoder

    def encode(self, texts: Sequence[str], **options: Any) -> Any:
        """Encode `texts`."""
        self.encoded += texts
        return self._encoder.encode(texts, **options)


def encoded(encoders: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Return how often each counting encoder was given each text."""
    return {name: Counter(encoder.encoded) for name, encoder in encoders.items()}


def brought(workload: Workload, contest: Contest) -> dict[str, Counter[str]]:
    """Return the texts that the users of `contest` bring to each encoder, as each of them writes them."""
    found: dict[str, Counter[str]] = {"memory": Counter(), "ethics": Counter()}
    for user in range(contest.users):
        for again, _, work in workload.turns_of(user, contest.turns):
            for each in work.encodings:
                found[each.encoder].update(as_own(text, f"{contest.round}-{user}-{again}") for text in each.texts)
    return found
