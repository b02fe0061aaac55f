"""Several LoRA adapters in one forward pass, and one product where a base has several.

PEFT's `adapter_names` runs one small product for each adapter of a batch. Here the adapters of a layer are laid side by side: with
the ranks *r₁ … rₖ* and *R* their sum, `A` is (R, in) and `B` (R, out), the latter multiplied by each adapter's scaling already. A mask
chooses, for each token, the columns of its own adapter; where all tokens have the same, these columns are taken as they are. And as
`A` reads what the layer itself reads, it stands under the layer's own weight, and under those of its neighbours that read the same
(query, key and value; gate and up), in one matrix:

    y₁ … yₙ, h₁ … hₙ = x · [W₁; …; Wₙ; A₁; …; Aₙ]ᵀ        one product for all of them
    result i         = yᵢ + (hᵢ * mask) · Bᵢ              one small product each

A token pays so for the ranks of every adapter, which is nothing while the weights of few tokens come from memory, and a third of the
work of many. So in a pass of many tokens that stand adapter by adapter (`AdapterRows.sort`) each run of them is multiplied with its own
A and B alone, behind a product of the base's weights alone (`keep_bases_apart`).

(docs/decisions/0003-mixed-adapters.md and docs/performance.md have the measurements.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from peft import PeftModel
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn
from torch.nn.functional import linear

from models.errors import WeightsError

TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Layers that read the same input, by the names that transformers gives them, in the order in which it calls them."""
LONG_RUN = 12
"""Tokens an adapter in a pass, on average, from which on runs are quicker than a mask over the ranks of all (docs/performance.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMask:
    """Which of a layer's ranks act on which token: `factors`, (tokens, 1, ranks) of ones and zeros, of the ranks `first` to before `last`.

    Further ranks belong to adapters that no token has. Without `factors` these ranks act on every token.
    """

    first: int
    last: int
    factors: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRun:
    """Tokens of one adapter that stand side by side in a pass: from `start` to before `end`."""

    name: str
    start: int
    end: int


class AdapterRows:
    """The adapter of each token of the batch that runs next; shared by all layers of one base model."""

    def __init__(self) -> None:
        """Start with no adapters chosen: every layer then computes its base alone."""
        self.names: tuple[str, ...] = ()
        self.runs: tuple[AdapterRun, ...] = ()
        self.takes_runs = False
        self._masks: dict[int, RankMask] = {}

    def choose(self, names: Sequence[str]) -> None:
        """Set the adapter of each token, row after row, or of all tokens by one name; holds until the next call."""
        self.names = tuple(names)
        self.runs = ()
        self._masks.clear()

    def sort(self) -> Tensor | None:
        """Where runs pay (and `takes_runs`), have the tokens adapter by adapter from now on, and return their order, (tokens,); else None."""
        counts = Counter(self.names)
        if not self.takes_runs or not counts or len(self.names) < LONG_RUN * len(counts):
            return None
        first = {name: number for number, name in enumerate(counts)}
        order = sorted(range(len(self.names)), key=lambda place: first[self.names[place]])
        ends = accumulate(counts.values())
        self.choose([self.names[place] for place in order])
        self.runs = tuple(
            AdapterRun(name=name, start=end - count, end=end)
            for (name, count), end in zip(counts.items(), ends, strict=True)
        )
        return torch.tensor(order)

    def mask(self, columns: dict[str, tuple[int, int]], like: Tensor, key: int) -> RankMask:
        """Return the mask for a layer whose adapters own `columns` (start, end)."""
        mask = self._masks.get(key)
        if mask is None:
            mask = self._masks[key] = self._make_mask(columns, like)
        return mask

    def _make_mask(self, columns: dict[str, tuple[int, int]], like: Tensor) -> RankMask:
        order = {name: number for number, name in enumerate(dict.fromkeys(self.names))}
        owned = [columns[name] for name in order if name in columns]
        first = min((start for start, _ in owned), default=0)
        last = max((end for _, end in owned), default=0)
        if len(order) == 1:
            return RankMask(first=first, last=last, factors=None)
        table = torch.zeros(len(order), last - first, dtype=like.dtype)
        for name, number in order.items():
            start, end = columns.get(name, (first, first))
            table[number, start - first : end - first] = 1
        factors = table[torch.tensor([order[name] for name in self.names])][:, None].to(like.device)
        return RankMask(first=first, last=last, factors=factors)


class MixedLoraLinear(nn.Module):
    """Linear layers that read the same input, with all their adapters, as one product; the mask decides by token which adapter acts."""

    def __init__(self, layers: Sequence[PeftLinear], rows: AdapterRows, key: int) -> None:
        """Take PEFT's layers, which hold the same adapters; `key` is equal for layers with equal columns."""
        super().__init__()
        self.columns: dict[str, tuple[int, int]] = {}
        self._rows = rows
        self._key = key
        bases = [layer.base_layer for layer in layers]
        like = bases[0].weight
        all_a, all_b = zip(*(self._lay_side_by_side(layer) for layer in layers), strict=True)
        self.sizes = [base.weight.shape[0] for base in bases]
        self._end = sum(self.sizes)
        self.rank = all_a[0].shape[0]
        biases = [base.bias for base in bases]
        weight = torch.cat([base.weight.data for base in bases] + [lora_a.to(like) for lora_a in all_a])
        self.product = _linear(weight, None if biases[0] is None else self._join_biases(biases, len(layers)))
        for number, lora_b in enumerate(all_b):
            self.register_buffer(f"lora_b_{number}", lora_b.to(like).contiguous())
        self.base: nn.Linear | None = None

    def keep_base_apart(self) -> None:
        """Have the base's weights once more by themselves, and each adapter's A, for passes whose tokens stand in runs.

        A is so narrow that packing it (models/half_weights.py) makes its product slower.
        """
        weight, bias = self.product.weight.data, self.product.bias
        self.base = _linear(weight[: self._end], None if bias is None else bias.data[: self._end])
        by_layer = weight[self._end :].view(len(self.sizes), self.rank, -1)
        for first, last in self.columns.values():
            own = by_layer[:, first:last].flatten(0, 1).clone()  # a view would keep all of `weight` when that is packed
            self.register_buffer(f"lower_{first}", own)

    def apart(self) -> list[Tensor]:
        """Return the weights that are kept by themselves, but what is packed."""
        if self.base is None:
            return []
        return [*self.base.parameters(), *(getattr(self, f"lower_{first}") for first, _ in self.columns.values())]

    def _lay_side_by_side(self, layer: PeftLinear) -> tuple[Tensor, Tensor]:
        """Return all A of a layer one under another, (rank, in), and all scaled B, (rank, out)."""
        parts_a, parts_b, start = [], [], 0
        for name, module in layer.lora_A.items():
            rank = module.weight.shape[0]
            self.columns[name] = (start, start + rank)
            parts_a.append(module.weight.data)
            parts_b.append(layer.lora_B[name].weight.data.t() * layer.scaling[name])
            start += rank
        if not all(bool(torch.isfinite(part).all()) for part in (*parts_a, *parts_b)):
            raise WeightsError("an adapter holds numbers that are not finite; restore or retrain it")
        return torch.cat(parts_a), torch.cat(parts_b)

    def _join_biases(self, biases: Sequence[Tensor], layers: int) -> Tensor:
        return torch.cat([*(bias.data for bias in biases), biases[0].data.new_zeros(layers * self.rank)])

    def side_by_side(self, x: Tensor) -> Tensor:
        """Map (tokens, in) to the results of the layers one beside the other, (tokens, sum of out)."""
        if self.base is not None and self._rows.runs:
            return self._by_run(x, self.base)
        product: Tensor = self.product(x)
        *own, lowered = product.split_with_sizes((*self.sizes, len(self.sizes) * self.rank), dim=1)
        if self._rows.names:
            mask = self._rows.mask(self.columns, x, self._key)
            by_layer = lowered.view(len(x), len(self.sizes), self.rank)
            acting = by_layer.narrow(2, mask.first, mask.last - mask.first)
            if mask.factors is not None:
                acting = acting * mask.factors
            for number, (result, chosen) in enumerate(zip(own, acting.unbind(1), strict=True)):
                lora_b: Tensor = getattr(self, f"lora_b_{number}")
                result.addmm_(chosen, lora_b.narrow(0, mask.first, mask.last - mask.first))  # in its place in `product`
        return product.narrow(1, 0, self._end)

    def _by_run(self, x: Tensor, base: nn.Linear) -> Tensor:
        product: Tensor = base(x)
        for run in self._rows.runs:
            if run.name not in self.columns:
                continue
            first, last = self.columns[run.name]
            lower: Tensor = getattr(self, f"lower_{first}")
            lowered = linear(x[run.start : run.end], lower)
            results = product[run.start : run.end].split_with_sizes(self.sizes, dim=1)
            for number, (result, chosen) in enumerate(zip(results, lowered.chunk(len(self.sizes), dim=1), strict=True)):
                lora_b: Tensor = getattr(self, f"lora_b_{number}")
                result.addmm_(chosen, lora_b[first:last])  # in its place in `product`
        return product

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (rows, tokens, in) to the results of the layers, each (rows, tokens, out)."""
        results = self.side_by_side(x.flatten(0, -2)).split_with_sizes(self.sizes, dim=1)
        return [each.view(*x.shape[:-1], -1) for each in results]


class JointLayer(nn.Module):
    """Stands where one of several layers with the same input stood: the first that is called computes them all.

    What it computes for the others waits for their calls with the very same tensor, and is held no longer than to the last of them,
    so a pass holds what it would hold anyway. Called in another order, or with another tensor, a layer computes anew: slower, and
    right all the same.
    """

    def __init__(self, shared: MixedLoraLinear, place: int, results: dict[int, tuple[Tensor, Tensor]]) -> None:
        """Take the result at `place` of `shared`; `results` is common to those that share it."""
        super().__init__()
        self.shared_by = len(shared.sizes)
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


def keep_bases_apart(network: nn.Module, rows: AdapterRows) -> None:
    """Let long passes of `network`, into which the adapters of `rows` are mixed, multiply with what their tokens need alone.

    This is for a processor, before weights are packed: those of the base are held a second time then. A GPU reads the ranks of all
    adapters in hardly any time.
    """
    rows.takes_runs = True
    for module in list(network.modules()):
        if isinstance(module, MixedLoraLinear):
            module.keep_base_apart()


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer


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
