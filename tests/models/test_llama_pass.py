"""Tests that a Llama's planned pass gives what transformers' modules give, whatever adapters, biases and heads it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from models.attention import PassPlan, RowTokens, use_row_attention
from models.llama_pass import LlamaPass, run_without_modules
from models.loader import LoadedBase, load_base
from models.lora import AdapterRows
from models.passes import run_pass
from models.row_cache import RowCache
from tests.models.tiny import TARGETS, TinyBase, make_adapter, make_network

CPU = torch.device("cpu")
IDS = [5, 9, 4, 30, 12, 8, 17, 2, 40]


def _planned(base: LoadedBase, ids: list[int], first: int) -> torch.Tensor:
    """Return the logits of all of `ids`, read as a piece of `first` tokens and then token by token, beside a row of another adapter."""
    cache = RowCache(1024)
    logits = []
    for _ in base.adapters:
        cache.add_row()
    for start, end in [(0, first), *((place, place + 1) for place in range(first, len(ids)))]:
        rows = [RowTokens(slot=slot, adapter=name, ids=ids[start:end]) for slot, name in enumerate(base.adapters)]
        cache.reserve(len(rows), end)
        plan = PassPlan(cache, rows, CPU)
        with torch.inference_mode():
            logits.append(run_pass(base, plan, torch.arange(end - start)))
        for row in rows:
            cache.lengths[row.slot] += len(row.ids)
    return torch.cat(logits)


def _whole(base: LoadedBase, ids: list[int]) -> torch.Tensor:
    base.rows.choose(base.adapters[:1])
    with torch.inference_mode():
        logits: torch.Tensor = base.network(input_ids=torch.tensor([ids])).logits[0]
    return logits


def _is_written_out(network: Any) -> bool:
    return isinstance(network.model.forward, LlamaPass)


@pytest.mark.parametrize(
    "targets",
    [
        pytest.param(TARGETS["llama"], id="all layers"),
        pytest.param(["q_proj", "v_proj"], id="two of three that read the same"),
        pytest.param(["down_proj"], id="none of those that read the same"),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_planned_pass_equals_the_modules(
    llama: TinyBase, tmp_path_factory: pytest.TempPathFactory, targets: list[str], dtype: torch.dtype
) -> None:
    sources = {
        name: str(make_adapter(llama, tmp_path_factory.mktemp(name), seed=seed, r=4, target_modules=targets))
        for seed, name in enumerate(("memory", "summary"))
    }
    base = load_base("main", str(llama.folder), sources, CPU, dtype)
    assert _is_written_out(base.network)
    near = 1e-4 if dtype is torch.float32 else 0.6  # of logits up to 40, with 8 significant bits
    torch.testing.assert_close(_planned(base, IDS, 4), _whole(base, IDS), rtol=0, atol=near)


def test_biases_and_stretched_positions_are_kept(llama: TinyBase) -> None:
    torch.manual_seed(4)
    config = LlamaConfig(
        **{name: getattr(llama.network().config, name) for name in ("vocab_size", "hidden_size", "intermediate_size")},
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, initializer_range=0.3,
        attention_bias=True, mlp_bias=True,
        rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0},
    )  # fmt: skip
    network = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    use_row_attention(network)
    tokenizer: Any = llama.tokenizer
    base = LoadedBase(name="main", network=network, tokenizer=tokenizer, rows=AdapterRows(), adapters=("nobody",))
    with torch.inference_mode():
        expected = network(input_ids=torch.tensor([IDS])).logits[0]
    run_without_modules(network, base.rows)
    assert _is_written_out(network)
    torch.testing.assert_close(_planned(base, IDS, 4), expected, rtol=0, atol=1e-4)


def test_other_networks_stay_as_they_are(llama: TinyBase) -> None:
    for kind in ("neox", "gemma2"):
        network = make_network(kind, 400)
        run_without_modules(network, AdapterRows())
        assert not any(isinstance(getattr(each, "forward", None), LlamaPass) for each in network.modules())
    other = llama.network()
    other.config.hidden_act = "gelu"
    run_without_modules(other, AdapterRows())
    assert not _is_written_out(other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tokens_adapter_by_adapter_give_what_a_mask_gives(
    llama: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    """Rows of one adapter lie apart, one has an adapter that is not there, and not all adapters change the same layers."""
    adapters = {
        "wide": make_adapter(llama, tmp_path / "wide", seed=1, r=8),
        "few": make_adapter(llama, tmp_path / "few", seed=2, r=4, target_modules=["q_proj", "down_proj"]),
        "strong": make_adapter(llama, tmp_path / "strong", seed=3, r=4, lora_alpha=32),
    }
    sources = {name: str(path) for name, path in adapters.items()}
    base = load_base("main", str(llama.folder), sources, CPU, dtype)
    names = ("wide", "few", "wide", "nobody", "strong", "few")

    def run() -> torch.Tensor:
        cache = RowCache(1024)
        for _ in names:
            cache.add_row()
        cache.reserve(len(names), len(IDS))
        rows = [RowTokens(slot=slot, adapter=name, ids=IDS[slot:]) for slot, name in enumerate(names)]
        with torch.inference_mode():
            return run_pass(base, PassPlan(cache, rows, CPU), torch.arange(sum(len(row.ids) for row in rows)))

    results = {}
    assert base.rows.takes_runs
    for long_run in (1, 1000):
        monkeypatch.setattr("models.lora.LONG_RUN", long_run)
        results[long_run] = run()
        assert [each.name for each in base.rows.runs] == (["wide", "few", "nobody", "strong"] if long_run == 1 else [])
    near = 1e-4 if dtype is torch.float32 else 0.6  # of logits up to 40, with 8 significant bits
    torch.testing.assert_close(results[1], results[1000], rtol=0, atol=near)


def test_tokens_keep_their_order_where_no_bases_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.lora.LONG_RUN", 1)
    rows = AdapterRows()
    rows.choose(["memory", "summary", "memory"])
    assert rows.sort() is None
    assert rows.names == ("memory", "summary", "memory")
    rows.takes_runs = True
    order = rows.sort()
    assert order is not None
    assert order.tolist() == [0, 2, 1]
    assert [(run.name, run.start, run.end) for run in rows.runs] == [("memory", 0, 2), ("summary", 2, 3)]
