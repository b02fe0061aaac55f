"""The command `evaluate held-out`: all tasks on the text that is held out, with what to think of the weights that are measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.evaluation.corpus_match import TASKS, is_same_text, is_without_topics
from models.evaluation.dialogue import Answerer
from models.evaluation.ethics import EthicsScores, Sanctioned, ethics_figures, score_ethics
from models.evaluation.held_out import (
    HeldOutAnswer,
    Part,
    answer_held_out,
    held_out_figures,
    read_forbidden,
    read_held_out_ethics,
    read_held_out_memory,
    read_held_out_prompts,
)
from models.evaluation.memory import MemoryScores, memory_figures, score_memory
from models.profile import Profile
from models.training.dialogue_files import DATA_DIR
from models.training.key_similarity import KeyGroups
from models.types import TextEmbedder

Stage = Callable[[str], Callable[[int, int, float], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutRun:
    """What was measured, None for a task that was not.

    `same_text`: the weights were trained on models/data as it is now; `without_topics`, for each task: nothing of the topics and keys
    that are held out whole was read.
    """

    profile: Profile
    same_text: bool | None
    without_topics: Mapping[str, bool | None]
    dialogue: Mapping[Part, Sequence[HeldOutAnswer]] | None
    ethics: EthicsScores | None
    ethics_parts: Mapping[Part, EthicsScores]
    memory: MemoryScores | None


async def measure_held_out(
    profile: Profile,
    tasks: Collection[str],
    answer: Answerer,
    embedder: TextEmbedder,
    sanctioned: Sanctioned,
    stage: Stage,
    *,
    seed: int,
    limit: int | None,
    data: Path = DATA_DIR,
) -> HeldOutRun:
    """Measure `tasks` (dialogue, ethics, memory) on what `data` holds out, at most `limit` prompts of each adapter and as many sentences.

    Raises:
        CorpusError: the text breaks its format. ModelError: no ethics sentence is held out.
    """
    dialogue, ethics, memory = None, None, None
    parts: dict[Part, EthicsScores] = {}
    if "dialogue" in tasks:
        prompts = read_held_out_prompts(data, seed=seed, limit=limit)
        report = stage("prompts")
        answers = await answer_held_out(
            prompts,
            answer,
            read_forbidden(data / "facts.toml"),
            KeyGroups(data / "memory" / "key_groups.txt"),
            lambda n: report(n, len(prompts), 0.0),
        )
        dialogue = {part: [each for each in answers if each.prompt.part is part] for part in Part}
    if "ethics" in tasks:
        sentences = read_held_out_ethics(data, limit=limit)
        ethics = await score_ethics(embedder, [each for found in sentences.values() for each in found], sanctioned)
        parts = {part: ethics.among(set(found)) for part, found in sentences.items() if found}
    if "memory" in tasks and (pairs := read_held_out_memory(data)):
        memory = await score_memory(embedder, pairs)
    return HeldOutRun(
        profile=profile,
        same_text=is_same_text(profile, data),
        without_topics={task: is_without_topics(profile, task) for task in TASKS if task in tasks},
        dialogue=dialogue,
        ethics=ethics,
        ethics_parts=parts,
        memory=memory,
    )


def held_out_run_figures(run: HeldOutRun) -> dict[str, Any]:
    """Return what the command prints."""
    parts: dict[str, dict[str, Any]] = {part: {} for part in Part}
    for part, answers in (run.dialogue or {}).items():
        parts[part]["dialogue"] = held_out_figures(answers)
    for part, scores in run.ethics_parts.items():
        parts[part]["ethics"] = ethics_figures(scores)
    if run.memory is not None:
        parts[Part.TOPIC]["memory"] = memory_figures(run.memory)
    return {"same_text": run.same_text, "without_topics": dict(run.without_topics), **parts}
