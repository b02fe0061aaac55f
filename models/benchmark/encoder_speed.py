"""How fast the sentence encoders are: texts one by one, and in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from models.embedder import encode
from models.loader import choose_device, load_encoder, without_missing
from models.profile import Profile
from models.settings import ModelSettings
from models.sources import quieten_libraries

_WARM_UP = 5


def measure_encoders(
    profile: Profile,
    settings: ModelSettings,
    texts: Sequence[str],
    tell: Callable[[int, int, float], None] = lambda *_: None,
) -> list[dict[str, Any]]:
    """Return, for each encoder of `profile` that is here, texts a second one by one and together, and the milliseconds of one text.

    `tell` gets the number of encoders that are done, and of all.

    Raises:
        WeightsError: an encoder cannot be loaded.
    """
    quieten_libraries()
    device, _ = choose_device(settings)
    figures = []
    encoders = without_missing(profile).encoders
    for name, source in encoders.items():
        encoder = load_encoder(source.source, device)
        encode(encoder, texts[:_WARM_UP])
        begun = time.perf_counter()
        for text in texts:
            encode(encoder, [text])
        alone_s = time.perf_counter() - begun
        begun = time.perf_counter()
        encode(encoder, texts)
        together_s = time.perf_counter() - begun
        figures.append(
            {
                "encoder": name,
                "texts": len(texts),
                "one_by_one_per_s": round(len(texts) / alone_s, 1),
                "together_per_s": round(len(texts) / together_s, 1),
                "one_ms": round(alone_s / len(texts) * 1000, 3),
            }
        )
        tell(len(figures), len(encoders), 0.0)
    return figures
