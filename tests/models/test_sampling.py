"""Check the choice of tokens by row."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.sampling import sample_rows
from models.types import Sampling

PROBABILITIES = torch.tensor([0.1, 0.5, 0.25, 0.15])
LOGITS = PROBABILITIES.log()[None]


def _sampling(temperature: float = 1.0, top_p: float = 1.0) -> Sampling:
    return Sampling(temperature=temperature, top_p=top_p, max_new_tokens=1, stop="", seed=0)


def _sample(draw: float, temperature: float = 1.0, top_p: float = 1.0) -> int | None:
    return sample_rows(LOGITS, [_sampling(temperature, top_p)], [draw])[0]


@pytest.mark.parametrize(
    ("draw", "token"), [(0.0, 1), (0.49, 1), (0.51, 2), (0.74, 2), (0.76, 3), (0.89, 3), (0.91, 0), (0.9999999999, 0)]
)
def test_draw_falls_into_the_tokens_by_falling_probability(draw: float, token: int) -> None:
    assert _sample(draw) == token


@given(draw=st.floats(0, 1, exclude_max=True))
def test_temperature_zero_takes_the_most_likely(draw: float) -> None:
    assert _sample(draw, temperature=0) == 1


@given(draw=st.floats(0, 1, exclude_max=True), temperature=st.floats(1e-9, 0.02))
def test_very_low_temperature_takes_the_most_likely(draw: float, temperature: float) -> None:
    assert _sample(draw, temperature=temperature) == 1


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.0, {1}), (0.4, {1}), (0.6, {1, 2}), (0.8, {1, 2, 3}), (1.0, {0, 1, 2, 3})]
)
def test_top_p_keeps_the_smallest_set_with_that_mass(top_p: float, kept: set[int]) -> None:
    assert {_sample(draw / 200, top_p=top_p) for draw in range(200)} == kept


def test_top_p_shares_the_mass_among_what_is_kept() -> None:
    chosen = [_sample(draw / 300, top_p=0.6) for draw in range(300)]
    assert chosen.count(1) == pytest.approx(200, abs=2)


def test_higher_temperature_flattens() -> None:
    def share(temperature: float) -> int:
        return [_sample(draw / 200, temperature) for draw in range(200)].count(1)

    assert share(0.5) > share(1.0) > share(2.0)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1), st.floats(0, 1, exclude_max=True)), min_size=1, max_size=6))
def test_a_row_does_not_depend_on_its_neighbours(rows: list[tuple[float, float, float]]) -> None:
    logits = torch.randn(len(rows), 12, generator=torch.Generator().manual_seed(1))
    samplings = [_sampling(temperature, top_p) for temperature, top_p, _ in rows]
    together = sample_rows(logits, samplings, [draw for *_, draw in rows])
    alone = [sample_rows(logits[i : i + 1], samplings[i : i + 1], [row[2]])[0] for i, row in enumerate(rows)]
    assert together == alone


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_row_that_is_not_finite_has_no_token_and_the_others_have_theirs(broken: float) -> None:
    logits = LOGITS.repeat(3, 1)
    logits[1, 2] = broken
    assert sample_rows(logits, [_sampling()] * 3, [0.2, 0.2, 0.6]) == [1, None, 2]


def test_low_precision_logits_are_sampled() -> None:
    assert sample_rows(LOGITS.to(torch.bfloat16), [_sampling()], [0.2]) == [1]


@given(
    seed=st.integers(0, 50), top_p=st.sampled_from([0.3, 0.9, 0.999, 1.0]), temperature=st.sampled_from([0.2, 1.0, 3.0])
)
def test_rows_of_a_large_vocabulary_are_sampled_as_if_all_of_it_were_sorted(
    seed: int, top_p: float, temperature: float
) -> None:
    logits = torch.randn(6, 900, generator=torch.Generator().manual_seed(seed)) * 2
    draws = [0.0, 0.2, 0.5, 0.9, 0.99, 0.9999]
    probabilities, order = torch.softmax(logits / temperature, dim=-1).sort(dim=-1, descending=True)
    cumulative = probabilities.cumsum(dim=-1)
    expected = []
    for row, draw in enumerate(draws):
        kept = max(1, int(((cumulative[row] - probabilities[row]) < top_p).sum()))
        mass = 1.0 if top_p == 1.0 else float(cumulative[row, kept - 1])
        expected.append(int(order[row, min(kept - 1, int((cumulative[row] <= draw * mass).sum()))]))
    assert sample_rows(logits, [_sampling(temperature, top_p)] * 6, draws) == expected
