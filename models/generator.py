"""The real `TextGenerator`: adapters of a profile, decoded together on the device thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.decode_batch import DecodeBatch
from models.device import DeviceThread, Worker
from models.errors import GenerationError
from models.loader import LoadedBase
from models.prompt_ids import PromptIds
from models.receiver import Delivery, Receiver
from models.scoring import ScoreRequest, ScoreWorker
from models.sequence import DecodeSequence
from models.types import Generation, Sampling


class DecodeWorker(Worker):
    """A `DecodeBatch` as a worker of the device thread."""

    def __init__(self, batch: DecodeBatch) -> None:
        """Advance `batch` a step at a time."""
        self.batch = batch

    def has_work(self) -> bool:
        """Tell whether sequences wait or live."""
        return self.batch.has_work()

    def step(self) -> None:
        """Run one decode step."""
        self.batch.step()

    def close(self, error: Exception) -> None:
        """Fail every sequence."""
        self.batch.fail(error)
        self.batch.fail_waiting(error)


class AdapterGenerator:
    """Generates with the adapters of several bases; all calls share one decode batch for each base."""

    def __init__(self, device: DeviceThread, batches: Sequence[DecodeBatch], scorers: Sequence[ScoreWorker]) -> None:
        """Serve the adapters of `batches` and `scorers`, which must be workers of `device`."""
        self._device = device
        self._batches: dict[str, tuple[DecodeBatch, PromptIds]] = {}
        for batch in batches:
            self._batches |= dict.fromkeys(batch.base.adapters, (batch, PromptIds(batch.base.tokenizer)))
        self._scorers = {adapter: scorer for scorer in scorers for adapter in scorer.base.adapters}

    def count_tokens(self, adapter: str, text: str) -> int:
        """Count the tokens of `text` for the base model of `adapter`, without the tokens a tokenizer adds by itself."""
        return len(self._batch(adapter)[1].own(text))

    async def generate(
        self,
        adapter: str,
        prompt: str,
        sampling: Sampling,
        *,
        on_text: Callable[[str], None] | None = None,
    ) -> Generation:
        """Continue `prompt` with `adapter`; cancelling the call frees its row at the next step.

        Raises:
            GenerationError: prompt and new tokens are too many for the base or its memory, or this generation failed.
            DeviceClosed: the models are shut down.
        """
        batch, ids = self._batch(adapter)
        prompt_ids = _encode_prompt(batch.base, ids, prompt, sampling.max_new_tokens)
        receiver = Receiver(on_text)
        sequence = DecodeSequence(
            adapter=adapter,
            prompt_ids=prompt_ids,
            sampling=sampling,
            tokenizer=batch.base.tokenizer,
            receiver=receiver,
        )
        self._device.submit(lambda: batch.add(sequence))
        try:
            return await receiver.future
        finally:
            sequence.cancelled = True

    async def score(self, adapter: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the natural logarithm of each continuation's probability after its prompt.

        Cancelling the call ends its work at the next step.

        Raises:
            GenerationError: a pair is too long for the base or its memory, or this request failed.
            DeviceClosed: the models are shut down.
        """
        batch, ids = self._batch(adapter)
        scorer = self._scorers[adapter]
        rows = []
        for prompt, continuation in pairs:
            answer = ids.own(continuation)
            rows.append((_encode_prompt(batch.base, ids, prompt, len(answer)), answer))
        if not rows:
            return []
        delivery: Delivery[list[float]] = Delivery()
        request = ScoreRequest(adapter=adapter, pairs=rows, delivery=delivery)
        self._device.submit(lambda: scorer.add(request))
        try:
            return await delivery.future
        finally:
            request.cancelled = True

    def _batch(self, adapter: str) -> tuple[DecodeBatch, PromptIds]:
        try:
            return self._batches[adapter]
        except KeyError:
            known = ", ".join(sorted(self._batches))
            raise GenerationError(f"no adapter {adapter!r}; this profile has {known}") from None


def _encode_prompt(base: LoadedBase, ids: PromptIds, prompt: str, room: int) -> list[int]:
    """Return the token ids of `prompt`, which must leave `room` positions of `base` free.

    Raises:
        GenerationError: it does not.
    """
    encoded = ids.whole(prompt)
    limit = int(base.network.config.max_position_embeddings)
    if not encoded or len(encoded) + room > limit:
        raise GenerationError(f"a prompt of {len(encoded)} tokens does not fit into {limit} positions")
    return encoded
