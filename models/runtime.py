"""The models of a profile, loaded and running: a generator and an embedder over one device thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from models.decode_batch import DecodeBatch
from models.device import DeviceThread, Worker
from models.embedder import EmbedWorker, EncoderEmbedder
from models.exemplar_file import read_exemplars
from models.exemplars import ExemplarIndex
from models.generator import AdapterGenerator, DecodeWorker
from models.loader import SILENT, LoadProgress, load_models
from models.processor import tune_processor
from models.profile import Profile
from models.scoring import ScoreWorker
from models.settings import ModelSettings
from models.types import TextEmbedder, TextGenerator


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRuntime:
    """What the engine needs of the models; `exemplars` are there for the adapters of which the profile says so, where a generator runs."""

    profile: Profile
    generator: TextGenerator
    embedder: TextEmbedder
    exemplars: Mapping[str, ExemplarIndex] = field(default_factory=dict)


@asynccontextmanager
async def open_models(
    profile: Profile, settings: ModelSettings, progress: LoadProgress = SILENT, *, with_generator: bool = True
) -> AsyncIterator[ModelRuntime]:
    """Load `profile` off the event loop and run it until the context ends.

    Without the generator only the encoders are loaded; asking an adapter is then an error.

    Raises:
        WeightsError: something cannot be loaded.
    """
    loaded = await asyncio.to_thread(load_models, profile, settings, progress, with_generator=with_generator)
    exemplars = await asyncio.to_thread(lambda: read_exemplars(profile) if with_generator else {})
    batches = [
        DecodeBatch(base, loaded.device, settings.max_rows, cache_tokens=settings.cache_tokens) for base in loaded.bases
    ]
    embed_worker = EmbedWorker(loaded.encoders)
    scorers = [
        ScoreWorker(base, loaded.device, settings.max_rows, cache_tokens=max(512, settings.cache_tokens // 4))
        for base in loaded.bases
    ]
    workers: list[Worker] = [embed_worker, *(DecodeWorker(batch) for batch in batches), *scorers]
    tune_processor((base.network for base in loaded.bases), loaded.device)
    async with DeviceThread(workers) as device:
        yield ModelRuntime(
            profile=loaded.profile,
            generator=AdapterGenerator(device, batches, scorers),
            embedder=EncoderEmbedder(device, embed_worker),
            exemplars=exemplars,
        )
