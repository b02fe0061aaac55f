"""Answer a prompt with one adapter as a turn would, for evaluation: the same checks and tries, nothing stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.care import CareRule
from engine.clock_context import PARTS, WEEKDAYS, DayPart
from engine.exemplars import ExemplarRetriever
from engine.expression import parse_expression
from engine.final_input import REPLY_MARK, find_message
from engine.generation import SeedSource, Writer
from engine.memory import parse_memory
from engine.types import ignore_event
from models.profile import Profile
from models.types import FinishReason, Generation, Sampling, StepAnswer, TextEmbedder, TextGenerator

if TYPE_CHECKING:
    from models.exemplars import ExemplarIndex


class Rehearsal:
    """Runs single steps of a turn on prompts that are given whole."""

    def __init__(
        self,
        generator: TextGenerator,
        embedder: TextEmbedder,
        profile: Profile,
        care: CareRule,
        seed: int,
        exemplars: Mapping[str, ExemplarIndex] | None = None,
    ) -> None:
        """Draw from `seed` and the prompt; adapters are shown what `exemplars` has, where the profile wants that."""
        self._exemplars = ExemplarRetriever(exemplars or {}, embedder, profile)
        self._generator = generator
        self._embedder = embedder
        self._profile = profile
        self._care = care
        self._seed = seed

    async def answer(self, task: str, prompt: str) -> StepAnswer:
        """Return what the step `task` makes of `prompt`; the text is empty where it makes nothing.

        Well-formed is an answer that needed no fallback; of a memory, one that can be read, whether it may be stored or not, and one
        for which nobody was asked.

        Raises:
            GenerationError: the generator failed.
        """
        generator = _LastTry(self._generator, self._profile)
        exemplars = await self._exemplars.find(prompt) if task in ("output_message", "memory") else {}
        seeds = SeedSource(self._seed, prompt)
        writer = Writer(generator, self._embedder, self._profile, self._care, seeds, exemplars=exemplars)
        if task == "output_message":
            reply = await writer.write_reply(prompt, find_message(prompt), _time_of(prompt), ignore_event)
            return StepAnswer(text=reply.text, is_well_formed=not reply.is_fallback)
        if task == "memory":
            note = await writer.extract_memory(prompt, find_message(prompt))
            is_readable = generator.finish_reason is FinishReason.STOP and parse_memory(generator.text) is not None
            is_well_formed = generator.finish_reason is None or is_readable
            return StepAnswer(text=note.text if note else "", is_well_formed=is_well_formed)
        if task == "summary":
            final_input, _, reply_text = prompt.rpartition(REPLY_MARK)
            summary = await writer.summarise(final_input, reply_text.strip())
            return StepAnswer(text=summary or "", is_well_formed=summary is not None)
        face = await writer.choose_expression(prompt)
        return StepAnswer(
            text=f"(눈 {face.eyes}, 입 {face.mouth}, 고개 돌림 {face.pose})",
            is_well_formed=parse_expression(generator.text) is not None,
        )


class _LastTry:
    """Passes on to a generator and keeps what it answered last, with what the prompt had begun of it."""

    def __init__(self, generator: TextGenerator, profile: Profile) -> None:
        self._generator = generator
        self._profile = profile
        self.text = ""
        self.finish_reason: FinishReason | None = None

    def count_tokens(self, adapter: str, text: str) -> int:
        return self._generator.count_tokens(adapter, text)

    async def generate(
        self, adapter: str, prompt: str, sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        generation = await self._generator.generate(adapter, prompt, sampling, on_text=on_text)
        begun = prompt.rpartition(self._profile.adapters[adapter].start_mark)[2]
        self.text, self.finish_reason = f"{begun}{generation.text}", generation.finish_reason
        return generation

    async def score(self, adapter: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return await self._generator.score(adapter, pairs)


def _time_of(prompt: str) -> DayPart:
    """Return the day and part that the prompt's time mark names, else a plain Wednesday afternoon."""
    for number, day in enumerate(WEEKDAYS):
        for part in PARTS:
            if f"(지금은 {day} {part})" in prompt:
                return DayPart(weekday=number, part=part)
    return DayPart(weekday=2, part="오후")
