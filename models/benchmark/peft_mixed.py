"""The contestant `peft-mixed`: static batches whose rows choose their adapter by PEFT's `adapter_names`.

Whoever waits when a batch ends makes the next one. Within it replies and memories are generated in one call, then expressions and
summaries in another; a batch ends with its longest row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from models.benchmark.peft_models import PeftModels, encode_together, generate
from models.benchmark.workload import GenerationWork, TurnWork

_PHASES = (("output_message", "memory"), ("eyes_mouth_pose", "summary"))


@dataclass(slots=True, kw_only=True)
class _Waiting:
    work: TurnWork
    done: asyncio.Future[tuple[float, float]]


class PeftMixedServer:
    """Serves turns in batches of at most `max_turns`; `work` must run beside it."""

    def __init__(self, models: PeftModels, max_turns: int) -> None:
        """Serve with `models`."""
        self._models = models
        self._max_turns = max_turns
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> tuple[float, float]:
        """Do a turn in the next batch."""
        turn = _Waiting(work=work, done=asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        self._arrived.set()
        return await turn.done

    async def work(self) -> None:
        """Run batch after batch for ever."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(0)  # those who were answered together write together
            batch, self._waiting = self._waiting[: self._max_turns], self._waiting[self._max_turns :]
            if not self._waiting:
                self._arrived.clear()
            try:
                times = await asyncio.to_thread(self._batch, [turn.work for turn in batch])
            except Exception as error:
                for turn in batch:
                    turn.done.set_exception(error)
                continue
            for turn, time in zip(batch, times, strict=True):
                with suppress(asyncio.InvalidStateError):
                    turn.done.set_result(time)

    def _batch(self, works: Sequence[TurnWork]) -> list[tuple[float, float]]:
        encode_together(self._models, works)
        times: list[tuple[float, float]] = []
        for phase in _PHASES:
            rows = [work.generation(adapter) for adapter in phase for work in works]
            for base in {id(self._models.bases[row.adapter]): row.adapter for row in rows}.values():
                times += self._generate([row for row in rows if self._shares(row, base)])
        return times

    def _shares(self, row: GenerationWork, adapter: str) -> bool:
        return self._models.bases[row.adapter] is self._models.bases[adapter]

    def _generate(self, rows: Sequence[GenerationWork]) -> list[tuple[float, float]]:
        """Generate rows of one base; return the times of the replies among them."""
        watch = generate(self._models, rows, adapter_names=[row.adapter for row in rows])
        return [
            (watch.first_token_at, ended_at)
            for row, ended_at in zip(rows, watch.ended_at, strict=True)
            if row.adapter == "output_message"
        ]
