"""Prompt and answer of each adapter for a dialogue row, exactly as the engine will ask and the adapter must answer."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from models.fronts import split_front
from models.profile import AdapterProfile
from models.training.augment import swap_synonyms
from models.training.dialogue_rows import DialogueRow

REPLY_MARK = " (오로라 답변)"


def make_example(adapter: str, profile: AdapterProfile, row: DialogueRow) -> tuple[str, str] | None:
    """Return (prompt, answer) for `adapter`, or None where `row` teaches it nothing.

    The answer ends with the stop mark, because a fine-tuned model rarely emits its end-of-text token.
    """
    prompts = {
        "output_message": (row.input, row.reply),
        "memory": (row.input, row.memory),
        "summary": (f"{row.input}{REPLY_MARK}{row.reply}", row.summary),
        "eyes_mouth_pose": (row.reply, row.expression),
    }
    prompt, answer = prompts[adapter]
    if answer is None:
        return None
    return f"{prompt}{profile.start_mark}", profile.write_answer(answer)


def with_synonyms(rows: Iterable[DialogueRow], seed: int) -> list[DialogueRow]:
    """Return `rows` and, behind each whose message knows a synonym, the row with one word swapped."""
    rng = random.Random(seed)
    widened = []
    for row in rows:
        front, mark, message = split_front(row.input)
        swapped = swap_synonyms(message, rng)
        widened += [row] if swapped == message else [row, replace(row, input=f"{front}{mark}{swapped}")]
    return widened


def make_examples(adapter: str, profile: AdapterProfile, rows: Iterable[DialogueRow]) -> list[tuple[str, str]]:
    """Return the distinct examples of `adapter` in the order of `rows`."""
    examples = (make_example(adapter, profile, row) for row in rows)
    return list(dict.fromkeys(example for example in examples if example is not None))
