"""Continuous batching over one base model: sequences join and leave between steps, and their prompts are read beside them.

A step is: drop what is finished or cancelled; admit what waits, as far as rows and memory go; run one pass over the next tokens of the
live rows; sample. A row that is being generated gives the pass one token. A row whose prompt is being read gives a piece of it, and
all prompts together at most `prompt_tokens` a step, so that a long prompt delays nobody's next token by much.

What several prompts have in common is read once. A sequence that wants what a row is still reading (drafts of one reply) joins that
row until it has been read. A row whose tokens begin as those of another of its adapter takes from the cache what that one has read.

Where the memory ends while rows grow, the youngest row gives its place up and is read again from its beginning when there is room.

A row's slot is its place in `_rows`, which is also its slot in the cache; it changes when rows leave.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

import torch
from torch import Tensor

from models.attention import PassPlan, RowTokens
from models.errors import GenerationError
from models.loader import LoadedBase
from models.passes import NOT_FINITE, STEP_TOKENS, name_failure, run_pass
from models.row_cache import CACHE_TOKENS, RowCache
from models.sampling import sample_rows
from models.sequence import DecodeSequence

_WORTH_COPYING = 4  # tokens: copying so many is quicker than reading them (docs/performance.md)


@dataclass(slots=True, kw_only=True, eq=False)
class _Row:
    """A live row: its sequences, and the tokens that the cache does not hold yet.

    While it reads what it was given (a prompt; after an eviction also what had been generated) it may have several sequences, all with
    the same tokens. Then it has one, and one pending token, the last that was sampled.
    """

    sequences: list[DecodeSequence]
    admitted_at: tuple[int, int]  # number of the admission, then place among those that shared a row: small is old
    pending: list[int]
    is_reading: bool

    @property
    def adapter(self) -> str:
        return self.sequences[0].adapter

    @property
    def tokens(self) -> list[int]:
        return self.sequences[0].tokens


class DecodeBatch:
    """The waiting and the live sequences of one base model; used on the device thread only."""

    def __init__(
        self,
        base: LoadedBase,
        device: torch.device,
        max_rows: int,
        *,
        cache_tokens: int = CACHE_TOKENS,
        prompt_tokens: int = STEP_TOKENS,
    ) -> None:
        """Serve `base`: at most `max_rows` sequences live at once in a cache of `cache_tokens`."""
        self.base = base
        self._device = device
        self._max_rows = max_rows
        self._prompt_tokens = prompt_tokens
        self._waiting: deque[DecodeSequence] = deque()
        self._rows: list[_Row] = []
        self._cache = RowCache(cache_tokens)
        self._admissions = 0

    def add(self, sequence: DecodeSequence) -> None:
        """Queue a sequence for the next step; one that could outgrow the whole memory fails at once."""
        most = len(sequence.prompt_ids) + sequence.sampling.max_new_tokens
        if most > self._cache.longest_row:
            sequence.fail(
                GenerationError(
                    f"a prompt of {len(sequence.prompt_ids)} tokens and {sequence.sampling.max_new_tokens} new ones do not fit "
                    f"into memory for {self._cache.longest_row}; raise OHLORA_CACHE_TOKENS or ask for less"
                )
            )
        else:
            self._waiting.append(sequence)

    def has_work(self) -> bool:
        """Tell whether a step would do anything."""
        return bool(self._waiting or self._rows)

    @property
    def cache_bytes(self) -> int:
        """The memory of keys and values, in bytes."""
        return self._cache.allocated_bytes

    @torch.inference_mode()
    def step(self) -> None:
        """Advance every live sequence by one token or its next piece of prompt, and admit waiting ones.

        A failure of the pass fails the sequences whose prompts it read; where it read none, those that were being generated.
        """
        self._drop_finished()
        self._admit()
        self._make_room()
        try:
            pieces = self._choose_pieces()
        except Exception as error:  # there was no memory to grow into, and what was held is lost
            self.fail(error)
            return
        if not pieces:
            return
        try:
            self._run(pieces)
        except Exception as error:
            reading = [row for row, _ in pieces if row.is_reading]
            _fail((sequence for row in reading or self._rows for sequence in row.sequences), error)

    def fail(self, error: Exception) -> None:
        """Fail every live sequence and forget its cache."""
        _fail((sequence for row in self._rows for sequence in row.sequences), error)
        self._drop_finished()

    def fail_waiting(self, error: Exception) -> None:
        """Fail everything that has not begun."""
        _fail(self._waiting, error)
        self._waiting.clear()

    def _live(self) -> int:
        return sum(len(row.sequences) for row in self._rows)

    def _drop_finished(self) -> None:
        for row in self._rows:
            row.sequences = [sequence for sequence in row.sequences if not sequence.is_done]
        self._drop([slot for slot, row in enumerate(self._rows) if not row.sequences])

    def _drop(self, slots: Sequence[int]) -> None:
        if slots:
            self._rows = [self._rows[came_from] for came_from in self._cache.drop(slots)]

    def _admit(self) -> None:
        """Let waiting sequences live, in order, while there is room for one more."""
        while self._waiting and self._live() < self._max_rows:
            sequence = self._waiting[0]
            if not sequence.is_done:
                longest = max([len(sequence.tokens) + 1, *self._cache.lengths])
                if not self._cache.fits(self._live() + 1, longest):
                    return
                self._give_row(sequence)
            self._waiting.popleft()

    def _give_row(self, sequence: DecodeSequence) -> None:
        """Let `sequence` join a row that reads the same, or give it a new one."""
        tokens = sequence.tokens
        for row in self._rows:
            if row.is_reading and row.adapter == sequence.adapter and row.tokens == tokens:
                row.sequences.append(sequence)
                return
        self._admissions += 1
        self._cache.add_row()
        self._rows.append(
            _Row(sequences=[sequence], admitted_at=(self._admissions, 0), pending=tokens, is_reading=True)
        )

    def _make_room(self) -> None:
        """Let the youngest rows give their places up until the others can grow."""
        while not self._cache.fits(self._live(), self._longest()):
            youngest = max(range(len(self._rows)), key=lambda slot: self._rows[slot].admitted_at)
            self._waiting.extendleft(reversed(self._rows[youngest].sequences))
            self._rows[youngest].sequences = []
            self._drop([youngest])

    def _longest(self) -> int:
        return max(
            (have + len(row.pending) for have, row in zip(self._cache.lengths, self._rows, strict=True)), default=0
        )

    def _choose_pieces(self) -> list[tuple[_Row, RowTokens]]:
        """Choose the tokens of the pass, rows in the order of their slots, and have memory for them; older prompts are read first."""
        left = self._prompt_tokens
        sizes: dict[int, int] = {}
        for slot, row in sorted(enumerate(self._rows), key=lambda numbered: numbered[1].admitted_at):
            if not row.is_reading:
                sizes[slot] = 1
            elif left:
                self._copy_what_is_read(slot, row)
                sizes[slot] = min(len(row.pending), left)
                left -= sizes[slot]
        longest = max((self._cache.lengths[slot] + size for slot, size in sizes.items()), default=0)
        self._cache.reserve(self._live(), longest)  # also for drafts that are about to get rows of their own
        return [
            (row, RowTokens(slot=slot, adapter=row.adapter, ids=row.pending[: sizes[slot]]))
            for slot, row in enumerate(self._rows)
            if slot in sizes
        ]

    def _copy_what_is_read(self, slot: int, row: _Row) -> None:
        """Spare `row` what another row of its adapter has in the cache (the keys depend on the adapter, too)."""
        have, tokens = self._cache.lengths[slot], row.tokens
        shared, source = max(
            (_common(tokens, other.tokens[: self._cache.lengths[place]]), place)
            for place, other in enumerate(self._rows)
            if other.adapter == row.adapter
        )
        shared = min(shared, len(tokens) - 1)  # the last one is read in any case, for the logits behind it
        if shared - have >= _WORTH_COPYING:
            self._cache.reserve(self._live(), shared)
            self._cache.copy(source, slot, shared)
            row.pending = tokens[shared:]

    def _run(self, pieces: Sequence[tuple[_Row, RowTokens]]) -> None:
        """Run a pass over `pieces`, and let the rows that have nothing left to read go on; what fails changes none."""
        plan = PassPlan(self._cache, [piece for _, piece in pieces], self._device)
        ends = accumulate(len(piece.ids) for _, piece in pieces)
        complete = {
            end - 1: row for end, (row, piece) in zip(ends, pieces, strict=True) if len(piece.ids) == len(row.pending)
        }  # by the place of their last token in the pass
        logits = run_pass(self.base, plan, torch.tensor(list(complete), dtype=torch.long, device=self._device))
        drawn = self._sample(list(complete.values()), logits) if complete else []
        for row, piece in pieces:
            self._cache.lengths[piece.slot] += len(piece.ids)
            row.pending = row.pending[len(piece.ids) :]
        for row, tokens in zip(complete.values(), drawn, strict=True):
            self._go_on(row, tokens)

    def _sample(self, rows: Sequence[_Row], logits: Tensor) -> list[list[int | None]]:
        """Draw from each row's `logits`, (rows, vocabulary), the next token of each of its sequences."""
        sequences = [sequence for row in rows for sequence in row.sequences]
        if len(sequences) > len(rows):
            own = [place for place, row in enumerate(rows) for _ in row.sequences]
            logits = logits[torch.tensor(own, device=self._device)]
        drawn = iter(sample_rows(logits, [each.sampling for each in sequences], [each.draw() for each in sequences]))
        return [list(islice(drawn, len(row.sequences))) for row in rows]

    def _go_on(self, row: _Row, drawn: Sequence[int | None]) -> None:
        """Append to each sequence of `row` its token; the first keeps the row, the others get copies of it."""
        tokens = [token for token in drawn if token is not None]
        if not tokens:
            self._cache.wipe(self._rows.index(row))
            _fail(row.sequences, GenerationError(NOT_FINITE))
            return
        first, *further = row.sequences
        for place, (sequence, token) in enumerate(zip(further, tokens[1:], strict=True), 1):
            source, copied = self._rows.index(row), self._cache.add_row()
            self._cache.copy(source, copied, self._cache.lengths[source])
            self._rows.append(
                _Row(sequences=[sequence], admitted_at=(row.admitted_at[0], place), pending=[token], is_reading=False)
            )
        row.sequences, row.pending, row.is_reading = [first], tokens[:1], False
        for sequence, token in zip([first, *further], tokens, strict=True):
            sequence.append(token)


def _common(tokens: Sequence[int], others: Sequence[int]) -> int:
    """Return how many tokens two rows begin with in common."""
    pairs = enumerate(zip(tokens, others, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(tokens), len(others)))


def _fail(sequences: Iterable[DecodeSequence], error: Exception) -> None:
    named = name_failure(error, "a generation")
    for sequence in sequences:
        sequence.fail(named)
