"""One pass of a base's network over planned tokens, and what the failure of one is called."""

from __future__ import annotations

import torch
from torch import Tensor

from models.attention import PassPlan
from models.errors import GenerationError, ModelError
from models.loader import LoadedBase

STEP_TOKENS = 256
"""How many given tokens (of prompts, or of texts to score) a step reads at most, so that nobody waits long for the next one."""

NOT_FINITE = "the weights give numbers that are not finite; restore or retrain them"


def run_pass(base: LoadedBase, plan: PassPlan, keep: Tensor) -> Tensor:
    """Run the network over a planned pass; return the logits of the tokens `keep` (indices), shape (len(keep), vocabulary)."""
    base.rows.choose(plan.adapters)
    output = base.network(
        input_ids=plan.ids, position_ids=plan.positions, use_cache=False, logits_to_keep=keep, plan=plan
    )
    logits: Tensor = output.logits[0]
    return logits


def name_failure(error: Exception, what: str) -> ModelError:
    """Return one of our own errors as it is, and any other as an error of `what` ("a generation") that says what to do."""
    if isinstance(error, ModelError):
        return error
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in str(error):
        return GenerationError(f"out of memory during {what}; lower OHLORA_MAX_ROWS or choose a smaller profile")
    reason = str(error).splitlines()[0] if str(error) else ""
    return GenerationError(f"{what} failed: {type(error).__name__}: {reason}")
