"""Check the extent that decision 0002 states: what a seed draws, alone and in company, in float32 and in bfloat16."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from models.attention import PassPlan, RowTokens
from models.decode_batch import DecodeBatch
from models.loader import LoadedBase, load_base, load_models
from models.passes import run_pass
from models.profile import ADAPTER_NAMES, load_profile
from models.row_cache import RowCache
from models.sampling import sample_rows
from models.sequence import DecodeSequence
from models.settings import Device, ModelSettings, Precision
from models.types import Sampling
from tests.models.tiny import PROMPTS, TinyBase, make_sequence

CPU = torch.device("cpu")
SEEDS = range(32)
TOKENS = 6
ROUNDING = 2**-8  # a value in bfloat16 has 8 significant bits


def _run(base: LoadedBase, sequences: Sequence[DecodeSequence], rows: int) -> list[list[int]]:
    batch = DecodeBatch(base, CPU, rows)
    for sequence in sequences:
        batch.add(sequence)
    while batch.has_work():
        batch.step()
    return [sequence.token_ids for sequence in sequences]


def _many(base: LoadedBase) -> list[DecodeSequence]:
    """Return a sequence for each seed, of all adapters in turn."""
    sampling = [Sampling(temperature=0.6, max_new_tokens=TOKENS, stop="", seed=seed, ignore_end=True) for seed in SEEDS]
    return [make_sequence(base, ADAPTER_NAMES[seed % 4], sampling[seed]) for seed in SEEDS]


@pytest.fixture(scope="module")
def shipped() -> LoadedBase:
    """The base that ships with its adapters, in float32 on the CPU."""
    settings = ModelSettings(device=Device.CPU, precision=Precision.FLOAT32)
    return load_models(load_profile("embedded"), settings).bases[0]


async def test_shipped_weights_draw_for_many_seeds_in_company_what_they_draw_alone(shipped: LoadedBase) -> None:
    alone = _run(shipped, _many(shipped), rows=1)
    assert _run(shipped, _many(shipped), rows=len(SEEDS)) == alone
    assert len({tuple(ids) for ids in alone}) > len(SEEDS) // 2


def _logits(base: LoadedBase, adapters: Sequence[str]) -> Tensor:
    """Return the logits after each adapter's prompt, all read in one pass."""
    cache = RowCache(4096)
    rows = [
        RowTokens(slot=cache.add_row(), adapter=name, ids=list(base.tokenizer(PROMPTS[name])["input_ids"]))
        for name in adapters
    ]
    cache.reserve(len(rows), max(len(each.ids) for each in rows))
    ends = torch.tensor([len(each.ids) for each in rows]).cumsum(0) - 1
    with torch.inference_mode():
        return run_pass(base, PassPlan(cache, rows, CPU), ends).float()


def test_bfloat16_logits_differ_by_rounding_alone_and_draws_only_near_a_border(llama: TinyBase) -> None:
    """A token is drawn in company as alone, unless another is as likely within the tolerance or the draw falls on a border."""
    base = load_base("main", str(llama.folder), llama.sources(), CPU, torch.bfloat16)
    company = _logits(base, ADAPTER_NAMES)
    alone = torch.cat([_logits(base, [name]) for name in ADAPTER_NAMES])
    tolerance = 4 * ROUNDING * float(alone.abs().max())
    assert float((company - alone).abs().max()) <= tolerance
    sampling = Sampling(temperature=1.0, max_new_tokens=1, stop="", seed=0)
    compared = 0
    for one, other in zip(alone, company, strict=True):
        chances = torch.softmax(one, dim=-1)
        moved = float((torch.softmax(other, dim=-1) - chances).abs().sum())
        borders = chances.sort(descending=True).values.cumsum(0)
        for number in range(200):
            draw = (number + 0.5) / 200
            [drawn], [again] = (sample_rows(logits[None], [sampling], [draw]) for logits in (one, other))
            is_tied = int(((one - one[drawn]).abs() <= 2 * tolerance).sum()) > 1
            if not is_tied and float((borders - draw).abs().min()) > moved:
                assert drawn == again
                compared += 1
    assert compared > 100
