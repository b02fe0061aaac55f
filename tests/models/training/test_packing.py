"""Check that packed sequences are whole and do not see each other."""

from __future__ import annotations

import random

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.packing import IGNORED, batches, pack
from tests.models.tiny import make_network

SEQUENCES = st.lists(st.lists(st.integers(2, 50), min_size=1, max_size=14), max_size=20)


@given(SEQUENCES, st.integers(1, 16))
def test_every_sequence_that_fits_is_whole_and_in_order(sequences: list[list[int]], length: int) -> None:
    rows = pack(sequences, length)
    assert [sequence for row in rows for sequence in row] == [s for s in sequences if len(s) <= length]
    assert all(0 < sum(map(len, row)) <= length for row in rows)


@settings(max_examples=30)
@given(SEQUENCES, st.integers(0, 5))
def test_a_token_sees_only_what_precedes_it_in_its_own_sequence(sequences: list[list[int]], seed: int) -> None:
    for batch in batches(sequences, length=16, rows=2, rng=random.Random(seed)):
        starts = batch["position_ids"] == 0
        for row in range(2):
            document = starts[row].cumsum(0)
            real = int((batch["input_ids"][row] > 0).sum())
            for query in range(real):
                seen = (batch["attention_mask"][row, 0, query] == 0).nonzero()[:, 0].tolist()
                assert seen == [k for k in range(query + 1) if document[k] == document[query]]
            assert not (batch["attention_mask"][row, 0, real:, :real] == 0).any()
            assert (batch["labels"][row, real:] == IGNORED).all()


def test_first_tokens_and_padding_teach_nothing() -> None:
    (batch,) = batches([[5, 6, 7], [8, 9]], length=6, rows=1, rng=random.Random(0))
    ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
    assert sorted(ids) == [0, 5, 6, 7, 8, 9]
    assert labels[ids.index(5)] == labels[ids.index(8)] == labels[5] == IGNORED
    assert [labels[ids.index(token)] for token in (6, 7, 9)] == [6, 7, 9]


def test_incomplete_batch_is_left_out_and_order_is_decided_by_the_seed() -> None:
    sequences = [[number] * 4 for number in range(2, 9)]
    first = list(batches(sequences, length=4, rows=3, rng=random.Random(1)))
    again = list(batches(sequences, length=4, rows=3, rng=random.Random(1)))
    assert len(first) == 2
    assert all(torch.equal(a["input_ids"], b["input_ids"]) for a, b in zip(first, again, strict=True))


def test_network_gives_packed_sequences_what_it_gives_them_alone() -> None:
    network = make_network("llama", 60).eval()
    sequences = [[0, 5, 6, 7, 1], [0, 8, 9, 1], [0, 10, 1]]
    (batch,) = batches(sequences, length=16, rows=1, rng=random.Random(2))
    labels = batch.pop("labels")
    with torch.inference_mode():
        packed = network(**batch, use_cache=False).logits[0]
        starts = (batch["position_ids"][0] == 0).nonzero()[:, 0].tolist()
        checked = 0
        for start in starts:
            sequence = next((s for s in sequences if batch["input_ids"][0, start : start + len(s)].tolist() == s), None)
            if sequence is not None:
                alone = network(input_ids=torch.tensor([sequence]), use_cache=False).logits[0]
                torch.testing.assert_close(packed[start : start + len(sequence)], alone, rtol=1e-4, atol=1e-4)
                checked += 1
    assert checked == 3
    assert int((labels != IGNORED).sum()) == 4 + 3 + 2
