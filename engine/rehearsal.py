"""Answer a prompt with one adapter as a turn would, for evaluation: the same checks and tries, nothing stored."""

from __future__ import annotations

from engine.clock_context import PARTS, WEEKDAYS, DayPart
from engine.final_input import REPLY_MARK
from engine.generation import SeedSource, Writer
from engine.types import ignore_event
from models.profile import Profile
from models.types import TextGenerator


class Rehearsal:
    """Runs single steps of a turn on prompts that are given whole."""

    def __init__(self, generator: TextGenerator, profile: Profile, seed: int) -> None:
        """Draw from `seed` and the prompt."""
        self._generator = generator
        self._profile = profile
        self._seed = seed

    async def answer(self, task: str, prompt: str) -> str:
        """Return what the step `task` makes of `prompt`; empty where it makes nothing.

        Raises:
            GenerationError: the generator failed.
        """
        writer = Writer(self._generator, self._profile, SeedSource(self._seed, prompt))
        if task == "output_message":
            return (await writer.write_reply(prompt, _time_of(prompt), ignore_event)).text
        if task == "memory":
            note = await writer.extract_memory(prompt, prompt)
            return note.text if note else ""
        if task == "summary":
            final_input, _, reply = prompt.rpartition(REPLY_MARK)
            return await writer.summarise(final_input, reply.strip()) or ""
        face = await writer.choose_expression(prompt)
        return f"(눈 {face.eyes}, 입 {face.mouth}, 고개 돌림 {face.pose})"


def _time_of(prompt: str) -> DayPart:
    """Return the day and part that the prompt's time mark names, else a plain Wednesday afternoon."""
    for number, day in enumerate(WEEKDAYS):
        for part in PARTS:
            if f"(지금은 {day} {part})" in prompt:
                return DayPart(weekday=number, part=part)
    return DayPart(weekday=2, part="오후")
