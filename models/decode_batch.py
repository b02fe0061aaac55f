"""Continuous batching over one base model: sequences join and leave between steps, and their prompts are read beside them.

A step is: drop what is finished or cancelled; admit what waits, as far as rows and memory go; run one pass over the next tokens of the
live rows; sample. A row that is being generated gives the pass one token. A row whose prompt is being read gives a piece of it, and
all prompts together at most `prompt_tokens` a step, so that a long prompt delays nobody's next token by much.

Sequences that wait together with the same adapter and prompt (drafts of one reply) are one row until the prompt is read.

Where the memory ends while rows grow, the youngest row gives its place up and is read again from its beginning when there is room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from models.attention import PassPlan, RowTokens
from models.errors import GenerationError, ModelError
from models.loader import LoadedBase
from models.row_cache import RowCache
from models.sampling import sample_rows
from models.sequence import DecodeSequence

PROMPT_TOKENS = 256
CACHE_TOKENS = 16384


class _Row:
    """A live row: its sequences (several while they share the reading of their prompt) and the tokens that are not in the cache yet."""

    def __init__(self, sequences: list[DecodeSequence], number: int) -> None:
        self.sequences = sequences
        self.number = number  # the order of admission
        self.pending = [*sequences[0].prompt_ids, *sequences[0].token_ids]

    @property
    def adapter(self) -> str:
        return self.sequences[0].adapter

    @property
    def is_reading(self) -> bool:
        """Whether the row still reads tokens that were given, rather than generates."""
        return len(self.pending) > 1 or not self.sequences[0].token_ids


class DecodeBatch:
    """The waiting and the live sequences of one base model; used on the device thread only."""

    def __init__(
        self,
        base: LoadedBase,
        device: torch.device,
        max_rows: int,
        *,
        cache_tokens: int = CACHE_TOKENS,
        prompt_tokens: int = PROMPT_TOKENS,
    ) -> None:
        """Serve `base`: at most `max_rows` sequences live at once in a cache of `cache_tokens`."""
        self.base = base
        self._device = device
        self._max_rows = max_rows
        self._prompt_tokens = prompt_tokens
        self._waiting: deque[DecodeSequence] = deque()
        self._rows: list[_Row] = []
        self._cache = RowCache(cache_tokens)
        self._admitted = 0

    def add(self, sequence: DecodeSequence) -> None:
        """Queue a sequence for the next step."""
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
        chosen = self._choose_tokens()
        if not chosen:
            return
        try:
            self._run(chosen)
        except Exception as error:
            reading = [row for row, _ in chosen if row.is_reading]
            for row in reading or self._rows:
                _fail(row.sequences, error)

    def fail(self, error: Exception) -> None:
        """Fail every live sequence and forget its cache."""
        for row in self._rows:
            _fail(row.sequences, error)
        self._cache.drop(range(len(self._rows)))
        self._rows = []

    def fail_waiting(self, error: Exception) -> None:
        """Fail everything that has not begun."""
        failed = list(self._waiting)
        self._waiting.clear()
        _fail(failed, error)

    def _live(self) -> int:
        return sum(len(row.sequences) for row in self._rows)

    def _drop_finished(self) -> None:
        for row in self._rows:
            row.sequences = [sequence for sequence in row.sequences if not _is_done(sequence)]
        self._drop([number for number, row in enumerate(self._rows) if not row.sequences])

    def _drop(self, numbers: Sequence[int]) -> None:
        if numbers:
            self._rows = [self._rows[came_from] for came_from in self._cache.drop(numbers)]

    def _admit(self) -> None:
        """Give waiting sequences rows, in order; those like one that was just admitted join its row."""
        admitted: dict[tuple[object, ...], _Row] = {}
        while self._waiting and self._live() < self._max_rows:
            sequence = self._waiting[0]
            if sequence.cancelled:
                self._waiting.popleft()
                continue
            longest = max([len(sequence.prompt_ids) + len(sequence.token_ids) + 1, *self._cache.lengths])
            if not self._cache.fits(self._live() + 1, longest):
                return
            self._waiting.popleft()
            self._admitted += 1
            same = (sequence.adapter, *sequence.prompt_ids, "then", *sequence.token_ids)
            if same in admitted:
                admitted[same].sequences.append(sequence)
                continue
            admitted[same] = _Row([sequence], self._admitted)
            self._rows.append(admitted[same])
            self._cache.add_rows(1)

    def _make_room(self) -> None:
        """Let the youngest rows give their places up until the others can grow."""
        while not self._cache.fits(self._live(), self._longest()):
            youngest = max(range(len(self._rows)), key=lambda number: self._rows[number].number)
            self._waiting.extendleft(reversed(self._rows[youngest].sequences))
            self._rows[youngest].sequences = []
            self._drop([youngest])

    def _longest(self) -> int:
        return max(
            (have + len(row.pending) for have, row in zip(self._cache.lengths, self._rows, strict=True)), default=0
        )

    def _choose_tokens(self) -> list[tuple[_Row, RowTokens]]:
        """Choose each row's tokens for the pass, in the order of the slots; older prompts are read first."""
        left = self._prompt_tokens
        given: dict[int, int] = {}
        for number, row in sorted(enumerate(self._rows), key=lambda pair: pair[1].number):
            wanted = len(row.pending)
            given[number] = min(wanted, left) if row.is_reading else 1
            left -= given[number] if row.is_reading else 0
        return [
            (row, RowTokens(row=number, adapter=row.adapter, ids=row.pending[: given[number]]))
            for number, row in enumerate(self._rows)
            if given[number]
        ]

    def _run(self, chosen: Sequence[tuple[_Row, RowTokens]]) -> None:
        tokens = [each for _, each in chosen]
        self._cache.reserve(max(self._cache.lengths[each.row] + len(each.ids) for each in tokens))
        plan = PassPlan(self._cache, tokens, self._device)
        ends = torch.tensor([len(each.ids) for each in tokens], device=self._device).cumsum(0) - 1
        whole = [number for number, (row, each) in enumerate(chosen) if len(each.ids) == len(row.pending)]
        logits = run_pass(self.base, plan, ends[whole])
        for row, each in chosen:
            self._cache.lengths[each.row] += len(each.ids)
            row.pending = row.pending[len(each.ids) :]
        if whole:
            self._sample([chosen[number][0] for number in whole], logits)

    def _sample(self, rows: Sequence[_Row], logits: Tensor) -> None:
        """Give each sequence of `rows` its next token from its row's `logits`, (rows, vocabulary)."""
        sequences = [sequence for row in rows for sequence in row.sequences]
        if len(sequences) > len(rows):
            logits = logits[[number for number, row in enumerate(rows) for _ in row.sequences]]
        finite = torch.isfinite(logits).all(dim=-1).tolist()
        tokens = sample_rows(
            torch.nan_to_num(logits), [each.sampling for each in sequences], [each.draw() for each in sequences]
        )
        for row in rows:
            self._part(row)
        for sequence, token, is_finite in zip(sequences, tokens, finite, strict=True):
            if is_finite:
                sequence.append(token)
            else:
                _fail(
                    [sequence], GenerationError("the weights give numbers that are not finite; restore or retrain them")
                )
        for row in self._rows:
            if not row.pending:
                row.pending = row.sequences[0].token_ids[-1:]

    def _part(self, row: _Row) -> None:
        """Give each sequence of `row`, whose prompt has been read, a row with a copy of it."""
        source = self._rows.index(row)
        further, row.sequences = row.sequences[1:], row.sequences[:1]
        for place, sequence in enumerate(further, 1):
            self._cache.add_rows(1)
            self._cache.reserve(0)
            self._cache.copy(source, self._cache.rows - 1)
            copied = _Row([sequence], row.number + place)
            copied.pending = []
            self._rows.append(copied)


def run_pass(base: LoadedBase, plan: PassPlan, keep: Tensor) -> Tensor:
    """Run the network over a planned pass; return the logits of the tokens `keep` (indices), shape (len(keep), vocabulary)."""
    base.rows.choose(plan.adapters, by_token=True)
    output = base.network(
        input_ids=plan.ids, position_ids=plan.positions, use_cache=False, logits_to_keep=keep, plan=plan
    )
    logits: Tensor = output.logits[0]
    return logits


def _is_done(sequence: DecodeSequence) -> bool:
    return sequence.cancelled or sequence.finish_reason is not None


def _fail(sequences: Sequence[DecodeSequence], error: Exception) -> None:
    named = error if isinstance(error, ModelError) else _translate(error)
    for sequence in sequences:
        sequence.cancelled = True  # frees its row
        sequence.receiver.on_error(named)


def _translate(error: Exception) -> GenerationError:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in str(error):
        return GenerationError("out of memory during a generation; lower OHLORA_MAX_ROWS or choose a smaller profile")
    reason = str(error).splitlines()[0] if str(error) else ""
    return GenerationError(f"a generation failed: {type(error).__name__}: {reason}")
