"""Check mixed adapters against PEFT running one adapter at a time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from models.errors import WeightsError
from models.loader import LoadedBase, load_base
from models.lora import AdapterRows, MixedLoraLinear, mix_adapters
from models.profile import ADAPTER_NAMES
from tests.models.tiny import TinyBase, make_adapter

MIXES = [
    ("output_message", "memory", "summary", "eyes_mouth_pose"),
    ("memory", "memory", "output_message", "memory", "eyes_mouth_pose"),
    ("summary",),
]


def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=ids).logits
    return logits


def _choose_by_row(base: LoadedBase, adapters: Sequence[str], ids: torch.Tensor) -> None:
    """Choose an adapter for each row of `ids`, (rows, tokens)."""
    base.rows.choose([adapter for adapter in adapters for _ in range(ids.shape[1])])


@pytest.fixture
def ids(tiny: TinyBase) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(2, len(tiny.tokenizer), (5, 9), generator=generator)


@pytest.mark.parametrize("mix", MIXES)
def test_each_row_of_a_mixed_batch_equals_its_adapter_alone(
    loaded: LoadedBase, reference: Any, ids: torch.Tensor, mix: tuple[str, ...]
) -> None:
    _choose_by_row(loaded, mix, ids)
    mixed = _logits(loaded.network, ids[: len(mix)])
    for row, adapter in enumerate(mix):
        reference.set_adapter(adapter)
        torch.testing.assert_close(mixed[row], _logits(reference, ids[row : row + 1])[0], rtol=1e-4, atol=1e-4)


def test_adapters_change_what_the_base_says(loaded: LoadedBase, ids: torch.Tensor) -> None:
    same = ids[:1].expand(len(ADAPTER_NAMES), -1)
    _choose_by_row(loaded, ADAPTER_NAMES, same)
    logits = _logits(loaded.network, same)
    for one in range(len(ADAPTER_NAMES)):
        for other in range(one):
            assert (logits[one] - logits[other]).abs().max() > 0.1


def test_no_rows_chosen_leaves_the_base_alone(loaded: LoadedBase, tiny: TinyBase, ids: torch.Tensor) -> None:
    loaded.rows.choose(())
    torch.testing.assert_close(_logits(loaded.network, ids), _logits(tiny.network(), ids))


def test_row_with_an_unknown_adapter_gets_the_base(
    loaded: LoadedBase, tiny: TinyBase, reference: Any, ids: torch.Tensor
) -> None:
    _choose_by_row(loaded, ("nobody", "memory"), ids)
    mixed = _logits(loaded.network, ids[:2])
    torch.testing.assert_close(mixed[0], _logits(tiny.network(), ids[:1])[0], rtol=1e-4, atol=1e-4)
    reference.set_adapter("memory")
    torch.testing.assert_close(mixed[1], _logits(reference, ids[1:2])[0], rtol=1e-4, atol=1e-4)


def test_choice_holds_until_the_next_one(loaded: LoadedBase, ids: torch.Tensor) -> None:
    _choose_by_row(loaded, ("memory", "summary"), ids)
    first = _logits(loaded.network, ids[:2])
    _choose_by_row(loaded, ("summary", "memory"), ids)
    other = _logits(loaded.network, ids[:2])
    _choose_by_row(loaded, ("memory", "summary"), ids)
    assert torch.equal(_logits(loaded.network, ids[:2]), first)
    assert not torch.allclose(other, first)


def test_layers_hold_the_ranks_of_all_adapters(loaded: LoadedBase) -> None:
    layers = [module for module in loaded.network.modules() if isinstance(module, MixedLoraLinear)]
    assert layers
    assert {layer.rank for layer in layers} == {4 + 8 + 8 + 4}


def _logits_with_peft(base: TinyBase, adapters: dict[str, Path], active: str, ids: torch.Tensor) -> torch.Tensor:
    """Load only `active`, so that no other adapter can have a part in it."""
    return _logits(PeftModel.from_pretrained(base.network(), str(adapters[active])).eval(), ids)


def test_adapters_with_other_targets_patterns_and_scalings_share_a_batch(llama: TinyBase, tmp_path: Path) -> None:
    adapters = {
        "plain": make_adapter(llama, tmp_path / "plain", seed=1, r=4),
        "few": make_adapter(llama, tmp_path / "few", seed=2, r=8, target_modules=["q_proj", "down_proj"]),
        "strong": make_adapter(llama, tmp_path / "strong", seed=3, r=4, lora_alpha=2, use_rslora=True),
        "patterned": make_adapter(llama, tmp_path / "p", seed=4, r=4, rank_pattern={"q_proj": 2}, lora_dropout=0.5),
    }
    sources = {name: str(path) for name, path in adapters.items()}
    mixed = load_base("main", str(llama.folder), sources, torch.device("cpu"), torch.float32)
    ids = torch.randint(2, len(llama.tokenizer), (4, 7), generator=torch.Generator().manual_seed(6))
    _choose_by_row(mixed, tuple(adapters), ids)
    logits = _logits(mixed.network, ids)
    for row, name in enumerate(adapters):
        alone = _logits_with_peft(llama, adapters, name, ids[row : row + 1])[0]
        torch.testing.assert_close(logits[row], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param({"use_dora": True}, id="dora"),
        pytest.param({"lora_bias": True}, id="bias in lora_B"),
        pytest.param({"bias": "lora_only"}, id="bias of the base"),
        pytest.param({"modules_to_save": ["embed_out"]}, id="whole modules"),
        pytest.param({"target_modules": ["query_key_value", "embed_in"]}, id="embeddings"),
    ],
)
def test_adapter_that_rows_cannot_share_is_refused(neox: TinyBase, tmp_path: Path, variant: dict[str, Any]) -> None:
    folder = make_adapter(neox, tmp_path / "adapter", r=4, **variant)
    with pytest.raises(WeightsError):
        load_base("main", str(neox.folder), {"memory": str(folder)}, torch.device("cpu"), torch.float32)


def test_dora_is_refused_whatever_loads_it(llama: TinyBase, tmp_path: Path) -> None:
    folder = make_adapter(llama, tmp_path / "adapter", r=4, use_dora=True)
    peft = PeftModel.from_pretrained(llama.network(), str(folder))
    with pytest.raises(WeightsError, match="plain LoRA"):
        mix_adapters(peft)


def test_mask_is_made_once_for_layers_of_one_layout() -> None:
    rows = AdapterRows()
    rows.choose(("b", "a", "nobody", "b"))
    columns = {"a": (0, 2), "b": (2, 3)}
    mask = rows.mask(columns, torch.zeros(1), 0)
    assert (mask.first, mask.last) == (0, 3)
    assert mask.factors is not None
    assert mask.factors[:, 0].tolist() == [[0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert rows.mask(columns, torch.zeros(1), 0) is mask


def test_mask_leaves_out_ranks_that_no_token_has() -> None:
    rows = AdapterRows()
    rows.choose(("c", "b"))
    mask = rows.mask({"a": (0, 2), "b": (2, 3), "c": (3, 5)}, torch.zeros(1), 0)
    assert (mask.first, mask.last) == (2, 5)
    assert mask.factors is not None
    assert mask.factors[:, 0].tolist() == [[0, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(("chosen", "ranks"), [("b", (2, 3)), ("nobody", (0, 0))])
def test_one_adapter_for_all_tokens_needs_no_factors(chosen: str, ranks: tuple[int, int]) -> None:
    rows = AdapterRows()
    rows.choose((chosen, chosen, chosen))
    mask = rows.mask({"a": (0, 2), "b": (2, 3), "c": (3, 5)}, torch.zeros(1), 0)
    assert ((mask.first, mask.last), mask.factors) == (ranks, None)


def test_batch_without_any_adapter_of_a_layer_gets_its_base(
    loaded: LoadedBase, tiny: TinyBase, ids: torch.Tensor
) -> None:
    _choose_by_row(loaded, ["nobody"] * len(ids), ids)
    torch.testing.assert_close(_logits(loaded.network, ids), _logits(tiny.network(), ids))


def test_layers_with_one_input_are_right_in_whatever_order_they_are_called(llama: TinyBase) -> None:
    mixed = load_base("main", str(llama.folder), llama.sources(), torch.device("cpu"), torch.float32)
    attention = mixed.network.model.layers[0].self_attn
    layers = [attention.q_proj, attention.k_proj, attention.v_proj]
    mixed.rows.choose(("memory",))
    inputs = [torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    with torch.inference_mode():
        expected = [[layer(x.clone()) for layer in layers] for x in inputs]  # no two calls with one tensor
        for order in permutations(range(3)):
            for number in (0, 1, 0):
                for place in order:
                    torch.testing.assert_close(layers[place](inputs[number]), expected[number][place])


def test_adapter_folder_of_another_base_is_refused(llama: TinyBase, neox: TinyBase) -> None:
    with pytest.raises(WeightsError, match="adapter memory") as caught:
        load_base(
            "main", str(llama.folder), {"memory": str(neox.adapters["memory"])}, torch.device("cpu"), torch.float32
        )
    assert "\n" not in str(caught.value)


def test_adapter_of_another_width_is_refused(llama: TinyBase, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(llama.adapters["memory"], folder)
    config = folder / "adapter_config.json"
    config.write_text(config.read_text().replace('"r": 8', '"r": 6'))
    with pytest.raises(WeightsError, match="adapter memory"):
        load_base("main", str(llama.folder), {"memory": str(folder)}, torch.device("cpu"), torch.float32)
