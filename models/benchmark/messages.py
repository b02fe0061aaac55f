"""What people write in a benchmark: the messages of golden prompts, without what stands in front of them. No torch here."""

from __future__ import annotations

import random
from pathlib import Path

from models.evaluation.dialogue import read_golden
from models.fronts import split_front


def bench_messages(golden: Path, seed: int) -> tuple[str, ...]:
    """Return the different messages of the reply prompts in `golden`, shuffled by `seed`.

    Raises:
        ModelError: the file cannot be read.
    """
    messages = sorted({split_front(each.input)[2] for each in read_golden(golden) if each.task == "output_message"})
    random.Random(seed).shuffle(messages)
    return tuple(messages)
