"""What an owner may choose about the models. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Device(StrEnum):
    """Where the models run; AUTO takes a CUDA device when there is one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """The type of the weights; AUTO is bfloat16 where the hardware multiplies it natively, else float32."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Choices about loading and batching.

    `max_rows` bounds the sequences decoded together for each base model; 1 makes every generation independent of what else runs, bit
    by bit. `cache_tokens` bounds the memory of keys and values of each base: rows times the tokens of the longest. Scoring
    texts takes up to a quarter as much beside it (512 at least).
    """

    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    max_rows: int = 64
    cache_tokens: int = 16384
