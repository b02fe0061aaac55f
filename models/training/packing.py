"""Pack short token sequences into rows of one length; a mask keeps each from seeing its neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

IGNORED = -100


def pack(sequences: Sequence[list[int]], length: int) -> list[list[list[int]]]:
    """Fill rows of at most `length` tokens in order, each sequence whole; longer sequences are left out."""
    rows: list[list[list[int]]] = []
    room = 0
    for sequence in sequences:
        if len(sequence) > length:
            continue
        if len(sequence) > room:
            rows.append([])
            room = length
        rows[-1].append(sequence)
        room -= len(sequence)
    return rows


def batches(
    sequences: Sequence[list[int]], *, length: int, rows: int, rng: random.Random
) -> Iterator[dict[str, Tensor]]:
    """Yield shuffled batches of packed rows: `input_ids`, `labels`, `position_ids` (rows, length), `attention_mask` (rows, 1, length, length).

    The mask is additive (0 or the lowest number): causal, and within one sequence. The last, incomplete batch is left out.
    """
    order = list(sequences)
    rng.shuffle(order)
    packed = pack(order, length)
    for start in range(0, len(packed) - rows + 1, rows):
        yield _collate(packed[start : start + rows], length)


def _collate(rows: Sequence[Sequence[list[int]]], length: int) -> dict[str, Tensor]:
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    positions = torch.zeros_like(ids)
    document = torch.full_like(ids, -1)
    for row, sequences in enumerate(rows):
        start = 0
        for number, sequence in enumerate(sequences):
            end = start + len(sequence)
            ids[row, start:end] = torch.tensor(sequence)
            labels[row, start + 1 : end] = ids[row, start + 1 : end]  # the first token has nothing before it
            positions[row, start:end] = torch.arange(len(sequence))
            document[row, start:end] = number
            start = end
    same = document[:, None, :, None] == document[:, None, None, :]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    mask = torch.zeros(len(rows), 1, length, length)
    mask.masked_fill_(~(same & causal), torch.finfo(torch.bfloat16).min)
    return {"input_ids": ids, "labels": labels, "position_ids": positions, "attention_mask": mask}
