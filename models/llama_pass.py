"""A Llama's pass over planned tokens, without the modules between its products.

A pass of few tokens through a small network is over sooner than Python gets from one module of transformers to the next: more than
half of its time (docs/performance.md). So the pass is written out here, with the same weights, for the one architecture that the
profiles' bases have nearly all in common. Every other network, and a Llama without a plan, runs as transformers has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu
from transformers import LlamaForCausalLM
from transformers.modeling_outputs import BaseModelOutputWithPast

from models.attention import PassPlan, attend_rows
from models.lora import AdapterRows, JointLayer

Product = Callable[[Tensor], Tensor]
"""Maps (tokens, in) to the results of layers that read the same, one beside the other, (tokens, sum of out)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """A decoder layer's products, and the weights of its two norms."""

    attention_norm: Tensor
    query_key_value: Product
    attention_out: Product
    mlp_norm: Tensor
    gate_up: Product
    mlp_out: Product


class LlamaPass:
    """Runs a Llama's layers; stands in place of its `forward`."""

    def __init__(self, model: Any, rows: AdapterRows) -> None:
        """Take the layers of `model` (transformers' `LlamaModel`) as they are now: on their device, with the adapters of `rows` and packed weights."""
        self._model = model
        self._rows = rows
        self._as_transformers_has_it = model.forward
        config = model.config
        self._epsilon = config.rms_norm_eps
        self._width = model.layers[0].self_attn.head_dim
        self._scaling = model.layers[0].self_attn.scaling
        self._heads, self._key_heads = config.num_attention_heads, config.num_key_value_heads
        self._layers = [_read_layer(layer) for layer in model.layers]

    def __call__(self, *, plan: PassPlan | None = None, **others: Any) -> Any:
        """Return the states behind the last norm, (1, tokens, width of the model), of the tokens of `plan`."""
        if plan is None:
            return self._as_transformers_has_it(**others)
        states = self._model.embed_tokens(plan.ids[0])
        turn = self._rotation(states, plan.positions)
        order = _Order.of(self._rows.sort(), states.device)
        states = order.by_adapter(states)
        for number, layer in enumerate(self._layers):
            states = states + self._attend(states, turn, plan, number, layer, order)
            states = states + self._think(states, layer)
        last = rms_norm(order.by_row(states), states.shape[1:], self._model.norm.weight, self._epsilon)
        return BaseModelOutputWithPast(last_hidden_state=last[None])

    def _rotation(self, states: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and sines of the positions, (tokens, 1, head width); the sines of a head's first half are negated."""
        cosines, sines = self._model.rotary_emb(states, positions)
        half = self._width // 2
        signed = torch.cat((-sines[0, :, :half], sines[0, :, half:]), dim=-1)
        return cosines[0, :, None], signed[:, None]

    def _attend(
        self,
        states: Tensor,
        turn: tuple[Tensor, Tensor],
        plan: PassPlan,
        number: int,
        layer: _Layer,
        order: _Order,
    ) -> Tensor:
        product = layer.query_key_value(rms_norm(states, states.shape[1:], layer.attention_norm, self._epsilon))
        heads = order.by_row(product).view(len(states), -1, self._width)  # queries, then keys, then values
        asked = self._heads + self._key_heads
        turned = heads[:, :asked]
        cosines, sines = turn
        turned = torch.addcmul(turned * cosines, turned.roll(self._width // 2, -1), sines)
        attended = attend_rows(
            plan, number, turned[:, : self._heads], turned[:, self._heads :], heads[:, asked:], self._scaling
        )
        return layer.attention_out(order.by_adapter(attended.flatten(1)))

    def _think(self, states: Tensor, layer: _Layer) -> Tensor:
        product = layer.gate_up(rms_norm(states, states.shape[1:], layer.mlp_norm, self._epsilon))
        gate, up = product.chunk(2, dim=-1)
        return layer.mlp_out(silu(gate) * up)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """The order in which products read the tokens of a pass: that of the rows, or adapter by adapter (`there`, and `back` again)."""

    there: Tensor | None = None
    back: Tensor | None = None

    @classmethod
    def of(cls, order: Tensor | None, device: torch.device) -> _Order:
        if order is None:
            return cls()
        return cls(there=order.to(device), back=order.argsort().to(device))

    def by_adapter(self, states: Tensor) -> Tensor:
        return states if self.there is None else states[self.there]

    def by_row(self, states: Tensor) -> Tensor:
        return states if self.back is None else states[self.back]


def run_without_modules(network: Any, rows: AdapterRows) -> None:
    """Let `network`, with the adapters of `rows`, run planned passes as this file does, if it is a Llama; call it when its weights are where they stay."""
    if isinstance(network, LlamaForCausalLM) and _is_plain(network.config):
        network.model.forward = LlamaPass(network.model, rows)


def _is_plain(config: Any) -> bool:
    return bool(config.hidden_act == "silu" and config.rope_parameters.get("partial_rotary_factor", 1) == 1)


def _read_layer(layer: Any) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    return _Layer(
        attention_norm=layer.input_layernorm.weight,
        query_key_value=_side_by_side((attention.q_proj, attention.k_proj, attention.v_proj)),
        attention_out=_side_by_side((attention.o_proj,)),
        mlp_norm=layer.post_attention_layernorm.weight,
        gate_up=_side_by_side((mlp.gate_proj, mlp.up_proj)),
        mlp_out=_side_by_side((mlp.down_proj,)),
    )


def _side_by_side(layers: Sequence[nn.Module]) -> Product:
    """Return the product of layers that read the same: the one that their adapters share, or each layer's own behind one another."""
    first = layers[0]
    if isinstance(first, JointLayer) and first.shared_by == len(layers):
        return first.shared.side_by_side
    if len(layers) == 1:
        return first.forward
    return lambda x: torch.cat([layer(x) for layer in layers], dim=-1)
