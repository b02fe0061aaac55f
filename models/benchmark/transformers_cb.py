"""The contestant `transformers-cb`: transformers' own continuous batching.

It knows no adapters in a batch, so each adapter is merged into a copy of its base, and each copy has a manager with a thread of its
own. The generations of a turn depend on each other as they do in the engine.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import ContinuousBatchingConfig, GenerationConfig

from models.benchmark.contest import Served
from models.benchmark.peft_models import PeftModels, encode_together
from models.benchmark.workload import GenerationWork, TurnWork
from models.errors import ModelError
from models.profile import ADAPTER_NAMES

_PAGE, _BLOCKS = 32, 256  # tokens of a page, pages of a layer: room for 64 rows of 128 tokens
# The mask of attention is held for this many tokens times all pages. By default it is 8,192, half a gigabyte for each adapter, and a
# CPU is busy for minutes before the first token; 256 is what the engine reads in one step.
_BATCH_TOKENS, _BATCH_ROWS = 256, 64


class TransformersServer:
    """Serves turns over one manager for each adapter."""

    def __init__(self, models: PeftModels, managers: dict[str, Any]) -> None:
        """Made by `open_transformers_server`."""
        self._models = models
        self._managers = managers
        self._encoding = asyncio.Lock()

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> Served:
        """Do a turn: encode, reply beside memory, expression beside summary."""
        async with self._encoding:
            await asyncio.to_thread(encode_together, self._models, [(user, work)])
        (first_token_at, reply_at), _ = await asyncio.gather(
            self._generate(work.generation("output_message")), self._generate(work.generation("memory"))
        )
        await asyncio.gather(
            self._generate(work.generation("eyes_mouth_pose")), self._generate(work.generation("summary"))
        )
        return Served(first_token_at=first_token_at, reply_at=reply_at)

    async def _generate(self, work: GenerationWork) -> tuple[float, float]:
        manager = self._managers[work.adapter]
        tokenizer = self._models.bases[work.adapter].tokenizer
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        first_token_at = 0.0

        def see(output: Any) -> None:
            nonlocal first_token_at
            first_token_at = first_token_at or time.perf_counter()
            if output.error and not done.done():
                done.set_exception(ModelError(f"transformers' continuous batching failed: {output.error}"))
            elif output.is_finished() and not done.done():
                done.set_result(time.perf_counter())

        name = f"{id(done)}-{time.perf_counter_ns()}"
        manager.register_result_handler(name, see)
        ids = list(tokenizer(work.prompt)["input_ids"])
        added = manager.add_request(
            ids, request_id=name, max_new_tokens=work.new_tokens, streaming=True, eos_token_id=-1
        )
        if added is None:
            raise ModelError("transformers' continuous batching takes no requests")
        ended_at = await done
        return first_token_at, ended_at


@contextmanager
def open_transformers_server(models: PeftModels) -> Iterator[TransformersServer]:
    """Merge the adapters, start the managers, and stop them at the end."""
    managers = {}
    for name in ADAPTER_NAMES:
        base = copy.deepcopy(models.bases[name].model)
        base.set_adapter(name)
        network = base.merge_and_unload()
        network.set_attn_implementation("sdpa")
        config = GenerationConfig(do_sample=True, temperature=0.6, top_p=0.9, eos_token_id=-1, max_new_tokens=128)
        manager = network.init_continuous_batching(
            generation_config=config,
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=_PAGE,
                num_blocks=_BLOCKS,
                max_batch_tokens=_BATCH_TOKENS,
                max_requests_per_batch=_BATCH_ROWS,
            ),
        )
        manager.start()
        managers[name] = manager
    try:
        yield TransformersServer(models, managers)
    finally:
        for manager in managers.values():
            manager.stop(block=True)
