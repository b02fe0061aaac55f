"""Continuous batching over one base model: sequences join and leave between decode steps.

A step is: one decode pass for every live row, whatever its adapter, and a new token for each; then admit what waits, in one
left-padded prefill. Rows of finished or cancelled sequences are freed before the next step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from models.errors import GenerationError, ModelError
from models.loader import LoadedBase
from models.row_cache import RowCache
from models.sampling import sample_rows
from models.sequence import DecodeSequence


class DecodeBatch:
    """The waiting and the live sequences of one base model; used on the device thread only."""

    def __init__(self, base: LoadedBase, device: torch.device, max_rows: int) -> None:
        """Serve `base`; at most `max_rows` sequences are live at once."""
        self.base = base
        self._device = device
        self._max_rows = max_rows
        self._waiting: deque[DecodeSequence] = deque()
        self._live: list[DecodeSequence] = []
        self._cache: RowCache | None = None

    def add(self, sequence: DecodeSequence) -> None:
        """Queue a sequence for the next step."""
        self._waiting.append(sequence)

    def has_work(self) -> bool:
        """Tell whether a step would do anything."""
        return bool(self._waiting or self._live)

    def step(self) -> None:
        """Advance every live sequence by one token and admit waiting ones.

        A failure of the prefill fails the sequences that were being admitted; a failure of the decode pass fails the live ones.
        """
        self._drop_finished()
        if self._live:
            try:
                self._decode()
            except Exception as error:
                self.fail(error)
        self._drop_finished()
        admitted = self._admit()
        if admitted:
            try:
                self._prefill(admitted)
            except Exception as error:
                _fail(admitted, error)

    def fail(self, error: Exception) -> None:
        """Fail every live sequence and forget its cache."""
        failed, self._live, self._cache = self._live, [], None
        _fail(failed, error)

    def fail_waiting(self, error: Exception) -> None:
        """Fail everything that has not begun."""
        failed = list(self._waiting)
        self._waiting.clear()
        _fail(failed, error)

    def _admit(self) -> list[DecodeSequence]:
        admitted: list[DecodeSequence] = []
        while self._waiting and len(self._live) + len(admitted) < self._max_rows:
            sequence = self._waiting.popleft()
            if not sequence.cancelled:
                admitted.append(sequence)
        return admitted

    def _drop_finished(self) -> None:
        kept = [row for row, sequence in enumerate(self._live) if not _is_done(sequence)]
        if len(kept) == len(self._live):
            return
        self._live = [self._live[row] for row in kept]
        if not kept:
            self._cache = None
        else:
            assert self._cache is not None
            self._cache.keep(kept)

    @torch.inference_mode()
    def _prefill(self, sequences: list[DecodeSequence]) -> None:
        length = max(len(sequence.prompt_ids) for sequence in sequences)
        ids = torch.zeros(len(sequences), length, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, length - len(sequence.prompt_ids) :] = torch.tensor(sequence.prompt_ids)
            mask[row, length - len(sequence.prompt_ids) :] = 1
        ids, mask = ids.to(self._device), mask.to(self._device)
        cache = RowCache(DynamicCache(), mask)
        positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
        logits = self._forward(sequences, ids, positions, cache)
        self._append(sequences, logits)
        if self._cache is None:
            self._cache, self._live = cache, list(sequences)
        else:
            self._cache.join(cache)
            self._live += sequences

    @torch.inference_mode()
    def _decode(self) -> None:
        assert self._cache is not None
        ids = torch.tensor([[sequence.token_ids[-1]] for sequence in self._live], device=self._device)
        self._cache.extend_mask()
        logits = self._forward(self._live, ids, self._cache.positions(), self._cache)
        self._append(self._live, logits)

    def _forward(self, rows: Sequence[DecodeSequence], ids: Tensor, positions: Tensor, cache: RowCache) -> Tensor:
        """Return the logits of the last position, shape (rows, vocabulary)."""
        self.base.rows.choose([sequence.adapter for sequence in rows])
        output = self.base.network(
            input_ids=ids,
            attention_mask=cache.mask,
            position_ids=positions,
            past_key_values=cache.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _append(self, rows: Sequence[DecodeSequence], logits: Tensor) -> None:
        finite = torch.isfinite(logits).all(dim=-1).tolist()
        logits = torch.nan_to_num(logits)
        tokens = sample_rows(logits, [row.sampling for row in rows], [row.draw() for row in rows])
        for sequence, token, is_finite in zip(rows, tokens, finite, strict=True):
            if is_finite:
                sequence.append(token)
            else:
                _fail(
                    [sequence], GenerationError("the weights give numbers that are not finite; restore or retrain them")
                )


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
