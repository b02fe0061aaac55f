"""The contestant `sequential`: how such bots are usually written.

One user at a time; texts encoded one by one; the four adapters one after another with transformers' `generate` (its own key-value
cache, nothing needless) and PEFT's `set_adapter`. The reply counts as there when the first generation has ended.
"""

from __future__ import annotations

import asyncio

from models.benchmark.contest import Served
from models.benchmark.peft_models import PeftModels, encode_one_by_one, generate
from models.benchmark.workload import TurnWork


class SequentialServer:
    """Serves turns in order of arrival, a whole turn at a time."""

    def __init__(self, models: PeftModels) -> None:
        """Serve with `models`."""
        self._models = models
        self._free = asyncio.Lock()  # hands itself on in order

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> Served:
        """Do a turn when those before it are done."""
        async with self._free:
            return await asyncio.to_thread(self._turn, user, work)

    def _turn(self, user: str, work: TurnWork) -> Served:
        encode_one_by_one(self._models, user, work)
        first_token_at = reply_at = 0.0
        for each in work.generations:
            self._models.bases[each.adapter].model.set_adapter(each.adapter)
            watch = generate(self._models, [each])
            if each.adapter == "output_message":
                first_token_at, reply_at = watch.first_token_at, watch.ended_at[0]
        return Served(first_token_at=first_token_at, reply_at=reply_at)
