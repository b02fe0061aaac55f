"""Several LoRA adapters in one forward pass, and one product where a base has several.

PEFT's `adapter_names` runs one small product for each adapter of a batch. Here the adapters of a layer are laid side by side: with
the ranks *r₁ … rₖ* and *R* their sum, `A` is (R, in) and `B` (R, out); a mask chooses, for each row, the columns of its own adapter,
already multiplied by that adapter's scaling. And as `A` reads what the layer itself reads, it stands under the layer's own weight, and
under those of its neighbours that read the same (query, key and value; gate and up), in one matrix:

    y₁ … yₙ, h₁ … hₙ = x · [W₁; …; Wₙ; A₁; …; Aₙ]ᵀ        one product for all of them
    result i         = yᵢ + (hᵢ * mask) · Bᵢ              one small product each

(docs/decisions/0003-mixed-adapters.md and docs/performance.md have the measurements.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn

from models.errors import WeightsError

TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Layers that read the same input, by the names that transformers gives them, in the order in which it calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMask:
    """Which of a layer's ranks act on which row: `factors`, (rows, 1, ranks) or (1, tokens, ranks), of the ranks `first` to before `last`.

    Further ranks belong to adapters that no row has.
    """

    first: int
    last: int
    factors: Tensor


class AdapterRows:
    """The adapter of each row, or of each token, of the batch that runs next; shared by all layers of one base model."""

    def __init__(self) -> None:
        """Start with no rows chosen: every layer then computes its base alone."""
        self.names: tuple[str, ...] = ()
        self._by_token = False
        self._masks: dict[int, RankMask] = {}

    def choose(self, names: Sequence[str], *, by_token: bool = False) -> None:
        """Set the adapter of each row, or of each token of a batch of one row; holds until the next call."""
        self.names = tuple(names)
        self._by_token = by_token
        self._masks.clear()

    def mask(self, columns: dict[str, tuple[int, int, float]], like: Tensor, key: int) -> RankMask:
        """Return the mask for a layer whose adapters own `columns` (start, end, scaling)."""
        mask = self._masks.get(key)
        if mask is None:
            order = {name: number for number, name in enumerate(dict.fromkeys(self.names))}
            owned = [columns[name] for name in order if name in columns]
            first = min((start for start, _, _ in owned), default=0)
            last = max((end for _, end, _ in owned), default=0)
            table = torch.zeros(len(order), last - first, dtype=like.dtype)
            for name, number in order.items():
                start, end, scaling = columns.get(name, (first, first, 0.0))
                table[number, start - first : end - first] = scaling
            chosen = table[torch.tensor([order[name] for name in self.names])].to(like.device)
            mask = self._masks[key] = RankMask(
                first=first, last=last, factors=chosen[None] if self._by_token else chosen[:, None]
            )
        return mask


class MixedLoraLinear(nn.Module):
    """Linear layers that read the same input, with all their adapters, as one product; the mask decides by row which adapter acts."""

    def __init__(self, layers: Sequence[PeftLinear], rows: AdapterRows, key: int) -> None:
        """Take PEFT's layers, which hold the same adapters; `key` is equal for layers with equal columns."""
        super().__init__()
        self.columns: dict[str, tuple[int, int, float]] = {}
        self._rows = rows
        self._key = key
        bases = [layer.base_layer for layer in layers]
        like = bases[0].weight
        all_a, all_b = zip(*(self._lay_side_by_side(layer) for layer in layers), strict=True)
        self.sizes = [base.weight.shape[0] for base in bases]
        self.rank = all_a[0].shape[0]
        biases = [base.bias for base in bases]
        weight = torch.cat([base.weight.data for base in bases] + [lora_a.to(like) for lora_a in all_a])
        self.product = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        self.product.weight = nn.Parameter(weight, requires_grad=False)
        if biases[0] is not None:
            self.product.bias = nn.Parameter(self._join_biases(biases, len(layers)), requires_grad=False)
        for number, lora_b in enumerate(all_b):
            self.register_buffer(f"lora_b_{number}", lora_b.to(like).contiguous())

    def _lay_side_by_side(self, layer: PeftLinear) -> tuple[Tensor, Tensor]:
        """Return all A of a layer one under another, (rank, in), and all B, (rank, out)."""
        parts_a, parts_b, start = [], [], 0
        for name, module in layer.lora_A.items():
            rank = module.weight.shape[0]
            self.columns[name] = (start, start + rank, float(layer.scaling[name]))
            parts_a.append(module.weight.data)
            parts_b.append(layer.lora_B[name].weight.data.t())
            start += rank
        if not all(bool(torch.isfinite(part).all()) for part in (*parts_a, *parts_b)):
            raise WeightsError("an adapter holds numbers that are not finite; restore or retrain it")
        return torch.cat(parts_a), torch.cat(parts_b)

    def _join_biases(self, biases: Sequence[Tensor], layers: int) -> Tensor:
        return torch.cat([*(bias.data for bias in biases), biases[0].data.new_zeros(layers * self.rank)])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (rows, tokens, in) to the results of the layers, each (rows, tokens, out)."""
        parts = torch.split(self.product(x), [*self.sizes, *[self.rank] * len(self.sizes)], dim=-1)
        if not self._rows.names:
            return list(parts[: len(self.sizes)])
        mask = self._rows.mask(self.columns, x, self._key)
        acting = slice(mask.first, mask.last)
        results = []
        for number, size in enumerate(self.sizes):
            chosen = (parts[len(self.sizes) + number][..., acting] * mask.factors).flatten(0, -2)
            lora_b: Tensor = getattr(self, f"lora_b_{number}")
            own = parts[number].reshape(-1, size)
            results.append(torch.addmm(own, chosen, lora_b[acting]).view(*x.shape[:-1], size))
        return results


class JointLayer(nn.Module):
    """Stands where one of several layers with the same input stood: the first that is called computes them all.

    What it computes for the others waits for their calls with the very same tensor, and is held no longer than to the last of them,
    so a pass holds what it would hold anyway. Called in another order, or with another tensor, a layer computes anew: slower, and
    right all the same.
    """

    def __init__(self, shared: MixedLoraLinear, place: int, results: dict[int, tuple[Tensor, Tensor]]) -> None:
        """Take the result at `place` of `shared`; `results` is common to those that share it."""
        super().__init__()
        if place == 0:
            self.shared = shared  # registered once, so that it moves between devices with the model
        self._compute = shared.forward
        self._place = place
        self._results = results

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, tokens, in) to (rows, tokens, out)."""
        held = self._results.pop(self._place, None)
        if held is not None and held[0] is x:  # not only equal: it is held, so no other tensor can have its address
            return held[1]
        computed = self._compute(x)
        self._results.clear()
        self._results.update({place: (x, each) for place, each in enumerate(computed) if place != self._place})
        if self._place == len(computed) - 1:
            self._results.clear()
        return computed[self._place]


def mix_adapters(model: PeftModel) -> tuple[nn.Module, AdapterRows]:
    """Replace every PEFT linear layer; return the base model and the row choice.

    Raises:
        WeightsError: an adapter uses a LoRA variant (DoRA, embeddings) that rows cannot share, or holds numbers that are not
            finite, which the mask would spread to the rows of the others.
    """
    rows = AdapterRows()
    base: nn.Module = model.get_base_model()
    keys: dict[tuple[object, ...], int] = {}
    for parent in list(base.modules()):
        for names in _groups(parent):
            layers = [parent.get_submodule(name) for name in names]
            for name, layer in zip(names, layers, strict=True):
                if not isinstance(layer, PeftLinear) or getattr(layer, "lora_variant", None):
                    raise WeightsError(f"layer {name}: only plain LoRA on linear layers can be mixed in a batch")
            shared = MixedLoraLinear(layers, rows, keys.setdefault(_layout(layers[0]), len(keys)))
            results: dict[int, tuple[Tensor, Tensor]] = {}
            for place, name in enumerate(names):
                setattr(parent, name, JointLayer(shared, place, results))
    return base, rows


def _groups(parent: nn.Module) -> Iterator[tuple[str, ...]]:
    """Yield the names of the adapted children of `parent`: together where they read the same input and hold the same adapters."""
    adapted = [name for name, child in parent.named_children() if hasattr(child, "lora_A")]
    for names in TOGETHER:
        layers = [parent.get_submodule(name) for name in names if name in adapted]
        if len(layers) == len(names) and len({_layout(layer) for layer in layers}) == 1:
            yield names
            adapted = [name for name in adapted if name not in names]
    yield from ((name,) for name in adapted)


def _layout(layer: nn.Module) -> tuple[object, ...]:
    """Return what must be equal for layers to share a mask and a product: adapters with ranks and scalings, and whether there is a bias."""
    if not isinstance(layer, PeftLinear):
        return (id(layer),)
    adapters = tuple((name, part.weight.shape[0], round(layer.scaling[name], 6)) for name, part in layer.lora_A.items())
    return (*adapters, layer.base_layer.bias is None)
