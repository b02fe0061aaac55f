"""The command `evaluate held-out`: both tasks on the text that is held out, with what to think of the weights that are measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.evaluation.corpus_match import is_same_text
from models.evaluation.dialogue import Answerer
from models.evaluation.ethics import EthicsScores, Sanctioned, ethics_figures, score_ethics
from models.evaluation.held_out import (
    HeldOutAnswer,
    answer_held_out,
    held_out_figures,
    read_forbidden,
    read_held_out_ethics,
    read_held_out_prompts,
)
from models.profile import Profile
from models.training.dialogue_files import DATA_DIR
from models.types import TextEmbedder

Stage = Callable[[str], Callable[[int, int, float], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutRun:
    """What was measured, None for a task that was not; `same_text`: the weights were trained on models/data as it is now."""

    profile: Profile
    same_text: bool | None
    dialogue: Sequence[HeldOutAnswer] | None
    ethics: EthicsScores | None


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
    """Measure `tasks` (dialogue, ethics) on what `data` holds out, at most `limit` prompts of each adapter and as many sentences.

    Raises:
        CorpusError: the text breaks its format. ModelError: no ethics sentence is held out.
    """
    dialogue, ethics = None, None
    if "dialogue" in tasks:
        prompts = read_held_out_prompts(data, seed=seed, limit=limit)
        report = stage("prompts")
        dialogue = await answer_held_out(
            prompts, answer, read_forbidden(data / "facts.toml"), lambda n: report(n, len(prompts), 0.0)
        )
    if "ethics" in tasks:
        ethics = await score_ethics(embedder, read_held_out_ethics(data, limit=limit), sanctioned)
    return HeldOutRun(profile=profile, same_text=is_same_text(profile, data), dialogue=dialogue, ethics=ethics)


def held_out_run_figures(run: HeldOutRun) -> dict[str, Any]:
    """Return what the command prints."""
    figures: dict[str, Any] = {"same_text": run.same_text}
    if run.dialogue is not None:
        figures["dialogue"] = held_out_figures(run.dialogue)
    if run.ethics is not None:
        figures["ethics"] = ethics_figures(run.ethics)
    return figures
