"""What teaches an encoder which messages are alike and which line answers which: rows of the corpus, and what only looks like them.

Two messages that share most of their words can want different answers, so each message is set against the one that is most like it
by its words among those that somebody answered otherwise: its line is the wrong line, it is the wrong wording (hard negatives, Karpukhin
et al. 2020, arXiv:2004.04906; decision 0043). The others of a batch are wrong ones, too (Henderson et al. 2017, arXiv:1705.00652).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from models.exemplars import ExemplarIndex
from models.types import HER_LINE, WrittenExchange

_CONSIDERED, _TAKEN = 10, 8
_SAME = 0.999
"""Likeness of a message that says the same, which no answer can be wrong for."""
_SAME_KEY = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """A message with what stands in front of it, what belongs to it, and what does not: both lines of hers (`HER_LINE`), or both messages."""

    message: str
    line: str
    other: str


def make_triples(exchanges: Sequence[WrittenExchange], count: int, seed: int) -> list[Triple]:
    """Return triples of `count` of the exchanges, or all: of each message one with its line, and one with another wording if it has any."""
    rng = random.Random(seed)
    index = ExemplarIndex(exchanges)
    wordings: dict[str, list[str]] = {}
    for each in exchanges:
        wordings.setdefault(each.source, []).append(each.input)
    triples = []
    for each in rng.sample(exchanges, min(count, len(exchanges))):
        if (near := _look_alike(index, each, rng)) is None:
            continue
        line, other = rng.choice(each.answers), rng.choice(near.answers)
        triples.append(Triple(message=each.input, line=f"{HER_LINE}{line}", other=f"{HER_LINE}{other}"))
        if others := [text for text in wordings[each.source] if text != each.input]:
            triples.append(Triple(message=each.input, line=rng.choice(others), other=near.input))
    rng.shuffle(triples)
    return triples


def _look_alike(index: ExemplarIndex, exchange: WrittenExchange, rng: random.Random) -> WrittenExchange | None:
    """Return one of the messages nearest to that of `exchange` which have no answer in common with it; None if there are none."""
    found = [
        each
        for each, likeness in index.find(exchange.input, _CONSIDERED, _SAME_KEY)
        if each.source != exchange.source and likeness < _SAME and not set(each.answers) & set(exchange.answers)
    ]
    return rng.choice(found[:_TAKEN]) if found else None
