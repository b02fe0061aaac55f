"""The real `TextEmbedder`: sentence encoders on the device thread, requests gathered into batches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from sentence_transformers import SentenceTransformer

from models.device import DeviceThread, Worker
from models.errors import EmbeddingError
from models.receiver import Delivery
from models.types import Embeddings

STEP_TEXTS = 64  # so that others who need the device wait for no more than these
REMEMBERED = 8192  # vectors of each encoder: 4 MB of the embedded one's


@dataclass(slots=True, kw_only=True, eq=False)
class _Request:
    """Distinct texts for one encoder; `rows` fills up as they are encoded. Who no longer wants them sets `cancelled`."""

    encoder: str
    texts: Sequence[str]
    delivery: Delivery[Embeddings]
    cancelled: bool = False
    rows: dict[str, Embeddings] = field(default_factory=dict)


class EmbedWorker(Worker):
    """Encodes what waits for one encoder, at most `STEP_TEXTS` a step; who asks for more takes turns with the others."""

    def __init__(self, encoders: dict[str, SentenceTransformer]) -> None:
        """Serve `encoders` by name."""
        self.encoders = encoders
        self._waiting: list[_Request] = []

    def add(self, request: _Request) -> None:
        """Queue a request for the next step."""
        self._waiting.append(request)

    def has_work(self) -> bool:
        """Tell whether requests wait."""
        return bool(self._waiting)

    def step(self) -> None:
        """Encode the next texts for the encoder of the first request, each distinct text once."""
        self._waiting = [request for request in self._waiting if not request.cancelled]
        if not self._waiting:
            return
        name = self._waiting[0].encoder
        same = [request for request in self._waiting if request.encoder == name]
        wanted = dict.fromkeys(text for request in same for text in request.texts if text not in request.rows)
        texts = list(wanted)[:STEP_TEXTS]
        try:
            rows = encode(self.encoders[name], texts)
            if not np.isfinite(rows).all():
                raise ValueError("its weights give numbers that are not finite; restore or retrain it")
        except Exception as error:
            failure = EmbeddingError(f"the {name} encoder failed: {type(error).__name__}: {error}")
            self._resolve([request for request in same if not set(texts).isdisjoint(request.texts)], failure)
            return
        found = dict(zip(texts, rows, strict=True))
        for request in same:
            request.rows |= {text: found[text] for text in request.texts if text in found}
        self._resolve([request for request in same if len(request.rows) == len(request.texts)])
        if self._waiting and self._waiting[0] is same[0]:
            self._waiting.append(self._waiting.pop(0))

    def _resolve(self, requests: Sequence[_Request], failure: EmbeddingError | None = None) -> None:
        self._waiting = [request for request in self._waiting if request not in requests]
        for request in requests:
            request.delivery.resolve(failure or np.stack([request.rows[text] for text in request.texts]))

    def close(self, error: Exception) -> None:
        """Fail every waiting request."""
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            request.delivery.resolve(error)


def encode(encoder: SentenceTransformer, texts: Sequence[str]) -> Embeddings:
    """Encode `texts` into float32 unit rows, shape (len(texts), dimensions)."""
    rows = encoder.encode(
        list(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False, batch_size=STEP_TEXTS
    )
    return np.asarray(rows, dtype=np.float32)


class EncoderEmbedder:
    """Embeds texts with the encoders of a profile, each text once while it is remembered.

    Vectors are remembered by a digest of the text, the last `REMEMBERED` of them for each encoder: category names, memories that stand
    as they stood, a message that two checks read. Encoders of the same weights are one encoder here, whatever their names.
    """

    def __init__(self, device: DeviceThread, worker: EmbedWorker) -> None:
        """Use `worker`, which must be one of the workers of `device`."""
        self._device = device
        self._worker = worker
        self._rows: dict[int, OrderedDict[bytes, Embeddings]] = {
            id(each): OrderedDict() for each in worker.encoders.values()
        }

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        """Return unit rows for `texts`; no texts give a matrix without rows. Cancelling the call ends its work at the next step.

        Raises:
            EmbeddingError: the encoder is unknown or failed on this request.
            DeviceClosed: the models are shut down.
        """
        if encoder not in self._worker.encoders:
            raise EmbeddingError(f"no encoder {encoder!r}; this profile has {', '.join(self._worker.encoders)}")
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        remembered = self._rows[id(self._worker.encoders[encoder])]
        digests = {text: blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest() for text in texts}
        known = {text: remembered[digest] for text, digest in digests.items() if digest in remembered}
        if unknown := [text for text in digests if text not in known]:
            delivery: Delivery[Embeddings] = Delivery()
            request = _Request(encoder=encoder, texts=tuple(unknown), delivery=delivery)
            self._device.submit(lambda: self._worker.add(request))
            try:
                known |= zip(unknown, await delivery.future, strict=True)
            finally:
                request.cancelled = True
        for text, digest in digests.items():
            remembered[digest] = known[text]
            remembered.move_to_end(digest)
        while len(remembered) > REMEMBERED:
            remembered.popitem(last=False)
        return np.stack([known[text] for text in texts])
