"""The contestant `peft-mixed`: static batches whose rows choose their adapter by PEFT's `adapter_names`.

Whoever waits when a batch ends makes the next one. Within it replies and memories are generated in one call, then expressions and
summaries in another; a batch ends with its longest row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from models.benchmark.contest import Served
from models.benchmark.peft_models import PeftModels, encode_together, generate
from models.benchmark.workload import GenerationWork, TurnWork

_PHASES = (("output_message", "memory"), ("eyes_mouth_pose", "summary"))


@dataclass(slots=True, kw_only=True)
class _Waiting:
    user: str
    work: TurnWork
    done: asyncio.Future[Served]


class PeftMixedServer:
    """Serves turns in batches of at most `max_turns`; `work` must run beside it."""

    def __init__(self, models: PeftModels, max_turns: int) -> None:
        """Serve with `models`."""
        self._models = models
        self._max_turns = max_turns
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()

    async def serve(self, user: str, work: TurnWork, sender: str = "") -> Served:
        """Do a turn in the next batch."""
        turn = _Waiting(user=user, work=work, done=asyncio.get_running_loop().create_future())
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
                answers = await asyncio.to_thread(self._batch, [(turn.user, turn.work) for turn in batch])
            except Exception as error:
                for turn in batch:
                    turn.done.set_exception(error)
                continue
            for turn, served in zip(batch, answers, strict=True):
                with suppress(asyncio.InvalidStateError):
                    turn.done.set_result(served)

    def _batch(self, turns: Sequence[tuple[str, TurnWork]]) -> list[Served]:
        encode_together(self._models, turns)
        answers: list[Served] = []
        for phase in _PHASES:
            rows = [work.generation(adapter) for adapter in phase for _, work in turns]
            for base in {id(self._models.bases[row.adapter]): row.adapter for row in rows}.values():
                answers += self._generate([row for row in rows if self._shares(row, base)])
        return answers

    def _shares(self, row: GenerationWork, adapter: str) -> bool:
        return self._models.bases[row.adapter] is self._models.bases[adapter]

    def _generate(self, rows: Sequence[GenerationWork]) -> list[Served]:
        """Generate rows of one base; return what the replies among them give."""
        watch = generate(self._models, rows, adapter_names=[row.adapter for row in rows])
        return [
            Served(first_token_at=watch.first_token_at, reply_at=ended_at)
            for row, ended_at in zip(rows, watch.ended_at, strict=True)
            if row.adapter == "output_message"
        ]
