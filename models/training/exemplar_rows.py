"""Teach adapters to answer after exemplars: what somebody wrote for messages like this one, in front of the prompt (decision 0042).

The reply adapter learns to take an answer over and to put in this message's words: half of its examples have one of the row's own exchange in front, with
another wording or with other words in the places of what was exchanged; in most of the others the nearest exchange of another kind, with this message's
numbers and names in it, is answered as it was. A few have none. In front of a message of which something may be remembered stand the nearest notes on others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.exemplars import ExemplarIndex, written_exchanges, written_notes
from models.profile import AdapterProfile
from models.training.dialogue_rows import DialogueCorpus, DialogueRow
from models.training.examples import make_example
from models.types import WrittenExchange

_NONE_SHARE, _OWN_SHARE = 0.1, 0.5
_OTHER_WORDING_SHARE = 0.85
_CONSIDERED = 8
_NOTE_NOISE = 0.1
"""Added to the likeness of notes, because the engine, which asks the encoder of relevance too, puts them in another order."""

Exemplar = tuple[str, str]


class NoteTeacher:
    """Puts notes in front of messages of which something may be remembered."""

    def __init__(self, folder: Path, shown: int, seed: int) -> None:
        """Take them from those in `folder`, `shown` at a time."""
        self._index = ExemplarIndex(list(written_notes(folder)))
        self._shown = shown
        self._rng = random.Random(seed)

    def make_examples(self, profile: AdapterProfile, rows: Sequence[DialogueRow]) -> Iterator[tuple[str, str]]:
        """Yield (prompt, answer) of the rows that say what is remembered, each behind the nearest notes but its own, the nearest last."""
        for row in rows:
            example = make_example("memory", profile, row)
            if example is None:
                continue
            found = self._index.find(row.input, 2 * self._shown + 1)
            near = [
                (likeness + self._rng.random() * _NOTE_NOISE, each)
                for each, likeness in found
                if each.source != row.source
            ]
            chosen = sorted(near, key=lambda pair: -pair[0])[: self._shown]
            front = "".join(profile.show_exchange(each.input, each.answers[0]) for _, each in reversed(chosen))
            prompt, answer = example
            yield f"{front}{prompt}", answer


class ExemplarTeacher:
    """Puts exemplars in front of rows of a corpus."""

    def __init__(self, corpus: DialogueCorpus, seed: int) -> None:
        """Take exemplars from what `corpus` may train on."""
        exchanges = list(written_exchanges(corpus))
        self._index = ExemplarIndex(exchanges)
        self._of_source: dict[str, list[WrittenExchange]] = {}
        for each in exchanges:
            self._of_source.setdefault(each.source, []).append(each)
        self._rng = random.Random(seed)

    def make_examples(self, profile: AdapterProfile, rows: Sequence[DialogueRow]) -> Iterator[tuple[str, str]]:
        """Yield (prompt, answer) of the rows, most with an exemplar in front; a row like no other is left out."""
        for row in rows:
            example = make_example("output_message", profile, row)
            draw = self._rng.random()
            if example is None:
                continue
            prompt, answer = example
            if draw < _NONE_SHARE:
                yield prompt, answer
            elif draw < _NONE_SHARE + _OWN_SHARE and (own := self._own(row)):
                yield f"{profile.show_exchange(*own)}{prompt}", answer
            elif near := self._nearest(row):
                yield f"{profile.show_exchange(*near)}{prompt}", profile.write_answer(near[1])

    def _own(self, row: DialogueRow) -> Exemplar | None:
        """Return the row's answer to another wording of its message, or to the message as it was written; None where it is as written."""
        own = self._of_source.get(row.source, [])
        others = [each for each in own if each.input not in row.input]
        if others and self._rng.random() < _OTHER_WORDING_SHARE:
            own = others
        chosen = self._rng.choice(own) if own else None
        if chosen is None or (chosen.input in row.input and chosen.answers[row.answer] == row.reply):
            return None
        return chosen.input, chosen.answers[row.answer]

    def _nearest(self, row: DialogueRow) -> Exemplar | None:
        """Return one of the nearest exchanges of another kind."""
        found = [
            each for each, _ in self._index.find(row.input, _CONSIDERED, adapted=True) if each.source != row.source
        ]
        if not found:
            return None
        chosen = self._rng.choice(found)
        return chosen.input, self._rng.choice(chosen.answers)
