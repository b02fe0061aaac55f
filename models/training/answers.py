"""Answer validation prompts with one adapter, greedily and as the engine decodes, and lay the answers beside the expected ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.decode_batch import DecodeBatch
from models.loader import LoadedBase
from models.profile import AdapterProfile
from models.receiver import Receiver
from models.sequence import DecodeSequence
from models.types import Generation, Sampling

ANSWERS_NAME = "validation_answers.md"
MOST_PROMPTS = 120
"""The recipes of the published adapters have 60 to 120 validation rows."""
_ROWS = 20  # of them at once: a device that trains a model has little room beside it
_SECTION = re.compile(r"^## Epoch [\d.]+, step (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterValidation:
    """What an adapter is validated on: (prompt, answer) pairs, as they are trained, with the marks and limits of `adapter`."""

    adapter: AdapterProfile
    examples: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One prompt without its start mark, the expected answer and the given one, both without the stop mark."""

    prompt: str
    expected: str
    answer: str


class _Listener(Receiver):
    """Keeps the text of a generation that runs on the calling thread; a failure stands in the text's place."""

    def __init__(self) -> None:  # no event loop waits for it
        """Begin empty."""
        self.text = ""

    def on_text(self, text: str) -> None:
        """Leave parts aside; the whole comes."""

    def on_finish(self, generation: Generation) -> None:
        """Keep the text."""
        self.text = generation.text.strip()

    def on_error(self, error: Exception) -> None:
        """Keep what went wrong."""
        self.text = f"({error})"


def answer_prompts(base: LoadedBase, validation: AdapterValidation) -> list[Answer]:
    """Answer the first `MOST_PROMPTS` examples with the one adapter of `base`; stops at the stop mark or the profile's limit."""
    adapter, examples = validation.adapter, validation.examples[:MOST_PROMPTS]
    batch = DecodeBatch(base, base.network.device, _ROWS)
    listeners = [_Listener() for _ in examples]
    for (prompt, _), listener in zip(examples, listeners, strict=True):
        ids = list(base.tokenizer(prompt)["input_ids"])
        room = int(base.network.config.max_position_embeddings) - len(ids)
        if room < 1:
            listener.text = f"(the prompt has {len(ids)} tokens, more than the base has positions)"
            continue
        sampling = Sampling(
            temperature=0, max_new_tokens=min(adapter.new_token_limit(len(ids)), room), stop=adapter.stop_mark, seed=0
        )
        batch.add(
            DecodeSequence(
                adapter=base.adapters[0],
                prompt_ids=ids,
                sampling=sampling,
                tokenizer=base.tokenizer,
                receiver=listener,
            )
        )
    while batch.has_work():
        batch.step()
    return [
        Answer(
            prompt=prompt.removesuffix(adapter.start_mark),
            expected=answer.removesuffix(adapter.stop_mark).strip(),
            answer=listener.text,
        )
        for (prompt, answer), listener in zip(examples, listeners, strict=True)
    ]


def exact_share(answers: Sequence[Answer]) -> float:
    """Return the share (0..1) of answers that are the expected ones to the letter; 0 for no answers."""
    return sum(answer.answer == answer.expected for answer in answers) / len(answers) if answers else 0.0


def append_answers(file: Path, epoch: float, step: int, answers: Sequence[Answer]) -> None:
    """Add a section with a table of `answers`; sections of this step and later ones, of an interrupted run, go."""
    text = file.read_text(encoding="utf-8") if file.is_file() else "# Validation answers\n"
    stale = next((match.start() for match in _SECTION.finditer(text) if int(match[1]) >= step), len(text))
    rows = [f"| {_cell(a.prompt)} | {_cell(a.expected)} | {_cell(a.answer)} |" for a in answers]
    head = [f"\n## Epoch {epoch:g}, step {step}", "", "| prompt | expected | answered |", "|---|---|---|"]
    file.write_text(text[:stale].rstrip("\n") + "\n" + "\n".join([*head, *rows]) + "\n", encoding="utf-8")


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
